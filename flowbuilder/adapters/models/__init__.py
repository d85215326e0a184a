"""Language models by name, and the decorators around them."""
