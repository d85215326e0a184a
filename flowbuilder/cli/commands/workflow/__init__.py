"""Commands that write, check and store workflows."""
