"""The database layer: connections, transactions, dialects, tables, migrations."""
