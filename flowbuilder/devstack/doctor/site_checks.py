"""Whether the sites can do what their files say: the file, the connections that it names, a model's key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

from flowbuilder.definition.site_folder import SiteFile, site_files
from flowbuilder.errors import FlowbuilderError
from flowbuilder.ports import Connections
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject

KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GOOGLE_API_KEY"}
"""The environment variables that the providers' own libraries read."""

Said = tuple[str, str]


def site_problems(settings: Settings) -> Iterator[tuple[str, list[Said]]]:
    """Each site of the folder with what is wrong with it, as sentences with a remedy; none is well."""
    from flowbuilder.adapters.connections import FileConnections

    connections = FileConnections(settings.home)
    for file in site_files(settings.sites):
        yield file.name, list(_problems(file, connections))


def _problems(file: SiteFile, connections: Connections) -> Iterator[Said]:
    if file.record is None:
        yield f"{file.file} has errors: {file.report.summary()}", "flowbuilder sites shows them with their places"
        return
    for part in ("gsc", "cms"):
        name = _connection(file.record.get(part))
        if name:
            try:
                asyncio.run(connections.get(name))
            except FlowbuilderError as problem:
                remedy = f"add it there, or make a Prefect block named {name}"
                yield f"{part}: {problem.message}", remedy
    models = file.record.get("models")
    for use, model in models.items() if isinstance(models, dict) else ():
        variable = KEYS.get(str(model).partition(":")[0])
        if variable and not os.environ.get(variable):
            yield f"the model {model} ({use}) needs a key", f"set {variable}, or name a connection in the step"


def _connection(part: object) -> str:
    record: JsonObject = part if isinstance(part, dict) else {}
    return str(record.get("connection") or "")
