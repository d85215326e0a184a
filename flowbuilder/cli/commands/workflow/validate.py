"""`flowbuilder validate`: check workflow files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import click

from flowbuilder.analysis.linter import check
from flowbuilder.cli.input.workflow_files import document_file, read_bounded, workflow_resolver
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.loader import load
from flowbuilder.diagnostics import Diagnostic, Report, count, render
from flowbuilder.values import JsonObject


@click.command(cls=ResultCommand)
@click.argument("files", nargs=-1, required=True, type=document_file)
@click.option("--site", "site", metavar="S", help="Also check the groups of reviewers against this site.")
def command(files: tuple[Path, ...], site: str | None) -> CommandResult:
    """Check workflow files. Nothing is run or stored.

    Called workflows are looked up in the same folder, then in the store. Exits with 1 on errors, not on warnings.
    """
    _look_for_no_pydantic_plugins()
    records, blocks, errors, warnings = [], [], 0, 0
    record = None if site is None else _site_record(site)
    for path in files:
        report, source = _report_of(path, record)
        records.append({"file": str(path), "diagnostics": [_record(item) for item in report]})
        blocks.append(render(report, source=source, file=str(path)))
        errors += len(report.errors)
        warnings += len(report) - len(report.errors)
    if errors or warnings:
        found = [count(errors, "error")] * bool(errors) + [count(warnings, "warning")] * bool(warnings)
        verdict = f"{' and '.join(found)} in {count(len(files), 'file')}"
    else:
        verdict = f"ok: {count(len(files), 'file')}, no problems found"
    text = "\n".join(block for block in [*blocks, verdict] if block)
    return CommandResult(data={"files": records}, text=text, ok=not errors)


def _look_for_no_pydantic_plugins() -> None:
    """Nothing runs here that a pydantic plugin could observe, and to look for one reads the metadata of all packages.

    The module of pydantic that looks imports 25 modules even when it is told not to; an empty one takes its place.
    """
    if "PYDANTIC_DISABLE_PLUGINS" not in os.environ and "pydantic.plugin._loader" not in sys.modules:
        os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
        none = ModuleType("pydantic.plugin._loader")
        none.get_plugins = tuple  # type: ignore[attr-defined]
        sys.modules[none.__name__] = none


def _report_of(path: Path, site: JsonObject | None) -> tuple[Report, str]:
    """The diagnostics of a file for a site, and the text that their lines and columns refer to."""
    data = read_bounded(path)
    definition, report = load(data, folder=path.parent)
    if definition is not None:
        report += check(definition, workflows=workflow_resolver(path), site=site)
    return report, data.decode("utf-8", "replace").removeprefix("\ufeff")


def _site_record(name: str) -> JsonObject:
    """The record of a site file."""
    from flowbuilder.bootstrap import settings
    from flowbuilder.definition.site_folder import site_records

    return site_records(settings().sites, (name,))[0]


def _record(item: Diagnostic) -> dict[str, object]:
    return {name: value for name, value in item.record().items() if not name.startswith("end_")}
