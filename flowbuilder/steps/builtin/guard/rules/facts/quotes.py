"""A quotation of the base is missing in the proposal or has other words; or the proposal has a new one.

Fewer than four words in quotation marks, and a block quotation that is a note in a frame, are worth a look.

Base:
    “Tea is quiet luxury in a cup,” she says.
Wrong:
    “Tea is loud luxury in a cup,” she says.
Right:
    Again and again: “Tea is quiet luxury in a cup,” she says.
"""

from __future__ import annotations

import re
from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Block
from flowbuilder.steps.builtin.guard.inline import CODE
from flowbuilder.steps.builtin.guard.mentions import quotes_of
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
LEAST_WORDS = 4
"""A quotation has at least so many words: fewer stand for a term."""
MAX_KEPT = 100
"""Lost quotations that are looked for in the text around."""
LEAST_NEW = 6
"""And a new one so many."""
_LABEL = re.compile(r"\w{2,15}\s?[:\uff1a]")
_MARKS = frozenset("\"'“‘„«‹»「『…(")


def check(change: Change, options: RuleOptions) -> Findings:
    """Each quotation that is missing, changed or new, and each changed block quotation."""
    before, after = _quotes(change.before), _quotes(change.after)
    said = {tuple(words_of(quote)) for quote in after}
    known = {tuple(words_of(quote)) for quote in before}
    lost = [quote for quote in before if tuple(words_of(quote)) not in said]
    new = [quote for quote in after if tuple(words_of(quote)) not in known]
    text = "\n".join(" ".join(block.words) for block in change.after) if lost else ""
    for number, quote in enumerate(lost):
        kept = number < MAX_KEPT and " ".join(words_of(quote)) in text
        what = "is no longer marked as a quotation" if kept else "was removed or changed"
        yield Finding(
            quote[:80],
            f"the quotation “{quote[:120]}” {what}",
            quote,
            "quotations were removed or changed",
            "info" if kept or _is_term(quote) else None,
        )
    for quote in new if change.has_base else ():
        if len(words_of(quote)) >= LEAST_NEW and not lost:
            yield Finding(
                quote[:80],
                f"a quotation that is not on the page: “{quote[:150]}”",
                quote,
                "quotations are not on the page",
            )
    for old, fresh in change.changed:
        if old.quoted and old.words != fresh.words and old.kind == "paragraph":
            yield Finding(
                fresh.excerpt(),
                f"a block quotation was changed: {fresh.excerpt()}",
                fresh.excerpt(),
                "block quotations were changed",
                "info" if _is_note(old) else None,
            )
    for block in change.lost:
        if block.quoted and block.words:
            yield Finding(
                block.excerpt(),
                f"a block quotation was removed: {block.excerpt()}",
                block.excerpt(),
                "block quotations were removed",
                "info" if _is_note(block) else None,
            )
    for block in change.new if change.has_base else ():
        if block.quoted and len(block.words) >= LEAST_WORDS and not _is_note(block):
            yield Finding(
                block.excerpt(),
                f"a new block quotation: {block.excerpt()}",
                block.excerpt(),
                "new block quotations",
                "info",
            )


def _is_term(quote: str) -> bool:
    """Whether a quotation is short, such as the name of a button."""
    return len(words_of(quote)) < LEAST_WORDS


def _is_note(block: Block) -> bool:
    """Whether a block quotation is a note in a frame: it begins in bold, with a sign or a label, or has code."""
    return (
        CODE in block.text
        or _LABEL.match(block.text) is not None
        or not (block.raw.lstrip()[:1].isalnum() or block.raw.lstrip()[:1] in _MARKS)
    )


def _quotes(blocks: list[Block]) -> list[str]:
    found = Counter(quote.strip(" .,!?…") for block in blocks if block.prose for quote in quotes_of(block.text))
    return list(found)
