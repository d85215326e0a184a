"""Flow runs and task runs: executions and steps as Prefect shows them."""
