"""Everything for one machine: the store, Prefect's server, the worker and the review app, started and watched."""

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
from flowbuilder.settings import Settings

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A sample site to serve as well: the folder of its pages, and its port."""

    content: Path
    port: int


@dataclass(frozen=True, kw_only=True)
class DevStack:
    """What runs now, and where."""

    addresses: RuntimeState
    settings: Settings
    supervisor: Supervisor
    environment: dict[str, str]

    def start_worker(self) -> None:
        """Start what runs executions; deployments should be there by now."""
        self.supervisor.start(process_specs.worker(self.environment, self.settings))


def address(port: int) -> str:
    """The address of a port of this machine."""
    return f"http://{HOST}:{port}"


@contextmanager
def everything(
    settings: Settings, *, prefect_port: int, review_port: int, site: Site | None = None, tell: Tell
) -> Iterator[DevStack]:
    """Start all but the worker and wait until it answers; stop all of it at the end.

    `Refused` when it runs already in this home, `ConfigurationError` when a port is taken, `Unavailable` when a part
    does not come up. Afterwards this process's own Prefect client means the server started here.
    """
    home = settings.home
    there = read_runtime_state(home)
    if there is not None:
        raise Refused(f"flowbuilder runs already in {home} (process {there.pid}): {there.review}")
    ensure_free(prefect_port, what="Prefect's server", option="--prefect-port")
    ensure_free(review_port, what="the review app", option="--review-port")
    if site is not None:
        ensure_free(site.port, what="the sample site", option="--site-port")
    home.mkdir(parents=True, exist_ok=True)
    prefect = process_specs.prefect_environment(home, prefect_port)
    os.environ.update(prefect)
    environment = process_specs.program_environment(settings, prefect)
    addresses = RuntimeState(
        pid=os.getpid(),
        prefect=address(prefect_port),
        review=address(review_port),
        site=address(site.port) if site else "",
    )
    with Supervisor(home / "logs") as supervisor:
        tell("starting Prefect's server, the review app" + (" and the sample site" if site else ""))
        supervisor.start(process_specs.prefect_server(environment, prefect_port))
        _make_store(settings)
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


def _make_store(settings: Settings) -> None:
    """Make the embedded database before several programs would at once."""
    from flowbuilder.bootstrap import open_store

    open_store(settings)
