"""The bundled sample site: a folder of Markdown served as HTML, with search figures as Search Console gives them."""
