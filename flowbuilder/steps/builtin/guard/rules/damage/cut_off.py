"""A sentence or the whole text stops before its end.

Base:
    Green tea needs water of about 80 °C, and a little time.
Wrong:
    Green tea needs water of about
Right:
    Green tea needs water of about 80 °C.
"""

from __future__ import annotations

import re
from collections import defaultdict

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Block
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
_ENDS = re.compile(
    r"[.!?\u2026:;\u3002\uff01\uff1f\uff1a\u061f\u06d4\u0964\u0e2f)\]}\u201d\u00bb\"'\u300d\u300f*_`|>\x02]\s*$"
)
_SENTENCE = re.compile(
    "[.!?\u2026:;\u3002\uff01\uff1f\uff1a\u061f\u06d4\u0964\u0e2f][)\\]\"'\u201d\u00bb\u300d\u300f*_`\x02]{0,5}\\s*$"
)
LEAST_WORDS = 3
MAX_LOST = 8
"""Lost sentences of a block that are looked for."""


def check(change: Change, options: RuleOptions) -> Findings:
    """Sentences of which only the beginning is left, and a last paragraph that stops in the middle of a sentence."""
    seen: set[int] = set()
    for pair in change.sentences:
        before, after = words_of(pair.base), words_of(pair.proposal)
        if (
            pair.block.kind != "row"
            and LEAST_WORDS <= len(after) <= len(before)
            and _begins(before, after)
            and _SENTENCE.search(pair.base)
            and not _ENDS.search(pair.proposal)
        ):
            seen.add(id(pair.block))
            yield _finding(pair.proposal[-80:], pair.proposal)
    yield from _merged(change)
    for old, new in change.changed:
        if (
            old.kind in ("paragraph", "item")
            and id(new) not in seen
            and len(new.words) >= LEAST_WORDS
            and _SENTENCE.search(old.text)
            and not _ENDS.search(new.text)
            and _begins(old.words, new.words)
        ):
            seen.add(id(new))
            yield _finding(new.text[-80:], new.text)
    last = next((block for block in reversed(change.proposal.prose)), None)
    old_last = next((block for block in reversed(change.base.prose)), None)
    if last is None or old_last is None or id(last) in seen or last.kind != "paragraph":
        return
    shorter = len(change.proposal.words) < len(change.base.words)
    if shorter and last in change.after and len(last.words) >= LEAST_WORDS and _stops(last) and not _stops(old_last):
        yield _finding(last.text[-80:], last.text)


def _begins(old: list[str], new: list[str]) -> bool:
    """Whether the new words are the beginning of the old ones, which may be cut inside a word."""
    before, after = "".join(old), "".join(new)
    return len(after) < len(before) and before.startswith(after)


def _merged(change: Change) -> Findings:
    """Sentences of which the beginning is left, and runs into the next sentence."""
    lost: dict[int, list[str]] = defaultdict(list)
    for sentence, block in change.lost_sentences:
        if len(lost[id(block)]) < MAX_LOST:
            lost[id(block)].append(sentence)
    for pair in change.sentences:
        for sentence in lost.get(id(pair.base_block), ()):
            for whole, cut in ((pair.base, sentence), (sentence, pair.base)):
                left = pair.proposal.removesuffix(whole)
                words = words_of(left) if len(left) < len(pair.proposal) else []
                if len(words) >= LEAST_WORDS and _begins(words_of(cut), words):
                    yield _finding(left[-80:], left)


def _stops(block: Block) -> bool:
    return not _ENDS.search(block.text)


def _finding(place: str, text: str) -> Finding:
    return Finding(
        " ".join(place.split()),
        f"stops in the middle: …{' '.join(text.split())[-100:]}",
        place,
        "sentences stop in the middle",
    )
