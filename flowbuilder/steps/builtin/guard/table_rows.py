"""Tables of Markdown: their rows, also where they stand in HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowbuilder.steps.builtin.guard.document import Block

_DELIMITERS = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_BAR = re.compile(r"(?<!\\)\|")


def is_delimiter_row(line: str) -> bool:
    """Whether a line stands between the head and the body of a table, or would (`---`)."""
    return _DELIMITERS.match(line) is not None


def row_of(line: str, *, head: bool, quoted: bool) -> Block:
    """A line of a table as a block."""
    cells = tuple(cell.strip() for cell in _BAR.split(line.removeprefix("|").removesuffix("|")))
    return Block("row", " | ".join(cells), info="head" if head else "", quoted=quoted, cells=cells)


def tables_apart(raw: str, *, quoted: bool) -> Iterator[str | Block]:
    """A text in its order: the rows of its tables, and what stands between the tables."""
    lines = raw.split("\n") if "|" in raw else []
    delimiters = {index for index, line in enumerate(lines) if index and "|" in line and is_delimiter_row(line.strip())}
    if not delimiters:
        yield raw
        return
    text: list[str] = []
    in_table = False
    for index, line in enumerate(lines):
        in_table = "|" in line and (in_table or index + 1 in delimiters)
        if not in_table:
            text.append(line)
        elif index not in delimiters:
            yield "\n".join(text)
            text = []
            yield row_of(line.strip(), head=index + 1 in delimiters, quoted=quoted)
    yield "\n".join(text)
