"""The shapes of the names in a context: `execution`, `loop`, `feedback`, `steps`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from flowbuilder.analysis.taint.sources import PREVIOUS_ROUND, taint_of
from flowbuilder.language import Shape, shape_of_schema
from flowbuilder.language.types.taint import Taint

STATUS = shape_of_schema({"enum": ["completed", "failed", "skipped"]})
ERROR = shape_of_schema(
    {
        "type": ["object", "null"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "detail": {}},
        "additionalProperties": False,
    }
)
EXECUTION = shape_of_schema(
    {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "workflow": {"type": "string"},
            "version": {"type": "integer"},
            "started_at": {"type": "string"},
            "attempt": {"type": "integer"},
        },
        "required": ["id", "workflow", "version", "started_at", "attempt"],
        "additionalProperties": False,
    }
)
LOOP = shape_of_schema(
    {
        "type": "object",
        "properties": {
            "index": {"type": "integer"},
            "number": {"type": "integer"},
            "first": {"type": "boolean"},
            "last": {"type": "boolean"},
            "length": {"type": "integer"},
        },
        "required": ["index", "number", "first", "last", "length"],
        "additionalProperties": False,
    }
)


FEEDBACK = Shape.of("null") | Shape.object_of(
    {
        "comment": Shape.of("text"),
        "comments": Shape.of("list"),
        "round": Shape.of("number"),
        "previous": Shape.unknown().with_trust(taint_of(PREVIOUS_ROUND)),
    }
)


def error_shape(taint: Taint | None) -> Shape:
    """The shape of the error of a step, whose message and detail may quote text with this taint; the codes are our own
    words."""
    if taint is None:
        return ERROR
    quoted = {name: ERROR.fields[name].tainted_by(taint) for name in ("message", "detail")}
    return replace(ERROR, fields={**ERROR.fields, **quoted})


class StepNamespace(Mapping[str, Shape]):
    """The shapes of the steps visible in a scope; they are added in dependency order."""

    def __init__(self, around: StepNamespace | None) -> None:
        self._around = around
        self._own: dict[str, Shape] = {}

    def add(self, step: str, shape: Shape) -> None:
        """Add the shape of a step."""
        self._own[step] = shape

    def __getitem__(self, step: str) -> Shape:
        scope: StepNamespace | None = self
        while scope is not None:
            if step in scope._own:
                return scope._own[step]
            scope = scope._around
        return Shape.unknown()  # the rule unknown_step reports it

    def __contains__(self, step: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        if self._around is not None:
            yield from self._around

    def __len__(self) -> int:
        return sum(1 for _ in self)


class OpenNamespace(Mapping[str, Shape]):
    """Known names with their shapes; any other name has an unknown shape, since the rule unknown_input reports it."""

    def __init__(self, known: Mapping[str, Shape]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> Shape:
        return self._known.get(name) or Shape.unknown()

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
