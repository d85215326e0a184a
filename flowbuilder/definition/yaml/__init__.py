"""YAML with positions: text to JSON values, each with its line and column."""
