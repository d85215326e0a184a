"""`flowbuilder eval`: evaluate a template, an expression or code."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from flowbuilder.cli.input.inputs import object_in_file
from flowbuilder.cli.input.workflow_files import read_text
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.errors import FlowbuilderError, LanguageError, StepError
from flowbuilder.language import Expression, Template

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=ResultCommand)
@click.option("--template", help="A template with {{ ... }}.")
@click.option("--expression", help="An expression, as in `when`.")
@click.option("--code", help="Python code for the sandbox. The names of the context are its variables.")
@click.option("--context", type=_FILE, help="A JSON or YAML file with the names in scope.")
def command(template: str | None, expression: str | None, code: str | None, context: Path | None) -> CommandResult:
    """Evaluate a template, an expression or code.

    The names in scope come from --context.
    """
    given = [text for text in (template, expression, code) if text is not None]
    if len(given) != 1:
        raise click.UsageError("choose exactly one of --template, --expression and --code")
    names = object_in_file(read_text(context), str(context)) if context else {}
    stage = "compile"
    try:
        if template is not None:
            compiled = Template(template)
            stage = "run"
            value = compiled.render(names)
        elif expression is not None:
            condition = Expression(expression)
            stage = "run"
            value = condition.evaluate(names)
        else:
            value = _run_code(str(code), names)
    except LanguageError as problem:
        return _failed(problem, problem.stage, problem.code, problem.hint)
    except StepError as problem:
        detail = problem.detail if isinstance(problem.detail, dict) else {}
        return _failed(problem, str(detail.get("stage", "run")), problem.code)
    except FlowbuilderError as problem:
        return _failed(problem, stage, "failed")
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return CommandResult(data={"ok": True, "value": value}, text=text)


def _run_code(source: str, names: dict[str, Any]) -> Any:
    from flowbuilder.bootstrap import open_ports

    return asyncio.run(open_ports(blocks=False).sandbox.run(source, names, seconds=5.0, megabytes=64))


def _failed(problem: FlowbuilderError, stage: str, code: str, hint: str = "") -> CommandResult:
    data = {"ok": False, "stage": stage, "code": code, "message": problem.message}
    text = f"error[{code}]: {problem.message} ({'compile' if stage == 'compile' else 'run'} error)"
    if hint:
        data["hint"] = hint
        text += f"\n= help: {hint}"
    return CommandResult(data=data, text=text, ok=False)
