"""Prefect as the host of executions: worker, flow runs, deployments. The only home of the prefect library."""
