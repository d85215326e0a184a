"""A sentence of the base is kept without its number, or with another one of the page.

Base:
    Green tea needs 80 °C. Black tea needs 95 °C.
Wrong:
    Green tea needs 95 °C. Black tea needs 95 °C.
Wrong:
    Green tea needs less heat. Black tea needs 95 °C.
Right:
    Green tea needs 80 °C or less. Black tea needs 95 °C.
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.amounts import amounts_of, numbers_in
from flowbuilder.steps.builtin.guard.change import Change, Sentences
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions, Severity
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
LEAST_SIMILARITY = 0.6
"""Of a sentence that was rewritten more, a missing number is worth a look."""


def check(change: Change, options: RuleOptions) -> Findings:
    """Each number that a changed sentence lost, and those that changed places."""
    known = {match[0] for match in numbers_in(change.base.text)}
    elsewhere = Counter(number for sentence, _ in change.new_sentences for number in _numbers(sentence))
    gained = Counter[str]()
    for pair in change.sentences:
        gained.update(Counter(_numbers(pair.proposal)) - Counter(_numbers(pair.base)))
    for pair in change.sentences:
        before, after = _numbers(pair.base), _numbers(pair.proposal)
        if before == after:
            yield from _words(pair)
            continue
        lost = list((Counter(before) - Counter(after)).elements())
        new = list((Counter(after) - Counter(before)).elements())
        if not lost and not new and pair.similarity > 0.8:
            yield _finding(pair.proposal, f"numbers changed places: {', '.join(before[:5])}", before[0])
        for index, number in enumerate(lost):
            if index < len(new):
                if new[index].lstrip("-") in known:
                    yield _finding(pair.proposal, f"{number} became {new[index]}: {excerpt(pair.proposal)}", number)
            elif number in pair.block.text and Counter(_numbers(pair.base_block.text))[number] <= 1:
                continue
            elif elsewhere[number] + gained[number] == 0:
                evidence = f"the number {number} was removed from: {excerpt(pair.proposal)}"
                yield _finding(pair.proposal, evidence, number, "info" if pair.similarity < LEAST_SIMILARITY else None)


def _numbers(text: str) -> list[str]:
    return [amount.number for amount in amounts_of(text)]


def _words(pair: Sentences) -> Findings:
    """Numbers in words: one for another."""
    before, after = (
        Counter(word for word in words_of(text) if word in pair.language.number_words)
        for text in (pair.base, pair.proposal)
    )
    for old, new in zip((before - after).elements(), (after - before).elements(), strict=False):
        yield _finding(pair.proposal, f"“{old}” became “{new}”: {excerpt(pair.proposal)}", old)


def _finding(sentence: str, evidence: str, item: str, severity: Severity | None = None) -> Finding:
    return Finding(excerpt(sentence), evidence, item, "numbers were removed or changed", severity)
