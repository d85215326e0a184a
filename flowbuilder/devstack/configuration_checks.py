"""Checks of the configuration for `doctor`: site files and the connections they name, private files, sign-in."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shlex
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from flowbuilder.definition.site_folder import SiteFile, site_files
from flowbuilder.devstack.probes import is_loopback
from flowbuilder.devstack.streamlit_command import TRUSTED_HEADERS_VARIABLE, oidc_section, secrets_files
from flowbuilder.diagnostics import Diagnostic, Report
from flowbuilder.errors import FlowbuilderError
from flowbuilder.ports import Connections
from flowbuilder.ports.private_files import is_open_to_others
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject, pointer

if TYPE_CHECKING:
    from flowbuilder.engine.stored_plans import PlanCache
    from flowbuilder.store import SqlStore

KEY_VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GOOGLE_API_KEY"}
"""The environment variables that the providers' libraries read."""

Problem = tuple[str, str]
"""A message and its remedy."""


def site_problems(settings: Settings, *, blocks: bool = False) -> Iterator[tuple[str, list[Problem]]]:
    """Each site file's name and its problems: errors in the file, schedules that cannot run, missing connections,
    missing model keys."""
    connections = all_connections(settings, blocks=blocks)
    for file in checked_site_files(settings):
        yield file.name, list(_problems(file, connections, settings))


def checked_site_files(settings: Settings) -> list[SiteFile]:
    """The site files; the reports of those without errors have the problems of their schedules too."""
    store = current_store(settings)
    if store is None:
        return site_files(settings.sites)
    from flowbuilder.engine.stored_plans import PlanCache

    try:
        plans = PlanCache(store)
        return [_with_schedules(file, store, plans) for file in site_files(settings.sites)]
    finally:
        store.close()


def _with_schedules(file: SiteFile, store: SqlStore, plans: PlanCache) -> SiteFile:
    from flowbuilder.definition.yaml.document import read_document
    from flowbuilder.prefect.deployments.schedule_checks import schedule_problems

    if file.record is None:
        return file
    positions = read_document(file.text).positions
    found = [
        Diagnostic(
            code="FB016", message=item.message, hint=item.hint, pointer=pointer(item.place),
            span=positions.of(pointer(item.place)),
        )
        for item in schedule_problems(store, plans, file.record)
    ]  # fmt: skip
    return dataclasses.replace(file, report=file.report + Report.of(found))


def open_files(settings: Settings) -> Iterator[tuple[Path, str]]:
    """The home and the files of an embedded database that other users of this machine can open, and the command that
    closes each."""
    home, database = settings.home, settings.url.removeprefix("sqlite:///")
    paths = [home] if settings.url == database else [home, *(Path(f"{database}{end}") for end in ("", "-wal", "-shm"))]
    for path in paths:
        if is_open_to_others(path):
            yield path, f"chmod {'700' if path.is_dir() else '600'} {shlex.quote(str(path))}"


def workflows_with_unpinned_tools(settings: Settings) -> Iterator[tuple[str, list[str]]]:
    """The published workflows that use tools of MCP servers without a pin, and those tools."""
    from flowbuilder.definition.tool_pins import unpinned_tools
    from flowbuilder.engine.stored_plans import definition_of

    store = current_store(settings)
    if store is None:
        return
    try:
        for workflow in store.workflows():
            if workflow.published is not None:
                unpinned = unpinned_tools(definition_of(store.version(workflow.name, workflow.published)))
                if unpinned:
                    yield workflow.name, unpinned
    finally:
        store.close()


def all_connections(settings: Settings, *, blocks: bool) -> Connections:
    """The connections of `connections.yaml`; with `blocks`, Prefect blocks before them."""
    from flowbuilder.adapters.connections import FileConnections

    files = FileConnections(settings.home)
    if not blocks:
        return files
    from flowbuilder.adapters.prefect_blocks.blocks import BlockConnections

    return BlockConnections(files)


def current_store(settings: Settings) -> SqlStore | None:
    """The store; None where there is no database yet, or one of another release, which the check of it says."""
    from flowbuilder.bootstrap import database_url
    from flowbuilder.store import current, newest, open_store

    url = database_url(settings)
    embedded = url.removeprefix("sqlite:///")
    if (embedded != url and not Path(embedded).exists()) or current(url) != newest():
        return None
    return open_store(url)


MIN_SECRET = 24
"""The length below which a proxy's secret is called short."""


