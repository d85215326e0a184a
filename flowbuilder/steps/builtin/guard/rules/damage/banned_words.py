"""The proposal uses a word of `words` more often than the base does.

Options:
    words: [cheapest]
Base:
    A good kettle keeps its heat.
Wrong:
    The cheapest kettle keeps its heat.
Right:
    A good kettle keeps its heat for an hour or so.
"""

from __future__ import annotations

import re

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "block"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each banned word beyond those of the base."""
    for word in options.words:
        edges = ["" if _spaceless(letter) else "\\b" for letter in (word[:1], word[-1:])]
        pattern = re.compile(f"{edges[0]}{re.escape(word)}{edges[1]}", re.IGNORECASE)
        allowed = sum(1 for _ in pattern.finditer(change.base.text))
        for number, match in enumerate(pattern.finditer(change.proposal.text)):
            if number >= allowed:
                text = change.proposal.text
                yield Finding(
                    excerpt(text[max(0, match.start() - 40) : match.end() + 40]),
                    f"the word {match[0]} is banned",
                    item=match[0],
                    many="banned words",
                )


def _spaceless(letter: str) -> bool:
    return not letter.isalnum() or "\u0e00" <= letter <= "\u0eff" or "\u3040" <= letter <= "\u9fff"
