"""The proposal adds invisible characters, which can hide text or turn it around.

In scripts that break lines at them (Thai, Khmer, Chinese, Japanese), a zero-width space is worth a look, no more; so
are marks of the direction on a page with letters that are written from right to left. A few zero-width characters
beside a space or a punctuation mark, and line and page separators, as copied text has them, are a warning: they split
no word.

Base:
    Green tea needs time.
Wrong:
    Green tea needs ti\u200bme.
Right:
    Green tea needs its time.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import islice

from flowbuilder.model.invisible_characters import hidden_characters
from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions, Severity

SEVERITY = "block"
_SPACELESS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]"
)
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_BREAKS = "\u200b\u2060\ufeff\u200c\u200d"
_MARKS = "\u200e\u200f\u061c"
MAX_TOGETHER = 8
"""So many invisible characters side by side may be a hidden message."""
_LINES = "\v\f\x85\u2028\u2029"
MAX_LOOKED = 100_000
"""Invisible characters of a text that are looked at."""
MAX_SHOWN = 3
"""Places that are named of a kind of character."""
_SOFT_HYPHEN = "\u00ad"  # content systems write it into long words


def check(change: Change, options: RuleOptions) -> Findings:
    """Each invisible character that the base has less often."""
    text = change.proposal.text
    old, new = (list(islice(hidden_characters(one.text), MAX_LOOKED)) for one in (change.base, change.proposal))
    before = Counter(character for _, character in old)
    leftward = _RIGHT_TO_LEFT.search(change.base.text) is not None
    end = -1
    severity: Severity | None = None
    milder: Severity | None
    found = Counter[tuple[str, Severity | None]]()
    first: dict[tuple[str, Severity | None], list[int]] = defaultdict(list)
    for at, character in new:
        if character == _SOFT_HYPHEN or (character == "\ufeff" and at == 0):
            continue
        if character not in _BREAKS:
            milder = "warning" if character in _LINES else None
            if character in _MARKS:
                milder = _mark(text, at, leftward)
        else:
            if at != end:  # all of a run have the same neighbours
                severity = _run(text, at)
            end, milder = at + 1, severity
        if before[character] > 0:
            before[character] -= 1
            continue
        kind = (character, milder)
        found[kind] += 1
        if found[kind] <= MAX_SHOWN:
            first[kind].append(at)
    if len(new) == MAX_LOOKED > len(old):
        yield Finding(
            _near(text, new[-1][0]), f"{MAX_LOOKED:,} invisible characters; what follows them was not compared"
        )
    for (character, milder), places in first.items():
        code = f"U+{ord(character):04X}"
        for number, at in enumerate(places):
            rest = found[character, milder] - len(places) if number == 0 else 0
            evidence = f"an invisible character, {code}"
            yield Finding(_near(text, at), evidence, code, "invisible characters", milder, 1 + rest)


def _mark(text: str, at: int, leftward: bool) -> Severity | None:
    """The severity of a mark of the direction."""
    return "info" if leftward or _RIGHT_TO_LEFT.search(text[max(0, at - 40) : at + 40]) else None


def _run(text: str, at: int) -> Severity | None:
    """The severity of zero-width characters that begin at an offset: they split a word, hide a message, or neither."""
    if _SPACELESS.search(text[max(0, at - 3) : at + 4]):
        return "info"
    before, after = text[max(0, at - MAX_TOGETHER) : at], text[at : at + 1 + MAX_TOGETHER]
    left, right = before.rstrip(_BREAKS), after.lstrip(_BREAKS)
    if len(before) - len(left) + len(after) - len(right) > MAX_TOGETHER:
        return None
    return None if left[-1:].isalnum() and right[:1].isalnum() else "warning"


def _near(text: str, at: int) -> str:
    """The shortened line around an offset, for a reviewer to search for."""
    start = text.rfind("\n", max(0, at - 40), at) + 1 or max(0, at - 40)
    end = text.find("\n", at, at + 40)
    return excerpt(text[start : end if end >= 0 else at + 40])
