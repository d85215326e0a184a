"""The database itself: connections, transactions, dialects, types and migrations."""
