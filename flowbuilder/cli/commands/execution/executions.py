"""`flowbuilder executions`: what runs, what ran, and what happened in it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import get_args

import click

from flowbuilder.app import App
from flowbuilder.cli.context import reading_app
from flowbuilder.cli.groups import DefaultGroup
from flowbuilder.cli.output.json_records import execution_record, review_record, step_view_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand, give_text, wants_json
from flowbuilder.cli.output.run_result import outcome_answer
from flowbuilder.cli.output.timeline import event_line, step_lines
from flowbuilder.model.events import Event
from flowbuilder.model.execution import TERMINAL, Execution, Status
from flowbuilder.ports import ExecutionFilter


@click.group(cls=DefaultGroup)
def command() -> None:
    """List executions, show one, its events, or watch it."""


@command.command("list", cls=ResultCommand)
@click.option("--workflow")
@click.option("--site")
@click.option("--status", "statuses", multiple=True, type=click.Choice(get_args(Status)), help="Repeatable.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--before", metavar="ID", help="Those older than this one: the next page.")
def listing(
    workflow: str | None, site: str | None, statuses: tuple[Status, ...], limit: int, before: str | None
) -> CommandResult:
    """List executions, newest first."""
    where = ExecutionFilter(workflow=workflow, site=site)
    if statuses:
        where = replace(where, statuses=frozenset(statuses))
    found = reading_app().executions(where, limit=limit, before=before)
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
            _done(item),
        )
        for item in found
    ]
    columns = ("id", "status", "workflow", "site", "created", "steps")
    return CommandResult(data=data, text=table(columns, rows, empty="no executions; flowbuilder run starts one"))


@command.command("show", cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
def show(execution_id: str) -> CommandResult:
    """Show an execution: where every step stands, its reviews, outputs and error."""
    app = reading_app()
    execution = app.execution(execution_id)
    step_views = app.step_views(execution_id)
    reviews = app.reviews_of(execution_id)
    data = {
        **execution_record(execution),
        "steps": [step_view_record(item) for item in step_views],
        "reviews": [review_record(item) for item in reviews],
    }
    text = str(outcome_answer(app, execution_id).text)
    return CommandResult(data=data, text="\n".join([text, "", *step_lines(step_views)]))


@command.command("events", cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only those after this sequence number.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True)
def events(execution_id: str, after: int, limit: int) -> CommandResult:
    """Show what happened, in order."""
    app = reading_app()
    app.execution(execution_id)
    found = app.events(execution_id, after=after, limit=limit)
    return CommandResult(data=[item.record() for item in found], text="\n".join(event_line(item) for item in found))


@command.command("watch", cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@click.option("--every", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Seconds between looks.")
@click.option("--timeout", type=click.FloatRange(min=0), default=0.0, help="Seconds; default: as long as it takes.")
def watch(execution_id: str, every: float, timeout: float) -> CommandResult:
    """Show events as they come, until the execution has ended or waits for a person."""
    app = reading_app()
    until = time.monotonic() + timeout if timeout else None
    seen: list[Event] = []
    while True:
        execution = app.execution(execution_id)
        for event in _news(app, execution_id, seen):
            if not wants_json():
                give_text(event_line(event))
        if execution.status in TERMINAL or execution.status in ("waiting", "paused"):
            break
        if until is not None and time.monotonic() >= until:
            break
        time.sleep(every)
    answer = outcome_answer(app, execution_id)
    return replace(answer, data={**answer.data, "events": [event.record() for event in seen]})


def _news(app: App, execution_id: str, seen: list[Event]) -> list[Event]:
    fresh = list(app.events(execution_id, after=seen[-1].seq if seen else 0))
    seen += fresh
    return fresh


def _done(execution: Execution) -> str:
    progress = execution.progress
    return f"{progress['done']}/{progress['total']}" if "total" in progress else ""
