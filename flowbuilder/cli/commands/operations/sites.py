"""`flowbuilder sites`: list and check the site files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.site_folder import SiteFile
from flowbuilder.devstack.address_checks import address_reports
from flowbuilder.devstack.configuration_checks import checked_site_files
from flowbuilder.devstack.reviewer_checks import undecidable_reviews
from flowbuilder.diagnostics import render


@click.command(cls=ResultCommand)
@click.argument("action", type=click.Choice(["check"]), required=False)
def command(action: str | None) -> CommandResult:
    """List and check the site files in FLOWBUILDER_SITES.

    With `check`, compare the addresses of each site's sitemap with its files too. Exits with 1 when a file has errors,
    or when an address is not found or ambiguous.
    """
    folder = settings().sites
    files = checked_site_files(settings())
    held = list(undecidable_reviews(settings()))
    blocks = [
        block
        for file in files
        for block in (_line(file), render(file.report, source=file.text, file=str(file.file)))
        if block
    ]
    blocks += [f"error: no one could decide a review at site {name}: {message}" for name, message in held]
    reports = list(address_reports(settings())) if action == "check" else []
    for report in reports:
        blocks += [f"{report.site}: {line}" for line in report.lines()]
        blocks += [f"  = help: {report.remedy}"] if report.remedy else []
    text = "\n".join(blocks) if files else f"No site files in {folder}"
    ok = not held and all(file.report.ok for file in files) and all(report.ok for report in reports)
    data: dict[str, Any] = {"sites": [_record(file, held) for file in files]}
    if action == "check":
        data["addresses"] = [{**asdict(report), "ok": report.ok} for report in reports]
    return CommandResult(data=data, text=text, ok=ok)


def _line(file: SiteFile) -> str:
    if file.record is None:
        return ""
    record = file.record
    schedules = [f"{entry['workflow']} at {entry['cron']}" for entry in record.get("schedules") or ()]
    scheduled = f"  schedules: {', '.join(schedules)} ({record['timezone']})" if schedules else ""
    return f"{record['site']:<28} {record['title']}{scheduled}"


def _record(file: SiteFile, held: list[tuple[str, str]]) -> dict[str, Any]:
    record: dict[str, Any] = {"site": file.name, "file": str(file.file), "ok": file.report.ok}
    if file.record is not None:
        record["record"] = file.record
    record["diagnostics"] = [item.record() for item in file.report]
    record["undecidable"] = [message for name, message in held if name == file.name]
    return record
