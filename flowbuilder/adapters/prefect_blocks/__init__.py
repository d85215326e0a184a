"""Connections and databases as Prefect blocks."""
