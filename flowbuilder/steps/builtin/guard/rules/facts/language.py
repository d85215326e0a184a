"""The proposal, or a part of it, is in another language than the base.

Base:
    The water for green tea should be hot, but it must not boil. Wait for two minutes.
Wrong:
    Das Wasser für grünen Tee soll heiß sein, aber es darf nicht kochen. Warten Sie zwei Minuten.
Right:
    The water for green tea should be hot, but it must not boil. Wait for two minutes, said Ada: Das ist alles.
"""

from __future__ import annotations

from collections import defaultdict

from flowbuilder.steps.builtin.guard.change import Change, Sentences
from flowbuilder.steps.builtin.guard.document import Block
from flowbuilder.steps.builtin.guard.languages import Language, language_of
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
LEAST_WORDS = 8
LEAST_NEW_WORDS = 12
"""Changed and new sentences of a block in the language of the base have at least so many words."""
MARGIN = 1.5


def check(change: Change, options: RuleOptions) -> Findings:
    """Each block with changed or new sentences in another language, where the language of the base is clear."""
    expected = change.base_language
    if expected is None:
        return
    written: dict[Block, list[str]] = defaultdict(list)
    for pair in change.sentences:
        written[pair.block].append(_fresh(pair))
    for sentence, block in change.new_sentences:
        written[block].append(sentence)
    for block in change.after:
        if block.kind not in ("paragraph", "item", "heading"):
            continue
        new = " ".join(written.get(block, ()))
        found = _other(block.text, LEAST_WORDS, expected) or _other(new, LEAST_NEW_WORDS, expected)
        if found is not None and found.code not in change.languages_before:
            yield Finding(
                block.excerpt(), f"is written in another language ({found.code} instead of {expected.code}): "
                f"{block.excerpt()}", block.excerpt(),
                f"parts are written in another language ({found.code} instead of {expected.code})",
            )  # fmt: skip


def _fresh(pair: Sentences) -> str:
    """What a changed sentence has between the words that it begins and ends with as before."""
    old, new = pair.base.split(), pair.proposal.split()
    least = min(len(old), len(new))
    start = next((index for index in range(least) if old[index] != new[index]), least)
    end = next((index for index in range(least - start) if old[-1 - index] != new[-1 - index]), least - start)
    return " ".join(new[start : len(new) - end])


def _other(text: str, least: int, expected: Language) -> Language | None:
    """The language of a text of at least `least` words, where it is clear and not the expected one."""
    found = language_of(text, MARGIN) if len(words_of(text)) >= least else None
    return found if found is not None and found.code != expected.code else None
