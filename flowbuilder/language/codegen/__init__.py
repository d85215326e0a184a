"""Code generation: a Python function from a syntax tree."""
