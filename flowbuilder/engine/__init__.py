"""Running an execution: lease, walk, step runs, retries and history. Knows nothing of Prefect."""
