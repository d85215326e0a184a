"""Looks at a set-up and says what is wrong with it, and what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from flowbuilder.devstack.probes import answers, ask
from flowbuilder.devstack.runtime_state import read_runtime_state, use_running_prefect
from flowbuilder.errors import FlowbuilderError
from flowbuilder.settings import Settings

Verdict = Literal["ok", "warning", "problem"]
LEAST_DISK = 500_000_000
LARGEST_SKEW = 30.0
_BOUNDS = {
    "prefect": ((3, 8), (3, 9), "flowbuilder is made for Prefect 3.8"),
    "fastapi": ((0, 139), (0, 151), "Prefect's server does not start with a newer one"),
    "sqlalchemy": ((2, 0), (2, 1), "with a newer one Prefect creates no scheduled run, and says nothing"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at: how it is, and what to do where it is not well."""

    name: str
    verdict: Verdict
    said: str
    remedy: str = ""


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one after the other; nothing is changed."""
    examinations: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _home,
        _database,
        _prefect,
        _worker,
        _review_app,
        _sites,
        _connections,
        _sandbox,
    )
    for examination in examinations:
        try:
            yield from examination(settings)
        except FlowbuilderError as problem:
            yield Finding(name=examination.__name__.strip("_"), verdict="problem", said=problem.message)


def _python(_settings: Settings) -> Iterator[Finding]:
    said = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < (3, 15):
        yield Finding(name="python", verdict="ok", said=said)
    else:
        yield Finding(name="python", verdict="warning", said=f"{said} is newer than what is tested (3.11 to 3.14)")


def _packages(_settings: Settings) -> Iterator[Finding]:
    for name, (lowest, beyond, reason) in _BOUNDS.items():
        try:
            said = version(name)
        except PackageNotFoundError:
            yield Finding(name=name, verdict="problem", said="not installed", remedy="install flowbuilder again")
            continue
        numbers = tuple(int(part) for part in said.split(".")[:2] if part.isdigit())
        if lowest <= numbers < beyond:
            yield Finding(name=name, verdict="ok", said=said)
        else:
            wanted = f"pip install '{name}>={_dotted(lowest)},<{_dotted(beyond)}'"
            yield Finding(name=name, verdict="problem", said=f"{said}: {reason}", remedy=wanted)


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        remedy = "give this user write access, or set FLOWBUILDER_HOME"
        yield Finding(name="home", verdict="problem", said=f"{home} cannot be written", remedy=remedy)
        return
    free = shutil.disk_usage(place).free
    said = f"{home}, {free / 1e9:.1f} GB free"
    if free < LEAST_DISK:
        yield Finding(name="home", verdict="problem", said=said, remedy="make room: a full disk stops every execution")
    else:
        yield Finding(name="home", verdict="ok", said=said)


def _database(settings: Settings) -> Iterator[Finding]:
    from flowbuilder.bootstrap import database_url
    from flowbuilder.store import current, display_url, lack_of_disk_space, newest

    url = database_url(settings)
    where = display_url(url)
    embedded = url.removeprefix("sqlite:///")
    if embedded != url and not Path(embedded).exists():
        yield Finding(name="database", verdict="ok", said=f"{where}, made when it is first used")
        return
    there, wanted = current(url), newest()
    if there == wanted:
        yield Finding(name="database", verdict="ok", said=f"{where}, schema {there}")
    else:
        said = f"{where} has schema {there or 'none'}, this flowbuilder needs {wanted}"
        yield Finding(name="database", verdict="problem", said=said, remedy="flowbuilder db upgrade")
    if lack := lack_of_disk_space(url, settings.least_free):
        remedy = "make room; until then nothing begins, and then it goes on by itself"
        yield Finding(name="room", verdict="problem", said=lack, remedy=remedy)


def _prefect(settings: Settings) -> Iterator[Finding]:
    api = _api(settings)
    if api is None:
        remedy = "flowbuilder up, or set PREFECT_API_URL"
        yield Finding(name="Prefect", verdict="warning", said="no server is named, and none runs here", remedy=remedy)
        return
    reply = ask(f"{api}/admin/version")
    if reply is None:
        remedy = "start it (flowbuilder up), or correct PREFECT_API_URL"
        yield Finding(name="Prefect", verdict="problem", said=f"{api} does not answer", remedy=remedy)
        return
    ours, theirs = version("prefect"), str(reply.value)
    if ours.split(".")[:2] != theirs.split(".")[:2]:
        said = f"{api} is {theirs}, this client is {ours}"
        yield Finding(name="Prefect", verdict="problem", said=said, remedy="use the same minor version on both sides")
    else:
        yield Finding(name="Prefect", verdict="ok", said=f"{api}, {theirs}")
    if reply.date:
        skew = abs((parsedate_to_datetime(reply.date) - datetime.now(UTC)).total_seconds())
        if skew > LARGEST_SKEW:
            remedy = "set both clocks by NTP; nothing breaks, but schedules and due dates are off"
            yield Finding(name="clock", verdict="warning", said=f"{skew:.0f} s away from Prefect's", remedy=remedy)


def _worker(settings: Settings) -> Iterator[Finding]:
    api = _api(settings)
    if api is None or ask(f"{api}/health") is None:
        return
    pool = settings.work_pool
    remedy = f"flowbuilder worker --pool {pool}"
    if ask(f"{api}/work_pools/{pool}") is None:
        yield Finding(name="worker", verdict="problem", said=f"there is no work pool {pool}", remedy=remedy)
        return
    reply = ask(f"{api}/work_pools/{pool}/workers/filter", {"limit": 100})
    workers = reply.value if reply is not None and isinstance(reply.value, list) else []
    online = [item for item in workers if isinstance(item, dict) and item.get("status") == "ONLINE"]
    if online:
        yield Finding(name="worker", verdict="ok", said=f"{len(online)} online in the work pool {pool}")
    else:
        said = f"none is online in the work pool {pool}: nothing runs"
        yield Finding(name="worker", verdict="problem", said=said, remedy=remedy)


def _review_app(settings: Settings) -> Iterator[Finding]:
    running = read_runtime_state(settings.home)
    url = running.review if running else settings.review_url
    if answers(f"{url}/_stcore/health"):
        yield Finding(name="review app", verdict="ok", said=url)
    else:
        remedy = "flowbuilder up, or set FLOWBUILDER_REVIEW_URL to where it is"
        said = f"{url} does not answer"
        yield Finding(name="review app", verdict="warning", said=said, remedy=remedy)


def _sites(settings: Settings) -> Iterator[Finding]:
    from flowbuilder.devstack.doctor.site_checks import site_problems

    found = False
    for name, problems in site_problems(settings):
        found = True
        for said, remedy in problems:
            yield Finding(name=f"site {name}", verdict="warning", said=said, remedy=remedy)
        if not problems:
            yield Finding(name=f"site {name}", verdict="ok", said="its file, connections and models")
    if not found:
        remedy = "write one, or set FLOWBUILDER_SITES to their folder"
        yield Finding(name="sites", verdict="warning", said=f"no site files in {settings.sites}", remedy=remedy)


def _connections(settings: Settings) -> Iterator[Finding]:
    from flowbuilder.devstack.doctor.limit_checks import limit_problems

    found = False
    for name, said in limit_problems(settings):
        found = True
        yield Finding(name=f"connection {name}", verdict="problem", said=said, remedy="docs/operating.md, Limits")
    if not found:
        yield Finding(name="connections", verdict="ok", said="the limits that they declare can be read")


def _sandbox(_settings: Settings) -> Iterator[Finding]:
    from flowbuilder.adapters.sandbox_isolation import confined_binary

    if confined_binary() is not None:
        yield Finding(name="sandbox", verdict="ok", said="code steps run in Monty, inside bubblewrap")
    else:
        said = "code steps run in Monty, without bubblewrap around it"
        yield Finding(name="sandbox", verdict="warning", said=said, remedy="install bubblewrap for a second wall")


def _api(settings: Settings) -> str | None:
    use_running_prefect(settings.home)
    return (os.environ.get("PREFECT_API_URL") or "").rstrip("/") or None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
