"""Approval guards: what a step publishes must equal, byte for byte, what a reviewer of this execution approved.

There are two. The plan names the places where the linter found approved text. The walk names the places where this
execution has put untrusted text, also where the linter found none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowbuilder.errors import StepError
from flowbuilder.model.review import Decision
from flowbuilder.model.review_rules import content_hash
from flowbuilder.ports import Ledger
from flowbuilder.steps.step import Place, Step
from flowbuilder.values import Json, canonical
from flowbuilder.walk.commands import Unproven
from flowbuilder.walk.text_provenance import holds_text


async def ensure_approved(step: Step, places: Iterable[Place], ledger: Ledger) -> None:
    """Raise `StepError` (`not_approved`) unless a reviewer approved the content of each of these fields.

    Null needs no approval.
    """
    for place in places:
        content = _content(step, place)
        if content is None:
            continue
        found = content_hash(content)
        if not await ledger.approved(found):
            name = ".".join(map(str, place))
            raise StepError(
                f"{name} is not what a reviewer approved in this execution; nothing was written",
                code="not_approved",
                detail={"field": name, "sha256": found},
            )


def ensure_proven(step: Step, unproven: Iterable[Unproven]) -> None:
    """Raise `StepError` (`not_approved`) unless each of these texts of a bound step is a value that a reviewer approved
    on its way, whole or as a part of a larger value. A value without text needs no approval."""
    for text in unproven:
        content = _content(step, text.place)
        if holds_text(content) and not any(_contains(approved, content) for approved in text.approved):
            name = ".".join(map(str, text.place))
            raise StepError(
                f"{name} holds untrusted text that no reviewer has approved in this execution: {text.trail}; "
                "nothing was written",
                code="not_approved",
                detail={"field": name, "trail": text.trail},
            )


def _contains(approved: Json, wanted: Json) -> bool:
    """Whether a value is, or contains as a whole value, another one."""
    pending = [approved]
    while pending:
        value = pending.pop()
        if type(value) is type(wanted) and value == wanted and (isinstance(value, str) or _same(value, wanted)):
            return True
        if isinstance(value, dict | list):
            pending += value.values() if isinstance(value, dict) else value
    return False


def _same(one: Json, other: Json) -> bool:
    """Whether two equal values are the same JSON: Python's `True == 1` is not."""
    return canonical(one) == canonical(other)


def approves(decision: Decision, wanted: str) -> bool:
    """Whether a decision approves the content with this hash: the whole approved value, or a part of it.

    The stored value must still match the hash that was recorded with the decision.
    """
    if decision.kind != "approved" or decision.approved_hash != content_hash(decision.approved):
        return False
    values = [decision.approved]
    while values:  # approving a list approves each of its items
        value = values.pop()
        if content_hash(value) == wanted:
            return True
        if isinstance(value, dict | list):
            values += value.values() if isinstance(value, dict) else value
    return False


def _content(step: Step, place: Place) -> Json:
    first, *keys = place
    names = {info.alias or name: name for name, info in type(step).model_fields.items()}
    value: Any = getattr(step, names[str(first)])
    for key in keys:
        value = value[key]
    return value  # type: ignore[no-any-return]
