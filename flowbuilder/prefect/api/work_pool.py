"""The work pool whose runs warm workers take."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

WORKER_TYPE = "flowbuilder"
DESCRIPTION = "Runs of stored workflows: many at once in one warm process (`flowbuilder worker`)."


def job_template() -> dict[str, Any]:
    """A warm worker runs everything in the environment that it was started in. Prefect demands a variable, though."""
    name = {"type": "string", "title": "Name", "description": "Not used by warm workers", "default": ""}
    return {
        "job_configuration": {"name": "{{ name }}"},
        "variables": {"type": "object", "properties": {"name": name}},
    }


def ensure_pool(client: SyncPrefectClient, name: str) -> WorkPool:
    """The work pool of this name, made for warm workers unless it is there; one of any other type stays as it is."""
    try:
        return client.read_work_pool(name)
    except ObjectNotFound:
        pass
    wanted = WorkPoolCreate(name=name, type=WORKER_TYPE, description=DESCRIPTION, base_job_template=job_template())
    try:
        return client.create_work_pool(wanted)
    except ObjectAlreadyExists:  # someone else made it in this moment
        return client.read_work_pool(name)
