"""Text to syntax tree: templates by jinja2, expressions by lark."""
