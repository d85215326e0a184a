"""The warm worker: dispatcher, fork server, store listener and reconciler."""
