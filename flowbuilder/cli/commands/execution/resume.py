"""`flowbuilder resume`: let an execution go on."""

from __future__ import annotations

import asyncio

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import acting_app
from flowbuilder.cli.input.identity import as_option, identity
from flowbuilder.cli.output.json_records import execution_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@click.option("--local", is_flag=True, help="Go on in this process, also with one that waited for a decision.")
@as_option
def command(execution_id: str, local: bool, who: str | None) -> CommandResult:
    """Let a paused execution go on. One that waits for a review goes on by itself once that is decided."""
    by = identity(who, settings())
    if local:
        return _here(execution_id, by)
    execution = acting_app().resume(execution_id, by=by)
    return CommandResult(data=execution_record(execution), text=f"{execution.id} goes on ({execution.status})")


def _here(execution_id: str, by: str) -> CommandResult:
    from flowbuilder.bootstrap import open_local_app
    from flowbuilder.cli.output.run_result import outcome_answer

    app, runner = open_local_app(settings())
    execution = app.execution(execution_id)
    if execution.status == "paused" or execution.control == "pause":
        app.resume(execution_id, by=by)
    asyncio.run(runner.run(execution_id))
    return outcome_answer(app, execution_id)
