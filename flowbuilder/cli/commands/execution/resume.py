"""`flowbuilder resume`: resume a paused execution."""

from __future__ import annotations

import asyncio

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import identity, open_app_with_prefect, user_option
from flowbuilder.cli.output.json_records import execution_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@click.option("--local", is_flag=True, help="Run in this process. Also continues an execution whose review is decided.")
@user_option
def command(execution_id: str, local: bool, user: str | None) -> CommandResult:
    """Resume a paused execution.

    An execution that waits for a review resumes by itself once the review is decided.
    """
    by = identity(user, settings())
    if local:
        return _resume_in_process(execution_id, by)
    execution = open_app_with_prefect().resume(execution_id, by=by)
    return CommandResult(data=execution_record(execution), text=f"Resumed {execution.id} ({execution.status})")


def _resume_in_process(execution_id: str, by: str) -> CommandResult:
    from flowbuilder.bootstrap import open_local_app
    from flowbuilder.cli.output.execution_view import execution_result

    app, runner = open_local_app(settings())
    execution = app.execution(execution_id)
    if execution.status == "paused" or execution.control == "pause":
        app.resume(execution_id, by=by)
    asyncio.run(runner.run(execution_id))
    return execution_result(app, execution_id, local=True)
