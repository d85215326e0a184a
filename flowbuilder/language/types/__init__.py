"""Static types of the language: shapes, inference and the checker."""
