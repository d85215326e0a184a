"""Commands that start and control executions."""
