"""`flowbuilder executions`: list, show and watch executions."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import get_args

import click

from flowbuilder.app import App
from flowbuilder.cli.context import open_app_without_engine
from flowbuilder.cli.groups import DefaultGroup
from flowbuilder.cli.output.execution_view import event_line, execution_result, step_lines
from flowbuilder.cli.output.json_records import execution_record, review_record, step_view_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand, print_text, wants_json
from flowbuilder.cli.output.step_text import step_text, totals_line
from flowbuilder.engine.inspection.totals import totals
from flowbuilder.model.events import Event
from flowbuilder.model.execution import TERMINAL, Execution, Status
from flowbuilder.ports import ExecutionFilter


@click.group(cls=DefaultGroup)
def command() -> None:
    """List, show and watch executions."""


@command.command("list", cls=ResultCommand)
@click.option("--workflow", metavar="NAME", help="Only executions of this workflow.")
@click.option("--site", metavar="S", help="Only executions of this site.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(get_args(Status)),
    help="Only executions in this status. Repeatable.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="List at most this many.")
@click.option("--before", metavar="ID", help="Only executions older than this one, for the next page.")
def listing(
    workflow: str | None, site: str | None, statuses: tuple[Status, ...], limit: int, before: str | None
) -> CommandResult:
    """List executions, newest first."""
    where = ExecutionFilter(workflow=workflow, site=site)
    if statuses:
        where = replace(where, statuses=frozenset(statuses))
    found = open_app_without_engine().executions(where, limit=limit, before=before)
    data = {"executions": [execution_record(item) for item in found]}
    if wants_json():
        return CommandResult(data=data)
    from flowbuilder.cli.output.console import status, table, when

    rows = [
        (
            item.id,
            status(item.status),
            f"{item.workflow} v{item.version}",
            item.site,
            when(item.created_at),
            _progress(item),
        )
        for item in found
    ]
    columns = ("ID", "Status", "Workflow", "Site", "Created", "Steps")
    return CommandResult(
        data=data, text=table(columns, rows, empty="No executions. Start one with `flowbuilder run NAME`.")
    )


@command.command("show", cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@click.option("--step", "path", metavar="PATH", help="Only this step run, with what it was given and gave: draft, "
              "pages[3].draft (item 3), child.fetch (in a called workflow), draft#2 (round 2).")  # fmt: skip
def show(execution_id: str, path: str | None) -> CommandResult:
    """Show an execution: its steps, reviews, outputs, error and totals. With --step, one step run: its fields, output,
    error, attempts, requests to models and tools, tokens and USD."""
    app = open_app_without_engine()
    execution = app.execution(execution_id)
    if path is not None:
        detail = app.step_detail(execution_id, path)
        return CommandResult(data=detail.json(), text="" if wants_json() else step_text(detail))
    step_views = app.step_views(execution_id)
    reviews = app.reviews_of(execution_id)
    total = totals(app.outcomes(execution_id))
    data = {
        **execution_record(execution),
        "totals": total,
        "steps": [step_view_record(item) for item in step_views],
        "reviews": [review_record(item) for item in reviews],
    }
    text = str(execution_result(app, execution_id).text)
    return CommandResult(data=data, text="\n".join([text, "", *step_lines(step_views), "", totals_line(total)]))


@command.command("events", cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only events after this sequence number.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True,
              help="List at most this many.")  # fmt: skip
def events(execution_id: str, after: int, limit: int) -> CommandResult:
    """List the events of an execution, oldest first."""
    app = open_app_without_engine()
    app.execution(execution_id)
    found = app.events(execution_id, after=after, limit=limit)
    return CommandResult(data=[item.record() for item in found], text="\n".join(event_line(item) for item in found))


@command.command("watch", cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@click.option(
    "--every", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Poll every this many seconds."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=0.0, help="Stop after this many seconds. Default: no limit."
)
def watch(execution_id: str, every: float, timeout: float) -> CommandResult:
    """Print events until the execution ends, pauses or waits for a review."""
    app = open_app_without_engine()
    until = time.monotonic() + timeout if timeout else None
    seen: list[Event] = []
    while True:
        execution = app.execution(execution_id)
        for event in _new_events(app, execution_id, seen):
            if not wants_json():
                print_text(event_line(event))
        if execution.status in TERMINAL or execution.status in ("waiting", "paused"):
            break
        if until is not None and time.monotonic() >= until:
            break
        time.sleep(every)
    answer = execution_result(app, execution_id)
    events = [event.record() for event in seen]
    return CommandResult(data={**answer.data, "events": events}, text=answer.text, ok=answer.ok)


def _new_events(app: App, execution_id: str, seen: list[Event]) -> list[Event]:
    fresh = list(app.events(execution_id, after=seen[-1].seq if seen else 0))
    seen += fresh
    return fresh


def _progress(execution: Execution) -> str:
    progress = execution.progress
    return f"{progress['done']}/{progress['total']}" if "total" in progress else ""
