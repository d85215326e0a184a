"""Implementations of the ports: the only home of the libraries that reach the outside world."""
