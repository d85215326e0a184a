"""What is known to hold where a text is read, and from that: whether a step's output may be missing there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from flowbuilder.language import Expression
from flowbuilder.reading import Block, Located, Text
from flowbuilder.step import ContinueWith

_TOKENS = re.compile(r"""\s+|"[^"]*"|'[^']*'|&&|\|\||[=!<>]=|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|.""", re.S)
_SAME = {"and": "&&", "or": "||", "not": "!", "True": "true", "False": "false", "none": "null", "None": "null"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Why a step's output may be missing: the step that may not have run, and the reason in words."""

    step: Located
    reason: str


def out_of_scope(block: Block, target: Located) -> Located | None:
    """The iteration that hides `target` from a text in `block`: its items are not visible from outside of it."""
    around = set(map(id, block.outward()))
    for inner in target.block.outward():
        if id(inner) in around:
            return None
        if inner.item is not None:
            return inner.owner
    return None


def may_be_missing(text: Text, target: Located) -> Missing | None:
    """Why the output of `target` may be missing where `text` is read; None where it is always there."""
    around = set(map(id, text.block.outward()))
    known = _known(text)
    if known & _tests_of(target.id):
        return None
    node, through = target, None
    while True:
        if (missing := _skipped(node, through, known)) is not None:
            return missing
        if id(node.block) in around or node.block.owner is None:
            return None
        node, through = node.block.owner, node.block


def _skipped(node: Located, through: Block | None, known: frozenset[str]) -> Missing | None:
    if node.step.on_error != "fail" and not isinstance(node.step.on_error, ContinueWith):
        return Missing(step=node, reason=f"{node.id} may fail, and says on_error: continue")
    if node.step.when is not None and not conjuncts(node.step.when) <= known:
        return Missing(step=node, reason=f"{node.id} runs only when {node.step.when.source}")
    if through is None:
        return None
    if through.when is None:
        return Missing(step=node, reason=f"it stands in the else of {node.id}, which may not be taken")
    # a later branch is only reached when those before it are not taken, which its own condition does not say
    if through.index > 0 or not conjuncts(through.when) <= known:
        return Missing(step=node, reason=f"{node.id} takes that branch only when {through.when.source}")
    return None


def _known(text: Text) -> frozenset[str]:
    """What holds when the text is read: the conditions of its step and of all that is around it."""
    known: set[str] = set()
    if text.reader is not None and not text.is_own_condition and text.reader.step.when is not None:
        known |= conjuncts(text.reader.step.when)
    for block in text.block.outward():
        if block.when is not None:
            known |= conjuncts(block.when)
        if block.owner is not None and block.owner.step.when is not None:
            known |= conjuncts(block.owner.step.when)
    return frozenset(known)


def _tests_of(name: str) -> frozenset[str]:
    tests = ('steps.{}.status == "completed"', "is_defined(steps.{}.output)", "steps.{}.output != null")
    return frozenset(" ".join(_words(test.format(name))) for test in tests)


def conjuncts(condition: Expression) -> frozenset[str]:
    """The parts of a condition that must all hold, in one spelling: `a and b == 'x'` is `{a, b == "x"}`."""
    return _conjuncts(condition.source)


@lru_cache(maxsize=4096)
def _conjuncts(source: str) -> frozenset[str]:
    words = _words(source)
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word in "([{") - (word in ")]}")
        if depth == 0 and word in ("||", "?"):
            return frozenset((" ".join(words),))
        if depth == 0 and word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    return frozenset(" ".join(part) for part in parts)


def _words(source: str) -> list[str]:
    words = (word for word in _TOKENS.findall(source) if not word.isspace())
    return [_SAME.get(word) or (f'"{word[1:-1]}"' if word[0] == "'" and '"' not in word else word) for word in words]
