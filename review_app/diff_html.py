"""Renders comparisons as escaped HTML: side by side, inline, or one text only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from review_app.diff import Comparison, Piece, Row
from review_app.markdown_escape import escaped

CONTEXT = 1
"""Unchanged paragraphs shown before and after a change; others are folded."""

_TAGS = {"same": ("", ""), "del": ("<del>", "</del>"), "ins": ("<ins>", "</ins>")}


def side_by_side(comparison: Comparison, *, old: str = "Current", new: str = "Proposed") -> str:
    """Two columns; `old` and `new` are their headings."""
    head = f'<div class="fb-side-head">{escaped(old)}</div><div class="fb-side-head">{escaped(new)}</div>'
    return f'<div class="fb-diff fb-side">{head}{_folded(comparison.rows, _pair)}</div>'


def inline(comparison: Comparison) -> str:
    """One column: removed text is struck through, added text underlined."""
    return f'<div class="fb-diff fb-inline">{_folded(comparison.rows, _merged)}</div>'


def plain_text(text: str) -> str:
    """One text without marks."""
    return f'<div class="fb-diff fb-reading"><div class="fb-cell">{_text(text)}</div></div>'


def summary(comparison: Comparison) -> str:
    """The numbers of changed words and paragraphs, in one line."""
    if not comparison.changes:
        return '<span class="fb-muted">No changes</span>'
    noun = "change" if comparison.changes == 1 else "changes"
    return (
        f'<span class="fb-plus">+{comparison.words_added:,}</span> <span class="fb-minus">−{comparison.words_removed:,}'
        f'</span> <span class="fb-muted">words · {comparison.changes:,} {noun}</span>'
    )


def _folded(rows: Sequence[Row], draw: Callable[[Row], str]) -> str:
    out: list[str] = []
    runs = [(same, list(run)) for same, run in groupby(rows, key=lambda row: row.kind == "same")]
    for index, (same, run) in enumerate(runs):
        head = CONTEXT if index else 0
        tail = CONTEXT if index < len(runs) - 1 else 0
        if not same or len(runs) == 1 or len(run) <= head + tail + 1:
            out += map(draw, run)
            continue
        middle = run[head : len(run) - tail]
        out += map(draw, run[:head])
        inside = "".join(map(draw, middle))
        out.append(
            f'<details class="fb-fold"><summary>{len(middle)} unchanged paragraphs</summary>'
            f'<div class="fb-fold-body">{inside}</div></details>'
        )
        out += map(draw, run[len(run) - tail :])
    return "".join(out)


def _pair(row: Row) -> str:
    return _cell(row.kind, row.old, "old") + _cell(row.kind, row.new, "new")


def _cell(kind: str, pieces: Sequence[Piece], side: str) -> str:
    state = "none" if not pieces else kind
    return f'<div class="fb-cell fb-{side} fb-{state}">{_pieces(pieces)}</div>'


def _merged(row: Row) -> str:
    return f'<div class="fb-cell fb-{row.kind}">{_pieces(_interleaved(row))}</div>'


def _interleaved(row: Row) -> Iterator[Piece]:
    """The pieces of both sides in one sequence: removed text, its replacement, then equal text."""
    if row.kind == "same":
        yield from row.new
        return
    new = list(row.new)
    for piece in row.old:
        if piece.mark == "del":
            yield piece
            continue
        while new and new[0].mark == "ins":
            yield new.pop(0)
        if new:
            yield new.pop(0)
    yield from new


def _pieces(pieces: Iterable[Piece]) -> str:
    shown = list(pieces)
    # white space at the end of a paragraph only separates it from the next one
    while shown and not shown[-1].text.strip():
        shown.pop()
    if shown:
        shown[-1] = Piece(shown[-1].mark, shown[-1].text.rstrip())
    return "".join(f"{_TAGS[piece.mark][0]}{_text(piece.text)}{_TAGS[piece.mark][1]}" for piece in shown)


def _text(text: str) -> str:
    return escaped(text)
