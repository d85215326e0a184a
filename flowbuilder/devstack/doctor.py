"""The set-up checks behind `flowbuilder doctor`."""

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

from flowbuilder.devstack.probes import fetch_json, responds
from flowbuilder.devstack.runtime_state import read_runtime_state, use_running_prefect
from flowbuilder.diagnostics import count
from flowbuilder.errors import FlowbuilderError
from flowbuilder.settings import Settings

Verdict = Literal["ok", "warning", "problem"]
MIN_FREE_BYTES = 500_000_000
MAX_CLOCK_SKEW_SECONDS = 30.0
_SUPPORTED_VERSIONS = {
    "prefect": ((3, 8), (3, 9), "flowbuilder supports Prefect 3.8 only"),
    "fastapi": ((0, 139), (0, 151), "Prefect's server does not start with newer versions"),
    "sqlalchemy": ((2, 0), (2, 1), "with newer versions, Prefect silently creates no scheduled runs"),
}


@dataclass(frozen=True)
class CheckResult:
    """The result of one check: a verdict, a message, and a remedy where the verdict is not ok."""

    name: str
    verdict: Verdict
    message: str
    remedy: str = ""


def run_checks(settings: Settings) -> Iterator[CheckResult]:
    """Run all checks in order; yields one or more results per check. Changes nothing."""
    checks: tuple[Callable[[Settings], Iterator[CheckResult]], ...] = (
        _python,
        _packages,
        _home,
        _private_files,
        _database,
        _prefect,
        _worker,
        _review_app,
        _sign_in,
        _sites,
        _addresses,
        _reviewers,
        _connections,
        _tools,
        _sandbox,
    )
    for run_check in checks:
        try:
            yield from run_check(settings)
        except FlowbuilderError as problem:
            name = run_check.__name__.strip("_").replace("_", " ")
            yield CheckResult(name, "problem", problem.message)


def _python(_settings: Settings) -> Iterator[CheckResult]:
    message = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < (3, 15):
        yield CheckResult("python", "ok", message)
    else:
        yield CheckResult("python", "warning", f"{message} is newer than the tested versions (3.11 to 3.14)")


def _packages(_settings: Settings) -> Iterator[CheckResult]:
    for name, (lowest, limit, reason) in _SUPPORTED_VERSIONS.items():
        try:
            message = version(name)
        except PackageNotFoundError:
            yield CheckResult(name, "problem", "not installed", remedy="reinstall flowbuilder")
            continue
        numbers = tuple(int(part) for part in message.split(".")[:2] if part.isdigit())
        if lowest <= numbers < limit:
            yield CheckResult(name, "ok", message)
        else:
            wanted = f"pip install '{name}>={_dotted(lowest)},<{_dotted(limit)}'"
            yield CheckResult(name, "problem", f"{message}: {reason}", remedy=wanted)


def _home(settings: Settings) -> Iterator[CheckResult]:
    home = settings.home
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        remedy = "make it writable for this user, or set FLOWBUILDER_HOME"
        yield CheckResult("home", "problem", f"{home} is not writable", remedy=remedy)
        return
    free = shutil.disk_usage(place).free
    message = f"{home}, {free / 1e9:.1f} GB free"
    if free < MIN_FREE_BYTES:
        yield CheckResult("home", "problem", message, remedy="free some disk space: a full disk stops every execution")
    else:
        yield CheckResult("home", "ok", message)


