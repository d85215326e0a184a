"""Repositories: the SQL of each kind of record."""
