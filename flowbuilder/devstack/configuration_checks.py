"""Checks of the configuration for `doctor` and `deploy`: site files with their connections and reviewers, rate
limits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from flowbuilder.definition.site_folder import SiteFile, site_files
from flowbuilder.errors import ConfigurationError, FlowbuilderError
from flowbuilder.ports import Connections, Store
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject

KEY_VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GOOGLE_API_KEY"}
"""The environment variables that the providers' libraries read."""

Problem = tuple[str, str]
"""A message and its remedy."""


def site_problems(settings: Settings) -> Iterator[tuple[str, list[Problem]]]:
    """Each site file's name and its problems: errors in the file, missing connections, missing model keys."""
    from flowbuilder.adapters.connections import FileConnections

    connections = FileConnections(settings.home)
    for file in site_files(settings.sites):
        yield file.name, list(_problems(file, connections))


def review_problems(store: Store, site: JsonObject, *, workflow: str | None = None) -> Iterator[str]:
    """The reviews of the published workflows, or of one, that no one could decide at a site: `workflow: message`."""
    from flowbuilder.analysis.model import Analysis
    from flowbuilder.analysis.rules.trust.undecidable_review import check
    from flowbuilder.engine.stored_plans import definition_of, stored_workflows

    for summary in store.workflows():
        if summary.published is not None and workflow in (None, summary.name):
            definition = definition_of(store.version(summary.name))
            for item in check(Analysis(definition, stored_workflows(store), site)):
                yield f"{summary.name}: {item.message}"


def undecidable_reviews(settings: Settings) -> Iterator[tuple[str, str]]:
    """The names of the sites at which no one could decide a review of a published workflow, each with the reason.

    Nothing where there is no database yet, or one of another release.
    """
    from flowbuilder.bootstrap import database_url, open_store
    from flowbuilder.store import current, newest

    url = database_url(settings)
    embedded = url.removeprefix("sqlite:///")
    if (embedded != url and not Path(embedded).exists()) or current(url) != newest():
        return
    store = open_store(settings)
    for file in site_files(settings.sites):
        for message in review_problems(store, file.record) if file.record else ():
            yield file.name, message


def sites_without_reviewers(settings: Settings) -> list[str]:
    """The names of the sites whose record names no reviewers: anyone who can open the review app decides."""
    return [file.name for file in site_files(settings.sites) if file.record and not file.record.get("reviewers")]


def limit_problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """The connections in `connections.yaml` with invalid limits, by name, and the error. Secrets are not read."""
    from flowbuilder.adapters.connections import FileConnections
    from flowbuilder.throttling.limits import limits_of

    for name, entry in FileConnections(settings.home).entries().items():
        try:
            if isinstance(entry, Mapping):
                limits_of(name, entry)
        except ConfigurationError as problem:
            yield name, problem.message


def _problems(file: SiteFile, connections: Connections) -> Iterator[Problem]:
    if file.record is None:
        yield f"{file.file} has errors: {file.report.summary()}", "run `flowbuilder sites` to see where"
        return
    for part in ("gsc", "cms"):
        name = _connection_name(file.record.get(part))
        if name:
            try:
                asyncio.run(connections.get(name))
            except FlowbuilderError as problem:
                remedy = f"add it there, or create a Prefect block named {name}"
                yield f"{part}: {problem.message}", remedy
    models = file.record.get("models")
    for use, model in models.items() if isinstance(models, dict) else ():
        variable = KEY_VARIABLES.get(str(model).partition(":")[0])
        if variable and not os.environ.get(variable):
            yield f"the model {model} ({use}) needs a key", f"set {variable}, or name a connection in the step"


def _connection_name(part: object) -> str:
    record: JsonObject = part if isinstance(part, dict) else {}
    return str(record.get("connection") or "")
