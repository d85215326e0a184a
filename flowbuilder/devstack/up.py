"""The local stack: starts the database, Prefect's server, the review app and the worker under a supervisor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowbuilder.devstack import process_specs
from flowbuilder.devstack.probes import HOST, ensure_free
from flowbuilder.devstack.runtime_state import (
    RuntimeState,
    read_runtime_state,
    remove_runtime_state,
    write_runtime_state,
)
from flowbuilder.devstack.supervisor import Supervisor
from flowbuilder.errors import Refused
from flowbuilder.ports.private_files import close_tree_to_others, private_folder
from flowbuilder.settings import Settings

OnProgress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class DemoSite:
    """The sample site to serve: the folder of its pages, and its port."""

    content: Path
    port: int


@dataclass(frozen=True, kw_only=True)
class DevStack:
    """The running stack: its addresses, settings, supervisor and environment."""

    addresses: RuntimeState
    settings: Settings
    supervisor: Supervisor
    environment: dict[str, str]

    def start_worker(self) -> None:
        """Start the worker. Deployments should exist by then."""
        self.supervisor.start(process_specs.worker(self.environment, self.settings))


def local_url(port: int) -> str:
    """The URL of a port of this machine."""
    return f"http://{HOST}:{port}"


@contextmanager
def start_dev_stack(
    settings: Settings, *, prefect_port: int, review_port: int, site: DemoSite | None = None, on_progress: OnProgress
) -> Iterator[DevStack]:
    """Start everything but the worker and wait until it is ready; stop all processes at the end of the `with` block.

    Sets this process's PREFECT_* variables to the new server. Raises `Refused` when a stack runs in this home already,
    `ConfigurationError` when a port is taken, `Unavailable` when a process does not start.
    """
    home = settings.home
    running = read_runtime_state(home)
    if running is not None:
        raise Refused(f"flowbuilder is already running in {home} (process {running.pid}): {running.review}")
    ensure_free(prefect_port, what="Prefect's server", option="--prefect-port")
    ensure_free(review_port, what="the review app", option="--review-port")
    if site is not None:
        ensure_free(site.port, what="the sample site", option="--site-port")
    private_folder(home)
    close_tree_to_others(private_folder(home / "prefect"))
    prefect = process_specs.prefect_environment(home, prefect_port)
    os.environ.update(prefect)
    environment = process_specs.program_environment(settings, prefect)
    addresses = RuntimeState(
        pid=os.getpid(),
        prefect=local_url(prefect_port),
        review=local_url(review_port),
        site=local_url(site.port) if site else "",
    )
    with Supervisor(home / "logs") as supervisor:
        on_progress(
            "Starting Prefect, the review app and the sample site" if site else "Starting Prefect and the review app"
        )
        supervisor.start(process_specs.prefect_server(environment, prefect_port))
        _create_store(settings)
        supervisor.start(process_specs.review_app(environment, settings, review_port))
        names = ["prefect", "review-app"]
        if site is not None:
            supervisor.start(process_specs.sample_site(environment, site.content, site.port))
            names.append("sample-site")
        supervisor.wait_until_ready(names)
        write_runtime_state(home, addresses)
        try:
            yield DevStack(addresses=addresses, settings=settings, supervisor=supervisor, environment=environment)
        finally:
            remove_runtime_state(home)


def _create_store(settings: Settings) -> None:
    """Create the embedded database before several processes would do so at the same time."""
    from flowbuilder.bootstrap import open_store

    open_store(settings)
