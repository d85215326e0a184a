"""Commands that list and decide reviews."""
