"""The answer of a command, and how it is given: `--format text` for people, `--format json` for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flowbuilder.cli.output.escape import safe, safe_json

if TYPE_CHECKING:
    from rich.console import RenderableType

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """What a command found out. `text` is plain text, or a rich renderable; `ok` false is exit code 1."""

    data: Any
    text: str | RenderableType = ""
    ok: bool = True


class ResultCommand(click.Command):
    """A command whose function returns an `CommandResult`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(
            click.Option(
                ["--format", "form"],
                type=click.Choice(["text", "json"]),
                default="text",
                show_default=True,
                expose_value=False,
                callback=_remember_format,
                is_eager=True,
                help="How to answer; json is exactly one document.",
            )
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Call the function and give its answer."""
        answer: CommandResult | None = super().invoke(ctx)
        if answer is not None:
            give(answer)
            if not answer.ok:
                ctx.exit(1)
        return None


def wants_json() -> bool:
    """Whether the command that runs now is to answer in JSON."""
    return click.get_current_context().meta.get("flowbuilder.format") == "json"


def give(answer: CommandResult) -> None:
    """Print an answer, at once."""
    if wants_json():
        give_json(answer.data)
    else:
        give_text(answer.text)


def give_json(data: Any) -> None:
    """Print one JSON document."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    click.echo(safe_json(json.dumps(data, indent=2, ensure_ascii=plain, default=str)))
    sys.stdout.flush()


def give_text(text: str | RenderableType) -> None:
    """Print text as it is, made harmless, or a renderable: beautiful on a terminal, plain elsewhere."""
    if isinstance(text, str):
        if text:
            click.echo(_coloured(safe(text.rstrip("\n"))))
    else:
        from flowbuilder.cli.output.console import console

        console().print(text)
    sys.stdout.flush()


def _remember_format(ctx: click.Context, _option: click.Parameter, value: str) -> str:
    ctx.meta["flowbuilder.format"] = value
    return value


_COLOURS = {"error": "red", "warning": "yellow", "ok": "green"}


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
