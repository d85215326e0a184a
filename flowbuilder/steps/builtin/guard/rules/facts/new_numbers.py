"""The proposal has a number that the base does not have.

Base:
    Green tea needs 80 °C.
Wrong:
    Green tea needs 80 °C. Of 100 drinkers, 73% say so.
Right:
    1. Green tea needs 80 °C.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.amounts import amounts_of, numbers_in
from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each new number, once."""
    if not change.has_base:
        return
    known = {match[0] for match in numbers_in(change.base.text)}
    replaced = {pair.proposal: pair.base for pair in change.sentences}
    for sentence, _ in change.written():
        for amount in amounts_of(sentence):
            number = amount.number.lstrip("-")
            if number in known:
                continue
            known.add(number)
            shown = f"{amount.number}{'%' if amount.unit == '%' else ''}"
            old = [other.number for other in amounts_of(replaced.get(sentence, "")) if other.number not in sentence]
            more = f"; it was {old[0]}" if len(old) == 1 else ""
            yield Finding(
                excerpt(sentence), f"the number {shown} is not on the page; check its source{more}", shown,
                "numbers are not on the page; check their sources",
            )  # fmt: skip
