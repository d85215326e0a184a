"""Deployments: one for each site and workflow, with its parameters and schedules."""
