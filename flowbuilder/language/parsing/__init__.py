"""Parsing: a syntax tree from a text, templates by jinja2, expressions by lark."""
