"""Prefect, and nowhere else: flows, tasks, the worker, deployments, and what wakes and repairs executions."""
