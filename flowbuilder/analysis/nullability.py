"""What is known to hold where a text is read, and from that: whether a step's output may be missing there."""

from __future__ import annotations

from dataclasses import dataclass

from flowbuilder.analysis.conditions import parts, there
from flowbuilder.analysis.model import Block, Located, Text
from flowbuilder.language import Expression, Reference
from flowbuilder.language.parsing.references import Path, covered
from flowbuilder.steps.step import ContinueWith


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Why a step's output may be missing: the step that may not have run, and the reason in words."""

    step: Located
    reason: str
    what: str = "missing"


def out_of_scope(block: Block, target: Located) -> Located | None:
    """The iteration that hides `target` from a text in `block`: its items are not visible from outside of it."""
    if target.block is block or target.block.owner is None:
        return None
    around = set(map(id, block.outward()))
    for inner in target.block.outward():
        if id(inner) in around:
            return None
        if inner.item is not None:
            return inner.owner
    return None


def may_be_missing(text: Text, target: Located) -> Missing | None:
    """Why the output of `target` may be missing where `text` is read; None where it is always there."""
    if _always_runs(target) and target.block is text.block:
        return None
    known = _known(text)
    if covered(("steps", target.id, "output"), known.there):
        return None
    around = set(map(id, text.block.outward()))
    node, through = target, None
    while True:
        if (missing := _skipped(node, through, known.holds)) is not None:
            return missing
        if id(node.block) in around or node.block.owner is None:
            return None
        node, through = node.block.owner, node.block


def _always_runs(located: Located) -> bool:
    """Whether a step runs, and gives something, whenever what it stands in does."""
    return located.step.when is None and located.step.on_error == "fail"


def may_be_null(text: Text, reference: Reference, target: Located) -> Missing | None:
    """Why the output of a conditional may be null where `reference` reads something inside of it."""
    if target.step.kind != "branch" or len(reference.path) < 4:
        return None
    branches = target.step.inner_blocks()
    if all(branch.output is None for branch in branches):
        return None
    if covered(("steps", target.id, "output"), _known(text).there):
        return None
    if all(branch.when is not None for branch in branches):
        return Missing(step=target, reason=f"{target.id} has no else, and no branch of it may be taken", what="null")
    silent = next((index for index, branch in enumerate(branches) if branch.output is None), None)
    if silent is None:
        return None
    where = f"branch {silent + 1}" if branches[silent].when is not None else "the else"
    return Missing(step=target, reason=f"{where} of {target.id} gives no output", what="null")


def _skipped(node: Located, through: Block | None, known: frozenset[str]) -> Missing | None:
    if node.step.on_error != "fail" and not isinstance(node.step.on_error, ContinueWith):
        return Missing(step=node, reason=f"{node.id} may fail, and says on_error: continue")
    if node.step.when is not None and not parts(node.step.when) <= known:
        return Missing(step=node, reason=f"{node.id} runs only when {node.step.when.source}")
    if through is None:
        return None
    if through.when is None:
        return Missing(step=node, reason=f"it stands in the else of {node.id}, which may not be taken")
    # a later branch is only reached when those before it are not taken, which its own condition does not say
    if through.index > 0 or not parts(through.when) <= known:
        return Missing(step=node, reason=f"{node.id} takes that branch only when {through.when.source}")
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What is known where a text is read: the conditions that hold, and the paths that are there."""

    holds: frozenset[str]
    there: frozenset[Path]


def _known(text: Text) -> _Known:
    """The conditions of the text's step and of all that is around it hold, those of earlier branches do not."""
    hold: list[Expression] = []
    fail: list[Expression] = []
    if text.reader is not None and not text.is_own_condition and text.reader.step.when is not None:
        hold.append(text.reader.step.when)
    for block in text.block.outward():
        if block.when is not None:
            hold.append(block.when)
        if block.owner is not None:
            fail += [other.when for other in block.owner.blocks[: block.index] if other.when is not None]
            if block.owner.step.when is not None:
                hold.append(block.owner.step.when)
    return _Known(
        holds=frozenset(part for condition in hold for part in parts(condition)),
        there=frozenset(
            path
            for conditions, holds in ((hold, True), (fail, False))
            for condition in conditions
            for path in there(condition, holds=holds)
        ),
    )
