"""`flowbuilder sites`: list and check the site files."""

from __future__ import annotations

from typing import Any

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.site_folder import SiteFile, site_files
from flowbuilder.diagnostics import render


@click.command(cls=ResultCommand)
def command() -> CommandResult:
    """List and check the site files in FLOWBUILDER_SITES."""
    folder = settings().sites
    files = site_files(folder)
    blocks = [
        _line(file) if file.record else render(file.report, source=file.text, file=str(file.file)) for file in files
    ]
    text = "\n".join(blocks) if files else f"No site files in {folder}"
    return CommandResult(
        data={"sites": [_record(file) for file in files]}, text=text, ok=all(file.record is not None for file in files)
    )


def _line(file: SiteFile) -> str:
    assert file.record is not None
    record = file.record
    schedules = [f"{entry['workflow']} at {entry['cron']}" for entry in record.get("schedules") or ()]
    scheduled = f"  schedules: {', '.join(schedules)} ({record['timezone']})" if schedules else ""
    return f"{record['site']:<28} {record['title']}{scheduled}"


def _record(file: SiteFile) -> dict[str, Any]:
    record: dict[str, Any] = {"site": file.name, "file": str(file.file), "ok": file.record is not None}
    if file.record is not None:
        record["record"] = file.record
    record["diagnostics"] = [item.record() for item in file.report]
    return record
