"""Commands that start everything on one machine."""
