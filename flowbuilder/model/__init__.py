"""The domain records and their rules: executions, events, reviews, effects and leases. Pure: no I/O."""
