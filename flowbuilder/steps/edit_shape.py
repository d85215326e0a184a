"""Whether a reviewer's edit fits the steps behind the review: by its schema, else by the form of the proposal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flowbuilder.errors import Refused
from flowbuilder.json_schema import problems
from flowbuilder.model.review import ReviewRequest
from flowbuilder.values import Json, Place, pointer

MAX_PROBLEMS = 10


def ensure_fits(request: ReviewRequest, edit: Json) -> None:
    """Raise `Refused` with the JSON pointer of each misfit unless the edit may replace the proposal."""
    found = edit_problems(request, edit)
    if found:
        wrong = "; ".join(f"{place or '/'}: {message:.200}" for place, message in found[:3])
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        raise Refused(f"the edit does not fit the steps behind this review: {wrong}{more}")


def edit_problems(request: ReviewRequest, edit: Json) -> list[tuple[str, str]]:
    """At most ten `(JSON pointer, message)` of an edit.

    With a `schema`, the edit must be valid against it. Otherwise it must keep the form of the proposal: a text stays a
    text, an object keeps its fields, and every item of a list has the form of an item of the proposal. Where the
    proposal has null or an empty list, everything fits.
    """
    if request.schema is not None:
        return problems(request.schema, edit)
    found = islice(_differences(request.proposal, edit, ()), MAX_PROBLEMS)
    return [(pointer(place), message) for place, message in found]


def _differences(proposal: Json, edit: Json, place: Place) -> Iterator[tuple[Place, str]]:
    if proposal is None:
        return
    if _kind(edit) != _kind(proposal):
        yield place, f"{_kind(edit)}, expected {_kind(proposal)}"
    elif isinstance(proposal, dict) and isinstance(edit, dict):
        yield from (((*place, name), "the field is missing") for name in proposal if name not in edit)
        yield from (((*place, name), "the proposal has no such field") for name in edit if name not in proposal)
        for name in proposal:
            if name in edit:
                yield from _differences(proposal[name], edit[name], (*place, name))
    elif isinstance(proposal, list) and isinstance(edit, list) and proposal:
        examples = list({_form(item): item for item in proposal}.values())
        for index, item in enumerate(edit):
            if not any(_fits(example, item) for example in examples):
                nearest = proposal[index] if index < len(proposal) else examples[0]
                wrong = list(islice(_differences(nearest, item, (*place, index)), MAX_PROBLEMS))
                yield from wrong or list(islice(_differences(examples[0], item, (*place, index)), MAX_PROBLEMS))


def _fits(example: Json, item: Json) -> bool:
    return next(_differences(example, item, ()), None) is None


def _form(value: Json) -> str:
    """A text that is the same for values of the same form."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name!r}:{_form(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted({_form(item) for item in value})) + "]"
    return _kind(value)


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"