def _database(settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.bootstrap import database_url
    from flowbuilder.store import current, display_url, lack_of_disk_space, newest

    url = database_url(settings)
    where = display_url(url)
    embedded = url.removeprefix("sqlite:///")
    if embedded != url and not Path(embedded).exists():
        yield CheckResult("database", "ok", f"{where}, will be created on first use")
        return
    revision, wanted = current(url), newest()
    if revision == wanted:
        yield CheckResult("database", "ok", f"{where}, schema {revision}")
    else:
        message = f"{where} has schema {revision or 'none'}; this version of flowbuilder needs {wanted}"
        yield CheckResult("database", "problem", message, remedy="run `flowbuilder db upgrade`")
    if lack := lack_of_disk_space(url, settings.least_free):
        remedy = "free some disk space: no step starts until then; executions continue by themselves afterwards"
        yield CheckResult("disk space", "problem", lack, remedy=remedy)


def _prefect(settings: Settings) -> Iterator[CheckResult]:
    api = _api(settings)
    if api is None:
        remedy = "run `flowbuilder up`, or set PREFECT_API_URL"
        yield CheckResult(
            "Prefect", "warning", "no server is configured, and `flowbuilder up` is not running", remedy=remedy
        )
        return
    reply = fetch_json(f"{api}/admin/version")
    if reply is None:
        remedy = "start it with `flowbuilder up`, or correct PREFECT_API_URL"
        yield CheckResult("Prefect", "problem", f"{api} does not answer", remedy=remedy)
        return
    client_version, server_version = version("prefect"), str(reply.value)
    if client_version.split(".")[:2] != server_version.split(".")[:2]:
        message = f"the server at {api} has version {server_version}, this client has {client_version}"
        yield CheckResult("Prefect", "problem", message, remedy="install the same minor version on both sides")
    else:
        yield CheckResult("Prefect", "ok", f"{api}, {server_version}")
    if reply.date:
        skew = abs((parsedate_to_datetime(reply.date) - datetime.now(UTC)).total_seconds())
        if skew > MAX_CLOCK_SKEW_SECONDS:
            remedy = "synchronise both clocks with NTP: schedules and due dates are off until then"
            yield CheckResult(
                "clock", "warning", f"differs from the Prefect server's clock by {skew:.0f} s", remedy=remedy
            )


def _worker(settings: Settings) -> Iterator[CheckResult]:
    api = _api(settings)
    if api is None or fetch_json(f"{api}/health") is None:
        return
    pool = settings.work_pool
    remedy = f"run `flowbuilder worker --pool {pool}`"
    if fetch_json(f"{api}/work_pools/{pool}") is None:
        yield CheckResult("worker", "problem", f"there is no work pool {pool}", remedy=remedy)
        return
    reply = fetch_json(f"{api}/work_pools/{pool}/workers/filter", {"limit": 100})
    workers = reply.value if reply is not None and isinstance(reply.value, list) else []
    online = [item for item in workers if isinstance(item, dict) and item.get("status") == "ONLINE"]
    if online:
        yield CheckResult("worker", "ok", f"{count(len(online), 'worker')} online in the work pool {pool}")
    else:
        message = f"no worker is online in the work pool {pool}, so no execution runs"
        yield CheckResult("worker", "problem", message, remedy=remedy)


def _review_app(settings: Settings) -> Iterator[CheckResult]:
    running = read_runtime_state(settings.home)
    url = running.review if running else settings.review_url
    if responds(f"{url}/_stcore/health"):
        yield CheckResult("review app", "ok", url)
    else:
        remedy = "start it with `flowbuilder up`, or set FLOWBUILDER_REVIEW_URL to its address"
        message = f"{url} does not answer"
        yield CheckResult("review app", "warning", message, remedy=remedy)


def _sign_in(settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.devstack.configuration_checks import sign_in_problems

    for verdict, message, remedy in sign_in_problems(settings):
        yield CheckResult("sign-in", verdict, message, remedy=remedy)


def _sites(settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.devstack.configuration_checks import site_problems

    found = False
    for name, problems in site_problems(settings, blocks=_has_blocks(settings)):
        found = True
        for message, remedy in problems:
            yield CheckResult(f"site {name}", "warning", message, remedy=remedy)
        if not problems:
            yield CheckResult(f"site {name}", "ok", "file, connections and model keys are valid")
    if not found:
        remedy = "add a site file, or set FLOWBUILDER_SITES to another folder"
        yield CheckResult("sites", "warning", f"no site files in {settings.sites}", remedy=remedy)


def _addresses(settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.devstack.address_checks import address_reports

    for report in address_reports(settings):
        name = f"addresses of {report.site}"
        remedy = report.remedy
        yield CheckResult(name, "ok" if report.ok else "warning", "; ".join(report.lines()), remedy=remedy)


def _reviewers(settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.devstack.reviewer_checks import sites_without_reviewers, undecidable_reviews

    for site, message in undecidable_reviews(settings):
        remedy = f"correct `reviewers` in the site file, then run `flowbuilder deploy --site {site}`"
        yield CheckResult(f"reviewers of {site}", "problem", message, remedy=remedy)
    if open_to_all := sites_without_reviewers(settings):
        message = f"everyone who can open the review app decides the reviews of {', '.join(open_to_all)}"
        remedy = "name them in the site file: `reviewers: {editors: [ana@example.com]}`, or write `{editors: anyone}`"
        yield CheckResult("reviewers", "warning", message, remedy=remedy)


def _private_files(settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.devstack.configuration_checks import open_files

    for path, command in open_files(settings):
        message = f"other users of this machine can open {path}"
        yield CheckResult("private files", "warning", message, remedy=f"run `{command}`")


def _connections(settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.adapters.connections import FileConnections
    from flowbuilder.devstack.connection_checks import (
        connections_with_short_secrets,
        database_problems,
        limit_problems,
        missing_connections,
    )

    if exposure := FileConnections(settings.home).exposure():
        message, command = exposure
        yield CheckResult("connections.yaml", "warning", message, remedy=f"run `{command}`")
    found = False
    for name, message in limit_problems(settings):
        found = True
        yield CheckResult(f"connection {name}", "problem", message, remedy="see docs/operating.md, section Limits")
    for name, message in database_problems(settings):
        found = True
        yield CheckResult(f"connection {name}", "problem", message, remedy="see docs/sql.md, section Connections")
    for name in connections_with_short_secrets(settings):
        message = "a secret of fewer than six characters is not replaced in what a server sends back"
        yield CheckResult(f"connection {name}", "warning", message, remedy="use a longer one")
    for workflow, message in missing_connections(settings, blocks=_has_blocks(settings)):
        found = True
        remedy = "add it to connections.yaml, or create a Prefect block of that name"
        yield CheckResult(f"workflow {workflow}", "warning", message, remedy=remedy)
    if not found:
        yield CheckResult("connections", "ok", "those that workflows name exist, and all declared limits are valid")


def _tools(settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.devstack.configuration_checks import workflows_with_unpinned_tools

    for name, tools in workflows_with_unpinned_tools(settings):
        message = f"the published version uses tools that are not pinned: {', '.join(tools)}"
        remedy = f"run `flowbuilder mcp pin {name}`, then `flowbuilder publish {name}`"
        yield CheckResult(f"workflow {name}", "warning", message, remedy=remedy)


def _sandbox(_settings: Settings) -> Iterator[CheckResult]:
    from flowbuilder.adapters.sandbox_isolation import isolated_worker_binary

    if isolated_worker_binary() is not None:
        yield CheckResult("sandbox", "ok", "code steps run in Monty inside bubblewrap")
    else:
        message = "code steps run in Monty without bubblewrap"
        yield CheckResult("sandbox", "warning", message, remedy="install bubblewrap for a second layer of isolation")


def _api(settings: Settings) -> str | None:
    use_running_prefect(settings.home)
    return (os.environ.get("PREFECT_API_URL") or "").rstrip("/") or None


def _has_blocks(settings: Settings) -> bool:
    """Whether a Prefect server answers, whose blocks are connections."""
    api = _api(settings)
    return api is not None and fetch_json(f"{api}/health") is not None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
