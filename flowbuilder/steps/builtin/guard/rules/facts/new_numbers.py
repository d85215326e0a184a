"""The proposal has a number that the base does not have.

In place of another number, or with a unit, a currency or a decimal mark, and from 1,000 on if it is no year, this is a
warning; a small number or a year of a new sentence, the number of a ticket (`#12`) or of a version are worth a look.

Base:
    Green tea needs 80 °C.
Wrong:
    Green tea needs 80 °C. Of 100 drinkers, 73% say so.
Right:
    1. Green tea needs 80 °C.
"""

from __future__ import annotations

import re

from flowbuilder.steps.builtin.guard.amounts import amounts_of, numbers_in
from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_CLAIM = re.compile(r"\d+[.,]\d+|\d{1,3}(?:[.,]\d{3})+|(?!(?:1[5-9]|20)\d\d$)\d{4,}")
"""A number that says how much; a version such as 1.2.3, a small number or a year rarely does."""


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
            claims = old or amount.unit or (_CLAIM.fullmatch(number) and not _names(sentence, number))
            yield Finding(
                excerpt(sentence), f"the number {shown} is not on the page; check its source{more}", shown,
                "numbers are not on the page; check their sources",
                None if claims and f"#{number}" not in sentence else "info",
            )  # fmt: skip


def _names(sentence: str, number: str) -> bool:
    """Whether a number names something: the version of a product, or a part of an identifier such as CVE-2024-1234."""
    before = sentence.partition(number)[0]
    return re.search(r"(?:\s[^\W\d_]*[A-Z]\w{0,30}\s|[Vv]ersion\s|\b[vV]|[\w.]-|/)$", before[-40:]) is not None
