"""What commands print: results as text or JSON, tables, diffs and timelines."""
