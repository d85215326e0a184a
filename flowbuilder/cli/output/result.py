"""Command results and how they are printed: `--format text` or `json`, with control characters escaped."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from flowbuilder.cli.output.escape import escape, escape_json

if TYPE_CHECKING:
    from rich.console import RenderableType

_COLOURS = {"error": "red", "warning": "yellow", "ok": "green"}


class CommandResult(Struct, frozen=True, kw_only=True):
    """`data` is the JSON document; `text` is plain text or a rich renderable; `ok` false is exit code 1."""

    data: Any
    text: str | RenderableType = ""
    ok: bool = True


class ResultCommand(click.Command):
    """A command whose function returns a `CommandResult`; adds the option `--format`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(
            click.Option(
                ["--format", "output_format"],
                type=click.Choice(["text", "json"]),
                default="text",
                show_default=True,
                expose_value=False,
                callback=_remember_format,
                is_eager=True,
                help="Output format. json prints exactly one document.",
            )
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Call the function and print its result; exit with 1 when it is not ok."""
        result: CommandResult | None = super().invoke(ctx)
        if result is not None:
            print_result(result)
            if not result.ok:
                ctx.exit(1)
        return None


def wants_json() -> bool:
    """Whether the running command prints JSON."""
    return click.get_current_context().meta.get("flowbuilder.format") == "json"


def print_result(result: CommandResult) -> None:
    """Print a result in the chosen format and flush stdout."""
    if wants_json():
        print_json(result.data)
    else:
        print_text(result.text)


def print_json(data: Any) -> None:
    """Print one JSON document."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    click.echo(escape_json(json.dumps(data, indent=2, ensure_ascii=ascii_only, default=str)))
    sys.stdout.flush()


def print_text(text: str | RenderableType) -> None:
    """Print escaped text, or a rich renderable; colours only on a terminal."""
    if isinstance(text, str):
        if text:
            click.echo(_coloured(escape(text.rstrip("\n"))))
    else:
        from flowbuilder.cli.output.console import console

        console().print(text)
    sys.stdout.flush()


def _remember_format(ctx: click.Context, _option: click.Parameter, value: str) -> str:
    ctx.meta["flowbuilder.format"] = value
    return value


def _coloured(text: str) -> str:
    if not sys.stdout.isatty():
        return text
    lines = []
    for line in text.split("\n"):
        word = line.split("[", 1)[0].split(":", 1)[0].strip()
        colour = _COLOURS.get(word) if line.startswith(word) else None
        if colour:
            lines.append(click.style(line, fg=colour, bold=True))
        elif set(line.strip(" |0123456789")) == {"^"}:
            lines.append(click.style(line, fg="red"))
        else:
            lines.append(line)
    return "\n".join(lines)
