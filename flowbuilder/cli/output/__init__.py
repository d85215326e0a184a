"""Command output: results as text or JSON, tables, diffs, executions and reviews."""