def sign_in_problems(settings: Settings) -> Iterator[tuple[Literal["warning", "problem"], str, str]]:
    """What is unsafe in the way in which users of the review app are named: a verdict, a message and a remedy."""
    networks, secret = settings.proxy_networks, settings.proxy_secret
    if not os.environ.get(TRUSTED_HEADERS_VARIABLE) and (section := oidc_section()):
        yield from _oidc_problems(section, settings)
    generate = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
    if not os.environ.get(TRUSTED_HEADERS_VARIABLE):
        if networks or secret:
            message = f"a proxy is configured, but {TRUSTED_HEADERS_VARIABLE} names no header"
            yield "warning", message, "set it to the header that names the user"
        return
    if not networks and not secret:
        message = f"{TRUSTED_HEADERS_VARIABLE} is set, but no proxy is known, so every user is refused"
        yield "problem", message, f"set FLOWBUILDER_PROXY_SECRET here and in the proxy: {generate}"
    if secret and len(secret) < MIN_SECRET:
        yield "warning", f"FLOWBUILDER_PROXY_SECRET is short ({len(secret)} characters)", f"make one: {generate}"
    for network in networks:
        if network.is_loopback and not secret:
            message = "every program on this machine may name any user: the proxy is known by a local address only"
            yield "warning", message, "set FLOWBUILDER_PROXY_SECRET and leave FLOWBUILDER_PROXY_ADDRESSES out"
        elif network.prefixlen < (16 if network.version == 4 else 48):
            message = f"every machine in {network} may name any user"
            yield "problem", message, "name the proxy's own address in FLOWBUILDER_PROXY_ADDRESSES"
    public = urlsplit(settings.review_url)
    if public.scheme != "https" and not is_loopback(public.hostname or ""):
        message = f"users sign in over {settings.review_url}, which is not encrypted"
        yield "warning", message, "have the proxy serve https, and set FLOWBUILDER_REVIEW_URL"


def _oidc_problems(
    section: Mapping[str, Any], settings: Settings
) -> Iterator[tuple[Literal["warning", "problem"], str, str]]:
    generate = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
    if find_spec("authlib") is None:
        yield "problem", "sign-in needs Authlib, which is not installed", "run `pip install 'flowbuilder[oidc]'`"
    redirect, public = str(section.get("redirect_uri") or ""), settings.review_url.rstrip("/")
    if redirect != f"{public}/oauth2callback":
        message = f"redirect_uri in Streamlit's secrets is {redirect or 'missing'}, so no user can sign in at {public}"
        yield "problem", message, f"set it to {public}/oauth2callback, there and at the provider"
    if len(str(section.get("cookie_secret") or "")) < MIN_SECRET:
        yield (
            "problem",
            "cookie_secret in Streamlit's secrets is short: sign-ins can be forged",
            f"make one: {generate}",
        )
    for file in secrets_files():
        if is_open_to_others(file):
            yield "warning", f"other users of this machine can read {file}", f"run `chmod 600 {shlex.quote(str(file))}`"


def _problems(file: SiteFile, connections: Connections, settings: Settings) -> Iterator[Problem]:
    if file.record is None:
        yield f"{file.file} has errors: {file.report.summary()}", "run `flowbuilder sites` to see where"
        return
    for item in file.report.errors:
        where = f" (line {item.span.line})" if item.span else ""
        yield f"{file.file}{where}: {item.message}", item.hint or "correct the schedule"
    for part in ("gsc", "cms"):
        name = _connection_name(file.record.get(part))
        if name:
            try:
                connection = asyncio.run(connections.get(name))
            except FlowbuilderError as problem:
                remedy = f"add it there, or create a Prefect block named {name}"
                yield f"{part}: {problem.message}", remedy
                continue
            kind = file.record[part].get("type") if part == "cms" else ""
            if kind in ("wordpress", "ghost"):
                from flowbuilder.devstack.cms_checks import key_problems, user_problems

                yield from (user_problems if kind == "wordpress" else key_problems)(settings, connection)
    models = file.record.get("models")
    for use, model in models.items() if isinstance(models, dict) else ():
        variable = KEY_VARIABLES.get(str(model).partition(":")[0])
        if variable and not os.environ.get(variable):
            yield f"the model {model} ({use}) needs a key", f"set {variable}, or name a connection in the step"


def _connection_name(part: object) -> str:
    record: JsonObject = part if isinstance(part, dict) else {}
    return str(record.get("connection") or "")
