"""Rich output: consoles, tables, coloured statuses and diffs. Text is never read as markup."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from flowbuilder.cli.output.escape import escape

COLOURS = {
    "completed": "green", "approved": "green", "published": "green", "done": "green", "ok": "green",
    "failed": "red", "rejected": "red", "error": "red", "held": "red",
    "waiting": "yellow", "paused": "yellow", "open": "yellow", "draft": "yellow", "changes_requested": "yellow",
    "running": "cyan", "queued": "cyan",
    "skipped": "bright_black", "cancelled": "bright_black", "archived": "bright_black", "pending": "bright_black",
}  # fmt: skip
DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def console(*, errors: bool = False) -> Console:
    """A console on stdout, or on stderr with `errors`. Without a terminal, it is 200 columns wide."""
    stream = sys.stderr if errors else sys.stdout
    width = None if stream.isatty() else 200
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def text(value: object, style: str = "") -> Text:
    """A value as text, with control characters escaped and without markup."""
    return Text(escape(value), style=style)


def status(word: object) -> Text:
    """A status in its colour."""
    return text(word, COLOURS.get(str(word), ""))


def when(moment: datetime | None) -> str:
    """A local time to the second; empty for None."""
    if moment is None:
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> RenderableType:
    """A table; a cell is a value or a `Text`. Without rows, the sentence `empty`."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else text("" if cell is None else cell) for cell in row))
    return made if made.row_count else text(empty)


def coloured_diff(lines: Iterable[str]) -> Text:
    """The lines of a unified diff in colour."""
    made = Text()
    for line in lines:
        made.append(escape(line) + "\n", style=DIFF_COLOURS.get(line[:1], ""))
    return made
