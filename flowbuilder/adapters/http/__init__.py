"""HTTP: the guarded client, bounded bodies and page extraction."""
