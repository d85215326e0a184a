"""Review targets: the URLs to which steps publish what a review approves, where the reviewer can be shown them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.analysis.dependencies import inner_ids
from flowbuilder.analysis.model import Analysis, LocatedStep, LocatedText, StepBlock
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sources import marks_of
from flowbuilder.language import Expression, Template
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.values import Place

_ALWAYS = ("inputs", "site", "execution")


def review_targets(propagation: Propagation) -> Mapping[str, tuple[Any, ...]]:
    """For each review, by id, the compiled URLs of the steps that publish what it approves.

    Only URLs that can be evaluated when the review opens.
    """
    found: dict[str, dict[Any, None]] = {}
    for located in propagation.analysis.steps:
        if located.step.sends_urls():
            for review in _reviews_of(propagation, located):
                for place, url in located.step.urls():
                    if _is_known(propagation, review, located, place):
                        found.setdefault(review.id, {})[url] = None
    return {review: tuple(urls) for review, urls in found.items()}


def is_shown(propagation: Propagation, located: LocatedStep, text: LocatedText) -> bool:
    """Whether a review that approves what a step publishes shows the reviewer this URL of the step.

    True also where the loader could not read the step, or one that it reads: the error there is reported.
    """
    if any(_is_unreadable(propagation.analysis, name) for name in (located.id, *located.step.mentioned)):
        return True
    place = text.place[len(located.place) :]
    return any(_is_known(propagation, review, located, place) for review in _reviews_of(propagation, located))


def _is_unreadable(analysis: Analysis, name: str) -> bool:
    found = analysis.by_id.get(name)
    return name in analysis.written_ids if found is None else analysis.is_broken(found)


def _reviews_of(propagation: Propagation, located: LocatedStep) -> Iterator[LocatedStep]:
    """The reviews of this definition whose approved content a step publishes."""
    analysis = propagation.analysis
    ids: dict[str, None] = {}
    for text in located.texts:
        if text.sink == "publish":
            marks = marks_of(propagation.checked[text].shape.trust)
            ids.update(dict.fromkeys(mark.step.removeprefix(propagation.prefix) for mark in marks if mark.approved))
            ids.update(dict.fromkeys(str(path[1]) for path in _step_paths(text.compiled)))
    for name in ids:
        found = analysis.by_id.get(name)
        if found is not None and isinstance(found.step, HumanReview):
            yield found


def _is_known(propagation: Propagation, review: LocatedStep, located: LocatedStep, place: Place) -> bool:
    """Whether everything that a URL of `located` reads is known when `review` opens."""
    text = next((text for text in located.texts if text.place == (*located.place, *place)), None)
    if text is None:
        return True  # written in the definition
    settled = frozenset(_settled_before(review))
    around = tuple(review.block.enclosing())
    for reference in text.compiled.references:
        root = reference.path[0]
        if root == "steps":
            if len(reference.path) < 2 or reference.path[1] not in settled:
                return False
        elif root not in _ALWAYS and _binding(located.block, str(root)) not in around:
            return False
    return True


def _binding(block: StepBlock, name: str) -> StepBlock | None:
    """The body of the iteration that a name in scope of a block comes from."""
    return next((one for one in block.enclosing() if one.item is not None and name in (one.item, "loop")), None)


def _settled_before(located: LocatedStep) -> Iterator[str]:
    """The ids of the steps that are settled before a step starts."""
    at: LocatedStep | None = located
    while at is not None:
        steps = {other.id: other for other in at.block.steps}
        pending, seen = [at.id], {at.id}
        while pending:
            for need in at.block.needs.get(pending.pop(), ()):
                if need not in seen:
                    seen.add(need)
                    pending.append(need)
        seen.discard(at.id)
        for name in seen:
            yield name
            yield from inner_ids(steps[name].step)
        at = at.block.owner


def _step_paths(text: Template | Expression) -> Iterator[tuple[str | int, ...]]:
    return (found.path for found in text.references if len(found.path) > 1 and found.path[0] == "steps")
