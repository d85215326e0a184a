"""Null analysis: whether the output of a step may be missing where a text reads it.

An example:

    steps:
      - {id: page, type: page, url: https://example.com, when: inputs.fetch}
      - id: route
        type: conditional
        branches:
          - when: inputs.score > 0.5
            steps:
              - {id: short, type: llm, model: "demo:", prompt: "Shorten {{ steps.page.output.text }}"}
    outputs: {text: "{{ steps.short.output.text }}"}

The prompt is only rendered when `inputs.score > 0.5` holds. That does not imply `inputs.fetch`, so the output of `page`
may be missing there; with `when: inputs.fetch` on `short` as well, it would not. In `outputs` no condition is known to
hold, so the output of `short` may be missing: its branch may not be taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowbuilder.analysis.conditions import conjuncts, defined_paths
from flowbuilder.analysis.model import LocatedStep, LocatedText, StepBlock
from flowbuilder.language import Expression, Reference
from flowbuilder.language.parsing.references import NamePath, covered
from flowbuilder.steps.step import ContinueWith


class MissingOutput(Struct, frozen=True, kw_only=True):
    """The reason why an output may be missing: the step that may not have run, and a clause for the message."""

    step: LocatedStep
    reason: str
    what: str = "missing"


def hiding_iteration(block: StepBlock, target: LocatedStep) -> LocatedStep | None:
    """The iteration around `target` but not around `block`: a text in `block` cannot read the steps of its items."""
    if target.block is block or target.block.owner is None:
        return None
    shared = set(block.enclosing())
    for inner in target.block.enclosing():
        if inner in shared:
            return None
        if inner.item is not None:
            return inner.owner
    return None


def may_be_missing(text: LocatedText, target: LocatedStep) -> MissingOutput | None:
    """The reason why the output of `target` may be missing where `text` is evaluated; None where it is always there."""
    if target.block is text.block and _always_has_output(target):
        return None
    facts = _facts_at(text)
    if covered(("steps", target.id, "output"), facts.defined):
        return None
    for step, inner in _path_to_shared_block(target, text.block):
        if _may_fail(step):
            return MissingOutput(step=step, reason=f"{step.id} may fail, and has on_error: continue")
        if _may_be_skipped(step, facts) and step.step.when is not None:
            return MissingOutput(step=step, reason=f"{step.id} runs only when {step.step.when.source}")
        if inner is not None and _may_not_be_taken(inner, facts):
            reason = f"it is in the else of {step.id}, which may not be taken"
            if inner.when is not None:
                reason = f"{step.id} takes that branch only when {inner.when.source}"
            return MissingOutput(step=step, reason=reason)
    return None


def may_be_null(text: LocatedText, reference: Reference, target: LocatedStep) -> MissingOutput | None:
    """The reason why the output of a conditional may be null where `reference` reads a member of it; None if it never
    is."""
    if target.step.kind != "branch" or len(reference.path) < 4:
        return None
    branches = target.step.inner_blocks()
    if all(branch.output is None for branch in branches):
        return None
    if covered(("steps", target.id, "output"), _facts_at(text).defined):
        return None
    if all(branch.when is not None for branch in branches):
        reason = f"{target.id} has no else, and none of its branches may be taken"
        return MissingOutput(step=target, reason=reason, what="null")
    without = next((index for index, branch in enumerate(branches) if branch.output is None), None)
    if without is None:
        return None
    where = f"branch {without + 1}" if branches[without].when is not None else "the else"
    return MissingOutput(step=target, reason=f"{where} of {target.id} has no output", what="null")


def _path_to_shared_block(target: LocatedStep, block: StepBlock) -> Iterator[tuple[LocatedStep, StepBlock | None]]:
    """`target`, then the containers around it up to the one that shares a block with the text.

    Each container comes with the block inside it that leads to `target`; `target` itself with None.
    """
    shared = set(block.enclosing())
    yield target, None
    inner = target.block
    while inner not in shared and inner.owner is not None:
        yield inner.owner, inner
        inner = inner.owner.block


def _always_has_output(step: LocatedStep) -> bool:
    """Whether the step has an output whenever its block runs."""
    return step.step.when is None and step.step.on_error == "fail"


def _may_fail(step: LocatedStep) -> bool:
    """Whether the steps after this one run even if it fails and has no output."""
    return step.step.on_error != "fail" and not isinstance(step.step.on_error, ContinueWith)


def _may_be_skipped(step: LocatedStep, facts: _Facts) -> bool:
    """Whether the condition of the step may be false."""
    return step.step.when is not None and not conjuncts(step.step.when) <= facts.holding


def _may_not_be_taken(branch: StepBlock, facts: _Facts) -> bool:
    """Whether a conditional may take another branch, or none.

    An `else` and every branch but the first may always be passed over: that the conditions before it are false is not
    among the facts.
    """
    return branch.when is None or branch.index > 0 or not conjuncts(branch.when) <= facts.holding


class _Facts(Struct, frozen=True, kw_only=True):
    """The facts that hold where a text is evaluated: the conditions that are true, and the paths that are defined."""

    holding: frozenset[str]
    defined: frozenset[NamePath]


def _facts_at(text: LocatedText) -> _Facts:
    """The conditions of the text's step and of all blocks around it are true, those of earlier branches are false."""
    true: list[Expression] = []
    false: list[Expression] = []
    if text.reader is not None and not text.is_own_condition and text.reader.step.when is not None:
        true.append(text.reader.step.when)
    for block in text.block.enclosing():
        if block.when is not None:
            true.append(block.when)
        if block.owner is not None:
            false += [other.when for other in block.owner.blocks[: block.index] if other.when is not None]
            if block.owner.step.when is not None:
                true.append(block.owner.step.when)
    return _Facts(
        holding=frozenset(part for condition in true for part in conjuncts(condition)),
        defined=frozenset(
            path
            for conditions, holds in ((true, True), (false, False))
            for condition in conditions
            for path in defined_paths(condition, holds=holds)
        ),
    )
