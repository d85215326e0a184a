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


def text_diff(before: str, after: str, *, context: int = 2) -> Text:
    """The lines that differ between two texts, with `context` lines around each change; words that differ are reversed.

    Only line feeds end a line: other characters that Python would split at are shown as codes.
    """
    lines = unified_diff(escape(before).split("\n"), escape(after).split("\n"), lineterm="", n=context)
    shown = (line for line in lines if not line.startswith(("--- ", "+++ ")))
    runs = [(sign, [line[1:] for line in run]) for sign, run in groupby(shown, key=lambda line: line[:1])]
    made = Text()
    after_marks: list[bool] | None = None
    for index, (sign, run) in enumerate(runs):
        text, marks = "\n".join(run), after_marks
        after_marks = None
        if sign == "-" and index + 1 < len(runs) and runs[index + 1][0] == "+":
            marks, after_marks = _different(text, "\n".join(runs[index + 1][1]))
        at = 0
        for line in run:
            made.append(sign, style=DIFF_COLOURS.get(sign, ""))
            for start, end, different in _spans(marks, at, at + len(line)):
                made.append(
                    text[start:end], style=f"{DIFF_COLOURS[sign]} reverse" if different else DIFF_COLOURS.get(sign, "")
                )
            made.append("\n")
            at += len(line) + 1
    return made


def _different(old: str, new: str) -> tuple[list[bool] | None, list[bool] | None]:
    """For each character of two texts, whether its word differs; None where they have too little in common."""
    left, right = list(words_and_gaps(old)), list(words_and_gaps(new))
    counts = Counter(right)
    if sum(number * counts[word] for word, number in Counter(left).items()) > MAX_MATCHES:
        return None, None
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    marks: tuple[list[bool], list[bool]] = ([], [])
    same = 0
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        for side, words in zip(marks, (left[i1:i2], right[j1:j2]), strict=True):
            side.extend([tag != "equal"] * sum(map(len, words)))
        same += sum(map(len, left[i1:i2])) if tag == "equal" else 0
    alike = 2 * same >= MIN_SIMILARITY * (len(old) + len(new))
    return marks if alike else (None, None)


def _spans(marks: list[bool] | None, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """The parts of a line with the same mark."""
    if marks is None:
        yield start, end, False
        return
    for different, run in groupby(range(start, end), key=marks.__getitem__):
        places = list(run)
        yield places[0], places[-1] + 1, different
