"""`flowbuilder plan`: compile a workflow file."""

from __future__ import annotations

from pathlib import Path

import click

from flowbuilder.cli.input.workflow_files import document_file, read_text, workflow_resolver
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.loader import load
from flowbuilder.diagnostics import render
from flowbuilder.errors import DefinitionError
from flowbuilder.plan.compiler import compile_plan


@click.command(cls=ResultCommand)
@click.argument("file", type=document_file)
def command(file: Path) -> CommandResult:
    """Compile a workflow file and show its plan.

    Lists the steps in execution order. Contacts no server.
    """
    source = read_text(file)
    definition, report = load(source, folder=file.parent)
    try:
        if definition is None or not report.ok:
            raise DefinitionError(report)
        plan = compile_plan(definition, workflows=workflow_resolver(file))
    except DefinitionError as problem:
        records = [item.record() for item in problem.report]
        text = render(problem.report, source=source, file=str(file))
        return CommandResult(data={"file": str(file), "diagnostics": records}, text=text, ok=False)
    return CommandResult(data=plan.json(), text=str(plan))
