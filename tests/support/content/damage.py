"""Each kind of damage of `damaged_texts` and `damaged_details`, and the rules of `guard` that name it."""

from __future__ import annotations

from random import Random

from flowbuilder.steps.builtin.guard.html_blocks import is_html
from tests.support.content import damage_rules, damaged_details, damaged_texts

KINDS = damaged_texts.KINDS | damaged_details.KINDS
CARRIERS = damaged_texts.CARRIERS | damaged_details.CARRIERS
RULES = damage_rules.RULES | damaged_details.RULES
"""A finding of another rule does not say what happened."""


def damaged(text: str, kind: str, random: Random) -> tuple[str, str] | None:
    """A base and a proposal with one damage. A text without what the kind needs gets the carrier in both; HTML gets a
    carrier of HTML only."""
    proposal = KINDS[kind](text, random)
    if proposal is not None and proposal != text:
        return text, proposal
    if kind not in CARRIERS or (is_html(text) and not CARRIERS[kind].startswith("<")):
        return None
    base = f"{text.rstrip()}\n\n{CARRIERS[kind]}\n"
    proposal = KINDS[kind](base, random)
    return (base, proposal) if proposal is not None and proposal != base else None
