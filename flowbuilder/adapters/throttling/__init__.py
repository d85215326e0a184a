"""Rate limits of connections, shared by all workers through the store."""
