"""Loading: a YAML or JSON document becomes a typed `Definition`, with a diagnostic for each fault in it."""
