"""Syntax tree to Python function."""
