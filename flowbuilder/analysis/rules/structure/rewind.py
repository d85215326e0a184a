"""FB108: a review rewinds to a step that it does not depend on.

When changes are requested, everything from `rewind_to` up to the review runs again. So `rewind_to` is an earlier step
that the review depends on, directly or through others: in the block of the review, or in the block of a conditional
around it; never outside the iteration around it.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: note, type: llm, model: "demo:", prompt: "Say hello"}
      - id: review
        type: human_review
        title: Look at this
        proposal: "{{ steps.page.output.text }}"
        on_changes_requested: {rewind_to: note}
    outputs: {note: "{{ steps.note.output.text }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: note, type: llm, model: "demo:", prompt: "Shorten {{ steps.page.output.text }}"}
      - id: review
        type: human_review
        title: Look at this
        proposal: "{{ steps.note.output.text }}"
        on_changes_requested: {rewind_to: note}
    outputs: {note: "{{ steps.review.output.approved }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis, LocatedStep, StepBlock
from flowbuilder.analysis.nullability import hiding_iteration
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.human_review import HumanReview

CODE = "FB108"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each such `rewind_to`."""
    for located in analysis.steps:
        step = located.step
        if not isinstance(step, HumanReview) or step.on_changes_requested is None:
            continue
        name = step.on_changes_requested.rewind_to
        target = analysis.by_id.get(name)
        if target is None or hiding_iteration(located.block, target):
            continue  # FB104 reports it
        node = _in_block_of(located, target)
        if node is None:
            message = f"rewind_to names {name}, which is not in the block of {step.id} or of a conditional around it"
            hint = ""
        else:
            ancestors = sorted(_ancestors(node.block, node.id))
            if name in ancestors:
                continue
            what = step.id if node is located else f"{node.id}, which contains {step.id},"
            message = f"rewind_to names {name}, the review itself" if target is located else ""
            message = message or f"rewind_to names {name}, but {what} does not depend on it"
            hint = f"it depends on: {', '.join(ancestors)}" if ancestors else ""
        yield analysis.diagnostic_at((*located.place, "on_changes_requested", "rewind_to"), CODE, message, hint=hint)


def _in_block_of(located: LocatedStep, target: LocatedStep) -> LocatedStep | None:
    """The review, or a conditional around it, that is in the same block as `target`; None where neither is."""
    node = located
    while node.block is not target.block:
        if node.block.item is not None or node.block.owner is None:
            return None
        node = node.block.owner
    return node


def _ancestors(block: StepBlock, name: str) -> set[str]:
    found: set[str] = set()
    ahead = [name]
    while ahead:
        new = block.needs.get(ahead.pop(), frozenset()) - found
        found |= new
        ahead += new
    return found - {name}
