"""Runs a command and maps errors to exit codes. An error is one line on stderr, or one JSON document on stdout."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from flowbuilder.cli.output.escape import escape
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

EXIT_OK, EXIT_NEGATIVE, EXIT_USAGE = 0, 1, 2
EXIT_INTERRUPTED = 130

_ERRORS: tuple[tuple[type[FlowbuilderError], str, int], ...] = (
    (DefinitionError, "definition", EXIT_NEGATIVE),
    (LanguageError, "language", EXIT_NEGATIVE),
    (StepError, "step", EXIT_NEGATIVE),
    (Conflict, "conflict", EXIT_NEGATIVE),
    (Refused, "refused", EXIT_NEGATIVE),
    (NotFound, "not_found", EXIT_USAGE),
    (ConfigurationError, "configuration", EXIT_USAGE),
    (Unavailable, "unavailable", EXIT_USAGE),
    (FlowbuilderError, "failed", EXIT_NEGATIVE),
)


def run_command(group: click.Group, arguments: Sequence[str] | None) -> int:
    """Run a command; returns 0 (done), 1 (the answer is no), 2 (wrong use or no connection) or 130 (interrupted)."""
    # modules' objects stay until the exit: collecting garbage among them took a tenth of a short command's CPU time
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = _wants_json_errors(given)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        code = group.main(given, prog_name="flowbuilder", standalone_mode=False)
        return code if isinstance(code, int) else EXIT_OK
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as problem:
        return _usage_error(problem, as_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped", err=True)
        return EXIT_INTERRUPTED
    except FlowbuilderError as problem:
        return _known_error(problem, as_json)
    except BrokenPipeError:
        # the reader (head, less) has closed the pipe; without this, Python reports the error again when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NEGATIVE
    except Exception as problem:  # an unexpected error is one line too
        return _unexpected_error(problem, as_json)


def _wants_json_errors(arguments: list[str]) -> bool:
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(word == "--format=json" or (word == "--format" and following == "json") for word, following in pairs)


def _usage_error(problem: click.ClickException, as_json: bool) -> int:
    context = getattr(problem, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context is not None else ""
    message = problem.format_message()
    if type(problem).__name__ == "NoArgsIsHelpError":
        click.echo(message, err=as_json)
        return EXIT_USAGE
    return _print_error("usage", message if as_json else f"{message.rstrip('.')}{hint}", EXIT_USAGE, as_json)


def _known_error(problem: FlowbuilderError, as_json: bool) -> int:
    name, code = next((name, code) for kind, name, code in _ERRORS if isinstance(problem, kind))
    if isinstance(problem, DefinitionError):
        extra = {"diagnostics": [item.record() for item in problem.report]}
        if not as_json:
            click.echo(escape(render(problem.report)), err=True)
        return _print_error(name, problem.message, code, as_json, **extra)
    return _print_error(name, problem.message, code, as_json)


def _unexpected_error(problem: Exception, as_json: bool) -> int:
    if os.environ.get("FLOWBUILDER_DEBUG"):
        traceback.print_exc()
    detail = " ".join(str(problem).split())[:300]
    more = "" if os.environ.get("FLOWBUILDER_DEBUG") else " (set FLOWBUILDER_DEBUG=1 for the traceback)"
    return _print_error("internal", f"unexpected {type(problem).__name__}: {detail}{more}", EXIT_USAGE, as_json)


def _print_error(name: str, message: str, code: int, as_json: bool, **extra: Any) -> int:
    if as_json:
        from flowbuilder.cli.output.result import print_json

        print_json({"error": {"code": name, "message": message, **extra}})
    else:
        click.echo(f"error: {escape(message)}", err=True)
    return code
