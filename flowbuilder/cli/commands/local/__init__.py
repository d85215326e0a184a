"""Commands that start the local stack."""
