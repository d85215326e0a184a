"""Commands that operate an installation: sites, deployments, workers, database."""
