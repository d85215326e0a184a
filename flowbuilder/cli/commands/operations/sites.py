"""`flowbuilder sites`: list and check the site files."""

from __future__ import annotations

from typing import Any

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.site_folder import SiteFile, site_files
from flowbuilder.devstack.reviewer_checks import undecidable_reviews
from flowbuilder.diagnostics import render


@click.command(cls=ResultCommand)
def command() -> CommandResult:
    """List and check the site files in FLOWBUILDER_SITES."""
    folder = settings().sites
    files = site_files(folder)
    held = list(undecidable_reviews(settings()))
    blocks = [
        block
        for file in files
        for block in (_line(file), render(file.report, source=file.text, file=str(file.file)))
        if block
    ]
    blocks += [f"error: no one could decide a review at site {name}: {message}" for name, message in held]
    text = "\n".join(blocks) if files else f"No site files in {folder}"
    ok = not held and all(file.record is not None for file in files)
    return CommandResult(data={"sites": [_record(file, held) for file in files]}, text=text, ok=ok)


def _line(file: SiteFile) -> str:
    if file.record is None:
        return ""
    record = file.record
    schedules = [f"{entry['workflow']} at {entry['cron']}" for entry in record.get("schedules") or ()]
    scheduled = f"  schedules: {', '.join(schedules)} ({record['timezone']})" if schedules else ""
    return f"{record['site']:<28} {record['title']}{scheduled}"


def _record(file: SiteFile, held: list[tuple[str, str]]) -> dict[str, Any]:
    record: dict[str, Any] = {"site": file.name, "file": str(file.file), "ok": file.record is not None}
    if file.record is not None:
        record["record"] = file.record
    record["diagnostics"] = [item.record() for item in file.report]
    record["undecidable"] = [message for name, message in held if name == file.name]
    return record
