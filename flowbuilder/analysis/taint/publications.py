"""Publications: the parts of what a review approves that `cms` steps write, and the field of the page each becomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from flowbuilder.analysis.model import LocatedStep, StepBlock
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.language import Expression, Template
from flowbuilder.language.parsing.references import NamePath
from flowbuilder.steps.builtin.cms import CmsStep
from flowbuilder.steps.builtin.conditional import Conditional
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.values import Place

EACH = "*"
"""In a place: every item of the list there."""


class Publication(NamedTuple):
    """A part of an approved value, by its place, that becomes a field of a page."""

    place: Place
    field: str


class Publications:
    """The publications of one definition. `outputs` are those that the caller makes of its outputs.

    `reviews` has those of each review, by id, `called` those of the outputs of each called workflow, by the id of the
    call, and `inputs` those of its own inputs. A text that is more than a reference is not what was approved.
    """

    def __init__(self, propagation: Propagation, outputs: Iterable[Publication] = ()) -> None:
        self._propagation = propagation
        self._seen: set[tuple[NamePath, int, str]] = set()
        self.reviews: dict[str, dict[Publication, None]] = {}
        self.called: dict[str, dict[Publication, None]] = {}
        self.inputs: dict[Publication, None] = {}
        analysis = propagation.analysis
        for located in analysis.steps:
            for text, field in _written(located):
                self._follow(text, (), located.block, field)
            if isinstance(located.step, Workflow) and located.id in propagation.called:
                for place, field in Publications(propagation.called[located.id]).inputs:
                    self._follow(located.step.inputs, place, located.block, field)
        for place, field in outputs:
            self._follow(analysis.definition.outputs, place, analysis.top, field)

    def _follow(self, value: Any, place: Place, block: StepBlock, field: str) -> None:
        """Find what the part of a compiled value at a place is made from."""
        while place and isinstance(value, Mapping) and place[0] in value:
            value, place = value[place[0]], place[1:]
        if not isinstance(value, Template | Expression) or (isinstance(value, Template) and not value.is_expression):
            return
        for reference in value.references:
            self._come_from((*reference.path, *place), block, field)

    def _come_from(self, path: NamePath, block: StepBlock, field: str) -> None:
        if (path, id(block), field) in self._seen:
            return
        self._seen.add((path, id(block), field))
        root, *rest = path
        if root == "steps" and len(path) > 2 and path[2] == "output":
            located = self._propagation.analysis.by_id.get(str(path[1]))
            if located is not None:
                self._step(located, path[3:], field)
        elif root == "inputs" and rest:
            self.inputs[Publication(tuple(rest), field)] = None
        else:
            body = next((one for one in block.enclosing() if one.item == root), None)
            over = getattr(body.owner.step, "over", None) if body is not None and body.owner is not None else None
            if body is not None and body.owner is not None and over is not None:
                self._follow(over, (EACH, *rest), body.owner.block, field)

    def _step(self, located: LocatedStep, place: Place, field: str) -> None:
        match located.step:
            case HumanReview() if place[:1] == ("approved",):
                self.reviews.setdefault(located.id, {})[Publication(place[1:], field)] = None
            case Workflow():
                self.called.setdefault(located.id, {})[Publication(place, field)] = None
            case Conditional():
                for index, branch in enumerate(located.step.inner_blocks()):
                    self._follow(branch.output, place, located.blocks[index], field)


def _written(located: LocatedStep) -> Iterator[tuple[Template | Expression, str]]:
    step = located.step
    if isinstance(step, CmsStep) and step.has_effect():
        for place, text, sink in step.texts():
            if sink == "publish" and place[0] != "url":
                yield text, str(place[0])
