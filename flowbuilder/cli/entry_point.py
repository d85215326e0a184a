"""From arguments to an exit code. Whatever goes wrong is one line for a person, or one JSON document."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from flowbuilder.cli.output.escape import safe
from flowbuilder.diagnostics import render
from flowbuilder.errors import (
    ConfigurationError,
    Conflict,
    DefinitionError,
    FlowbuilderError,
    LanguageError,
    NotFound,
    Refused,
    StepError,
    Unavailable,
)

DONE, NO, WRONG = 0, 1, 2
INTERRUPTED = 130

_CODES: tuple[tuple[type[FlowbuilderError], str, int], ...] = (
    (DefinitionError, "definition", NO),
    (LanguageError, "language", NO),
    (StepError, "step", NO),
    (Conflict, "conflict", NO),
    (Refused, "refused", NO),
    (NotFound, "not_found", WRONG),
    (ConfigurationError, "configuration", WRONG),
    (Unavailable, "unavailable", WRONG),
    (FlowbuilderError, "failed", NO),
)


def run_command(group: click.Group, arguments: Sequence[str] | None) -> int:
    """Run a command; returns 0 (done), 1 (the answer is no) or 2 (wrong use, or no connection)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = _asks_for_json(given)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        code = group.main(given, prog_name="flowbuilder", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as problem:
        return _wrong_use(problem, as_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return INTERRUPTED
    except FlowbuilderError as problem:
        return _failed(problem, as_json)
    except BrokenPipeError:
        # whoever read us (head, less) has seen enough; Python would complain once more while it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO
    except Exception as problem:  # the last resort: a mistake of ours is one line too
        return _unexpected(problem, as_json)


def _asks_for_json(arguments: list[str]) -> bool:
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(word == "--format=json" or (word == "--format" and following == "json") for word, following in pairs)


def _wrong_use(problem: click.ClickException, as_json: bool) -> int:
    context = getattr(problem, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context is not None else ""
    message = problem.format_message()
    if type(problem).__name__ == "NoArgsIsHelpError":
        click.echo(message, err=as_json)
        return WRONG
    return _say("usage", message if as_json else f"{message}{hint}", WRONG, as_json)


def _failed(problem: FlowbuilderError, as_json: bool) -> int:
    name, code = next((name, code) for kind, name, code in _CODES if isinstance(problem, kind))
    if isinstance(problem, DefinitionError):
        extra = {"diagnostics": [item.record() for item in problem.report]}
        if not as_json:
            click.echo(safe(render(problem.report)), err=True)
        return _say(name, problem.message, code, as_json, **extra)
    return _say(name, problem.message, code, as_json)


def _unexpected(problem: Exception, as_json: bool) -> int:
    if os.environ.get("FLOWBUILDER_DEBUG"):
        traceback.print_exc()
    detail = " ".join(str(problem).split())[:300]
    more = "" if os.environ.get("FLOWBUILDER_DEBUG") else " (set FLOWBUILDER_DEBUG=1 to see where)"
    return _say("internal", f"unexpected {type(problem).__name__}: {detail}{more}", WRONG, as_json)


def _say(name: str, message: str, code: int, as_json: bool, **extra: Any) -> int:
    if as_json:
        from flowbuilder.cli.output.result import give_json

        give_json({"error": {"code": name, "message": message, **extra}})
    else:
        click.echo(f"error: {safe(message)}", err=True)
    return code
