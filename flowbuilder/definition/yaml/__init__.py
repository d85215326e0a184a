"""The YAML reader: text -> JSON values, each with its line and column."""
