"""Process specs of the local stack: Prefect's server, the worker, the review app, the sample site."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from flowbuilder.devstack import streamlit_command
from flowbuilder.devstack.probes import HOST
from flowbuilder.devstack.process import ProcessSpec
from flowbuilder.settings import Settings


def prefect_environment(home: Path, port: int) -> dict[str, str]:
    """The environment of a local Prefect server: its data in `home`, no analytics, no promotional content.

    By default the server writes each task run event in its own transaction, which on SQLite blocks clients that start
    runs; here it batches them for a second. Leases of concurrency limit slots are kept in files: a restart would lose
    leases in memory, and their slots would stay taken.
    """
    return {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "DO_NOT_TRACK": "1",
    }


def program_environment(settings: Settings, prefect: Mapping[str, str]) -> dict[str, str]:
    """The environment of flowbuilder's own processes: this process's, with these settings and this Prefect."""
    variables = {f"FLOWBUILDER_{name.upper()}": str(getattr(settings, name)) for name in type(settings).model_fields}
    return {
        **os.environ,
        **prefect,
        **{name: value for name, value in variables.items() if value},
        "PYTHONUNBUFFERED": "1",
    }


def prefect_server(environment: Mapping[str, str], port: int) -> ProcessSpec:
    """Prefect's API and UI, on SQLite."""
    return ProcessSpec(
        name="prefect",
        command=[sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)],
        environment={**environment, "PREFECT_SERVER_LOGGING_LEVEL": "WARNING"},
        health=f"http://{HOST}:{port}/api/health",
        start_timeout=180.0,
        private=True,
    )


def worker(environment: Mapping[str, str], settings: Settings) -> ProcessSpec:
    """The warm worker."""
    return ProcessSpec(
        name="worker",
        command=[sys.executable, "-m", "flowbuilder", "worker", "--pool", settings.work_pool],
        environment=environment,
    )


def review_app(environment: Mapping[str, str], settings: Settings, port: int) -> ProcessSpec:
    """The review app."""
    return ProcessSpec(
        name="review-app",
        command=streamlit_command.command(settings, port),
        environment=streamlit_command.environment(settings, environment),
        health=f"http://{HOST}:{port}/_stcore/health",
        start_timeout=90.0,
        private=True,
    )


def sample_site(environment: Mapping[str, str], content: Path, port: int) -> ProcessSpec:
    """The sample site of the demo, with its Search Console API."""
    search = str(content / "search.yaml")
    return ProcessSpec(
        name="sample-site",
        command=[
            sys.executable, "-m", "flowbuilder.devstack.sample_site",
            "--content", str(content), "--search", search, "--port", str(port),
        ],
        environment=environment,
        health=f"http://{HOST}:{port}/",
        start_timeout=30.0,
    )  # fmt: skip
