"""Language models by name, and their decorators for limits and recording."""
