"""`flowbuilder run`: start an execution."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowbuilder.app import App
from flowbuilder.bootstrap import open_local_app, settings
from flowbuilder.cli.context import acting_app
from flowbuilder.cli.input.drafts import store_draft
from flowbuilder.cli.input.identity import as_option, identity
from flowbuilder.cli.input.inputs import gather_inputs
from flowbuilder.cli.input.site_files import save_site
from flowbuilder.cli.input.workflow_files import SUFFIXES
from flowbuilder.cli.local_run import run_here
from flowbuilder.cli.output.result import CommandResult, ResultCommand, wants_json
from flowbuilder.cli.output.run_result import outcome_answer
from flowbuilder.cli.wait import wait_for
from flowbuilder.model.execution import WorkflowVersion


@click.command(cls=ResultCommand)
@click.argument("target", metavar="NAME|FILE")
@click.option("--input", "pairs", multiple=True, metavar="K=V", help="An input; repeatable.")
@click.option("--inputs", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON or YAML.")
@click.option("--site", metavar="S", help="The site it is for.")
@click.option("--local", is_flag=True, help="Run in this process, on the embedded store; no server is needed.")
@click.option("--wait", is_flag=True, help="Wait until it has ended or waits for a person.")
@click.option("--idempotency-key", "key", metavar="KEY", help="Start it once, however often this is called.")
@click.option("--no-input", is_flag=True, help="With --local: leave reviews open instead of asking here.")
@as_option
def command(
    target: str,
    pairs: tuple[str, ...],
    file: Path | None,
    site: str | None,
    local: bool,
    wait: bool,
    no_input: bool,
    key: str | None,
    who: str | None,
) -> CommandResult:
    """Start an execution: of the published version of NAME, or of FILE, which is stored as a draft first."""
    by = identity(who, settings())
    if local:
        app, runner = open_local_app(settings())
    else:
        app = acting_app()
    version, notes = _version(app, target, by)
    inputs = gather_inputs(app.plan(version).input_schema, pairs, file)
    if site is not None:
        save_site(app, site, settings())
    number = None if version.status == "published" else version.number
    execution_id = app.start(version.workflow, inputs, site=site, version=number, key=key)
    if local:
        asks = not no_input and not wants_json() and sys.stdin.isatty() and sys.stdout.isatty()
        run_here(app, runner, execution_id, by=by, ask=asks)
    elif wait:
        wait_for(app, execution_id)
    else:
        started = f"{version.workflow} v{version.number} is started: {execution_id}"
        text = "\n".join([*notes, started, f"next: flowbuilder executions watch {execution_id}"])
        return CommandResult(data=outcome_answer(app, execution_id).data, text=text)
    return outcome_answer(app, execution_id, notes=notes)


def _version(app: App, target: str, author: str) -> tuple[WorkflowVersion, tuple[str, ...]]:
    path = Path(target)
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        if not path.is_file():
            raise click.UsageError(f"there is no file {target}")
        draft = store_draft(app, path, author=author)
        return draft.version, tuple(f"{other.workflow} v{other.number} was stored with it" for other in draft.called)
    return app.version(target), ()
