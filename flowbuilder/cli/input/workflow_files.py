"""Reads workflow files and resolves the workflows that they call."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import click

from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.definition.loader import MAX_BYTES, load
from flowbuilder.errors import NotFound

SUFFIXES = (".yaml", ".yml", ".json")

document_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


def read_bounded(path: Path) -> bytes:
    """At most `MAX_BYTES + 1` bytes of a file: enough for the loader to report that it is too large.

    Raises `click.UsageError` when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise click.UsageError(f"cannot read {path}: {problem.strerror}") from None


def read_text(path: Path) -> str:
    """The text of a file, without its BOM and with LF line endings; raises `click.UsageError` when it cannot be read or
    is not UTF-8."""
    return read_exactly(path).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_exactly(path: Path) -> str:
    """The bytes of a file as text; raises `click.UsageError` when it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as problem:
        raise click.UsageError(f"{path} is not UTF-8 text (byte {problem.start})") from None
    except OSError as problem:
        raise click.UsageError(f"cannot read {path}: {problem.strerror}") from None


def workflow_resolver(path: Path) -> WorkflowLookup:
    """A function that finds the workflows that a file calls: `NAME.yaml` in the same folder, else in the store."""

    def find(name: str, number: int | None) -> Definition:
        sibling = sibling_file(path, name) if number is None else None
        if sibling is None:
            return _store_resolver()(name, number)
        definition, report = load(read_text(sibling), folder=sibling.parent)
        if definition is None or not report.ok:
            raise NotFound(f"{sibling.name} has errors: {report.summary()}")
        return definition

    return find


def sibling_file(path: Path, name: str) -> Path | None:
    """The file of the workflow `name` in the same folder; None when there is none."""
    candidates = (path.parent / f"{name}{suffix}" for suffix in SUFFIXES)
    return next((candidate for candidate in candidates if candidate.is_file() and candidate != path), None)


@cache
def _store_resolver() -> WorkflowLookup:
    from flowbuilder.bootstrap import open_store, settings

    options = settings()
    embedded = options.url.removeprefix("sqlite:///")
    if embedded != options.url and not options.database_block and not Path(embedded).exists():
        return _not_found
    from flowbuilder.engine.stored_plans import stored_workflows

    return stored_workflows(open_store(options))


def _not_found(name: str, _number: int | None) -> Definition:
    raise NotFound(f"there is no file {name}.yaml in this folder and no workflow {name} in the store")
