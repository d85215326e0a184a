"""Repositories: the queries and writes of each kind of record."""
