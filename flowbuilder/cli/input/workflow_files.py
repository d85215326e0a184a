"""Workflow files: reading one, and finding the workflows that it calls."""

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
    """The bytes of a file, no more than tell that it is too large for a workflow; a usage error when unreadable."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise click.UsageError(f"{path} cannot be read: {problem.strerror}") from None


def read_text(path: Path) -> str:
    """The text of a file; a usage error when it cannot be read as UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise click.UsageError(f"{path} is not UTF-8 text (byte {problem.start})") from None
    except OSError as problem:
        raise click.UsageError(f"{path} cannot be read: {problem.strerror}") from None


def called_from(path: Path) -> WorkflowLookup:
    """Finds the workflows that a file calls: `NAME.yaml` beside it, then the store."""

    def find(name: str, number: int | None) -> Definition:
        beside = file_beside(path, name) if number is None else None
        if beside is None:
            return _from_store()(name, number)
        definition, report = load(read_text(beside))
        if definition is None or not report.ok:
            raise NotFound(f"{beside.name} has errors of its own: {report.summary()}")
        return definition

    return find


def file_beside(path: Path, name: str) -> Path | None:
    """The file of the workflow `name` in the same folder, where there is one."""
    candidates = (path.parent / f"{name}{suffix}" for suffix in SUFFIXES)
    return next((candidate for candidate in candidates if candidate.is_file() and candidate != path), None)


@cache
def _from_store() -> WorkflowLookup:
    from flowbuilder.bootstrap import open_store, settings

    options = settings()
    embedded = options.url.removeprefix("sqlite:///")
    if embedded != options.url and not options.database_block and not Path(embedded).exists():
        return _nowhere
    from flowbuilder.engine.stored_plans import stored_workflows

    return stored_workflows(open_store(options))


def _nowhere(name: str, _number: int | None) -> Definition:
    raise NotFound(f"there is no file {name}.yaml beside this one, and no workflow {name} in the store")
