"""The rules of each generator: `addresses(folder, options)` yields the addresses of a site's files."""
