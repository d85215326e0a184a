"""Effects of one step run: the effect ledger, step memos, the approval guard and undo."""
