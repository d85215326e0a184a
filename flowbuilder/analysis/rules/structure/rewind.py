"""FB108: a review would rewind to a step that does not lead to it.

When changes are requested, everything from `rewind_to` up to the review runs again. So `rewind_to` is an earlier step
that the review needs, directly or by way of others: beside the review, or beside the conditional that the review stands
in; never outside of the iteration that it stands in.

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

from flowbuilder.analysis.model import Analysis, Block, Located
from flowbuilder.analysis.nullability import out_of_scope
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.human_review import HumanReview

CODE = "FB108"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint at each `rewind_to`."""
    for located in analysis.all:
        step = located.step
        if not isinstance(step, HumanReview) or step.on_changes_requested is None:
            continue
        name = step.on_changes_requested.rewind_to
        target = analysis.by_id.get(name)
        if target is None or out_of_scope(located.block, target):
            continue  # FB104 says so
        node = _beside(located, target)
        if node is None:
            message = f"rewind_to names {name}, which is neither beside {step.id} nor beside a conditional around it"
            hint = ""
        else:
            leading = sorted(_leading(node.block, node.id))
            if name in leading:
                continue
            what = step.id if node is located else f"{node.id}, which {step.id} stands in,"
            message = f"rewind_to names {name}, the review itself" if target is located else ""
            message = message or f"rewind_to names {name}, and {what} does not need it"
            hint = f"the steps that lead there are: {', '.join(leading)}" if leading else ""
        yield analysis.at((*located.place, "on_changes_requested", "rewind_to"), CODE, message, hint=hint)


def _beside(located: Located, target: Located) -> Located | None:
    """The review, or the conditional around it, that stands in the same list of steps as `target`."""
    node = located
    while node.block is not target.block:
        if node.block.item is not None or node.block.owner is None:
            return None
        node = node.block.owner
    return node


def _leading(block: Block, name: str) -> set[str]:
    found: set[str] = set()
    ahead = [name]
    while ahead:
        new = block.needs.get(ahead.pop(), frozenset()) - found
        found |= new
        ahead += new
    return found - {name}
