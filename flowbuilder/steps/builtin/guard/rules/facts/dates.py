"""A date or a month of the base is missing in the proposal, is another one, or is written in another form.

Base:
    The harvest begins on 5 March 2024.
Wrong:
    The harvest begins on 5 April 2024.
Wrong:
    The harvest begins on 2024-03-05.
Right:
    The main harvest begins on 5 March 2024.
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.amounts import Date, dates_of
from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each date that a changed sentence lost or replaced."""
    written = [date.text for sentence, _ in change.written() for date in dates_of(sentence, change.language)]
    for pair in change.sentences:
        before, after = dates_of(pair.base, pair.language), dates_of(pair.proposal, pair.language)
        lost, new = _less(before, after), _less(after, before)
        for index, old in enumerate(lost):
            if index < len(new):
                same = old.parts == new[index].parts
                evidence = f"the date {old.text} {'is now written' if same else 'became'} {new[index].text}"
            elif old.text in written:
                continue
            else:
                evidence = f"the date {old.text} was removed"
            yield Finding(excerpt(pair.proposal), evidence, old.text, "dates were removed or changed")


def _less(some: list[Date], others: list[Date]) -> list[Date]:
    left = Counter(date.text for date in others)
    found = []
    for date in some:
        if left[date.text] > 0:
            left[date.text] -= 1
        else:
            found.append(date)
    return found
