"""The difference of two texts for the terminal: lines, and in changed lines the words that differ, in every script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher, unified_diff
from itertools import groupby

from rich.text import Text

from flowbuilder.cli.output.console import DIFF_COLOURS
from flowbuilder.cli.output.escape import escape
from flowbuilder.language.text_segments import words_and_gaps

MAX_MATCHES = 20_000
"""The most pairs of equal words for which words are compared: the running time of the comparison grows with them."""
MIN_SIMILARITY = 0.3
"""The share of equal text from which changed lines are the same lines, changed."""


Change = tuple[str, str, bool]
"""A part of the old text, what stands in its place in the new one, and whether they are the same."""


def text_diff(before: str, after: str, *, context: int = 2, plain: bool = False) -> Text:
    """The lines that differ between two texts, with `context` lines around each change; words that differ are reversed.

    With `plain`, for a place without styles, changed lines are followed by a line that begins with `?`, is in neither
    text, and has the words that differ as `git diff --word-diff=plain` writes them: `?The [-old-]{+new+} page`.
    Only line feeds end a line: other characters that Python would split at are shown as codes.
    """
    lines = unified_diff(escape(before).split("\n"), escape(after).split("\n"), lineterm="", n=context)
    shown = (line for line in lines if not line.startswith(("--- ", "+++ ")))
    runs = [(sign, [line[1:] for line in run]) for sign, run in groupby(shown, key=lambda line: line[:1])]
    made = Text()
    changes: list[Change] | None = None
    for index, (sign, run) in enumerate(runs):
        text, follows = "\n".join(run), changes is not None
        if sign == "-" and index + 1 < len(runs) and runs[index + 1][0] == "+":
            changes = _changes(text, "\n".join(runs[index + 1][1]))
        marks = None if changes is None else _marks(changes, sign)
        at = 0
        for line in run:
            made.append(sign, style=DIFF_COLOURS.get(sign, ""))
            for start, end, different in _spans(marks, at, at + len(line)):
                made.append(
                    text[start:end], style=f"{DIFF_COLOURS[sign]} reverse" if different else DIFF_COLOURS.get(sign, "")
                )
            made.append("\n")
            at += len(line) + 1
        if follows and changes is not None:
            if plain:
                made.append("".join(f"?{line}\n" for line in _in_words(changes).split("\n")))
            changes = None
    return made


def _changes(old: str, new: str) -> list[Change] | None:
    """The words of two texts that are the same and those that differ; None where they have too little in common."""
    left, right = list(words_and_gaps(old)), list(words_and_gaps(new))
    counts = Counter(right)
    if sum(number * counts[word] for word, number in Counter(left).items()) > MAX_MATCHES:
        return None
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    found = [
        ("".join(left[i1:i2]), "".join(right[j1:j2]), tag == "equal") for tag, i1, i2, j1, j2 in matcher.get_opcodes()
    ]
    same = sum(len(part) for part, _, equal in found if equal)
    return found if 2 * same >= MIN_SIMILARITY * (len(old) + len(new)) else None


def _marks(changes: list[Change], sign: str) -> list[bool]:
    """For each character of one of the texts, whether its word differs."""
    return [not same for old, new, same in changes for _ in (old if sign == "-" else new)]


def _in_words(changes: list[Change]) -> str:
    """Both texts in one; a mark does not cross the end of a line."""
    made = ""
    for old, new, same in changes:
        if same:
            made += old
            continue
        for part, before, after in ((old, "[-", "-]"), (new, "{+", "+}")):
            made += "\n".join(line and f"{before}{line}{after}" for line in part.split("\n"))
    return made


def _spans(marks: list[bool] | None, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """The parts of a line with the same mark."""
    if marks is None:
        yield start, end, False
        return
    for different, run in groupby(range(start, end), key=marks.__getitem__):
        places = list(run)
        yield places[0], places[-1] + 1, different
