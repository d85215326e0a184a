"""The command that lists and decides reviews."""
