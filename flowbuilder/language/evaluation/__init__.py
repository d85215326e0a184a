"""Operators, functions and printing: what compiled code calls."""
