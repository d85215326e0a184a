"""The bundled sample site: Markdown pages served as HTML, and a Search Console API with generated search data."""
