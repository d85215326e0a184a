"""Differences between texts, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import unified_diff

from rich.text import Text

from flowbuilder.cli.output.escape import safe

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def difference(before: str, after: str, *, context: int = 2) -> Text:
    """The lines that differ, with a few around them."""
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=context)
    return coloured(line for line in lines if not line.startswith(("--- ", "+++ ")))


def coloured(lines: Iterable[str]) -> Text:
    """The lines of a unified diff in colours."""
    made = Text()
    for line in lines:
        made.append(safe(line) + "\n", style=_STYLES.get(line[:1], ""))
    return made
