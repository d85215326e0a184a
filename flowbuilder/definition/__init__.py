"""The loader: a YAML or JSON document -> a typed `Definition`, and a diagnostic for each error in it."""
