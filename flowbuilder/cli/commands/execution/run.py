"""`flowbuilder run`: start an execution; optionally run it in this process or wait for it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from flowbuilder.app import App
from flowbuilder.bootstrap import open_local_app, settings
from flowbuilder.cli.context import identity, open_app_with_prefect, user_option
from flowbuilder.cli.input.drafts import save_site, store_draft
from flowbuilder.cli.input.inputs import gather_inputs, prompt_for_sensitive
from flowbuilder.cli.input.workflow_files import SUFFIXES
from flowbuilder.cli.local_run import run_in_process
from flowbuilder.cli.output.execution_view import event_line, execution_result
from flowbuilder.cli.output.result import CommandResult, ResultCommand, wants_json
from flowbuilder.errors import NotFound
from flowbuilder.model.execution import TERMINAL, WorkflowVersion

POLL_SECONDS = 0.5


@click.command(cls=ResultCommand)
@click.argument("target", metavar="NAME|FILE")
@click.option(
    "--input",
    "pairs",
    multiple=True,
    metavar="K=V",
    help="Set an input. Repeatable. K=@FILE and K=@- read a sensitive one from a file or stdin.",
)
@click.option("--inputs", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Read inputs from a JSON or YAML file.")  # fmt: skip
@click.option("--site", metavar="S", help="The site to run for.")
@click.option("--local", is_flag=True, help="Run in this process on the embedded database, without a server.")
@click.option("--wait", is_flag=True, help="Wait until the execution ends, pauses or needs a review.")
@click.option("--idempotency-key", "key", metavar="KEY", help="Start at most one execution for this key.")
@click.option("--no-input", is_flag=True, help="With --local: leave reviews open instead of prompting for them.")
@user_option
def command(
    target: str,
    pairs: tuple[str, ...],
    file: Path | None,
    site: str | None,
    local: bool,
    wait: bool,
    no_input: bool,
    key: str | None,
    user: str | None,
) -> CommandResult:
    """Start an execution of a workflow.

    NAME runs the published version. FILE is stored as a draft first, and that draft runs.
    """
    by = identity(user, settings())
    if local:
        app, runner = open_local_app(settings())
    else:
        app = open_app_with_prefect()
    version, notes = _version(app, target, by)
    schema = app.plan(version).input_schema
    inputs = gather_inputs(schema, pairs, file)
    if not no_input and not wants_json() and sys.stdin.isatty():
        inputs = prompt_for_sensitive(schema, inputs)
    if site is not None:
        save_site(app, site, settings())
    number = None if version.status == "published" else version.number
    execution_id = app.start(version.workflow, inputs, site=site, version=number, key=key)
    if local:
        prompt = not no_input and not wants_json() and sys.stdin.isatty() and sys.stdout.isatty()
        run_in_process(app, runner, execution_id, by=by, prompt=prompt)
    elif wait:
        _wait(app, execution_id)
    else:
        started = f"Started {version.workflow} v{version.number}: {execution_id}"
        text = "\n".join([*notes, started, f"Next: flowbuilder executions watch {execution_id}"])
        return CommandResult(data=execution_result(app, execution_id).data, text=text)
    return execution_result(app, execution_id, notes=notes, local=local)


def _version(app: App, target: str, author: str) -> tuple[WorkflowVersion, tuple[str, ...]]:
    path = Path(target)
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        if not path.is_file():
            raise click.UsageError(f"there is no file {target}")
        draft = store_draft(app, path, author=author)
        notes = tuple(f"Stored {other.workflow} v{other.number}, which it calls" for other in draft.called)
        return draft.version, notes
    return app.version(target), ()


def _wait(app: App, execution_id: str) -> None:
    """Return when the execution has ended, is paused or waits for a review. Prints its events to a terminal.

    Ctrl-C ends the wait, not the execution.
    """
    try:
        _poll(app, execution_id)
    except KeyboardInterrupt:
        message = f"\nThe execution keeps running. To watch it: flowbuilder executions watch {execution_id}"
        print(message, file=sys.stderr)
        raise


def _poll(app: App, execution_id: str) -> None:
    print_events = sys.stderr.isatty()
    seen = 0
    while True:
        try:
            execution = app.execution(execution_id)
        except NotFound:
            # a worker records it when it takes the flow run
            time.sleep(POLL_SECONDS)
            continue
        for event in app.events(execution_id, after=seen) if print_events else ():
            seen = event.seq
            print(event_line(event), file=sys.stderr)
        if execution.status in TERMINAL or execution.status in ("waiting", "paused"):
            return
        time.sleep(POLL_SECONDS)
