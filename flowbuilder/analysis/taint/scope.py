"""The names that texts see: what is known of each before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowbuilder.analysis.taint.sources import taint_of
from flowbuilder.language import Shape, shape_of_schema

STATUS = shape_of_schema({"enum": ["completed", "failed", "skipped"]})
ERROR = shape_of_schema(
    {"type": ["object", "null"], "properties": {"code": {"type": "string"}, "message": {"type": "string"}}}
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
        "previous": Shape.unknown().with_trust(taint_of("feedback")),
    }
)


class Steps(Mapping[str, Shape]):
    """The steps that are visible in a scope, in so far as they are known; more become known as the work goes on."""

    def __init__(self, around: Steps | None) -> None:
        self._around = around
        self._own: dict[str, Shape] = {}

    def add(self, step: str, shape: Shape) -> None:
        """From now on a step is known."""
        self._own[step] = shape

    def __getitem__(self, step: str) -> Shape:
        scope: Steps | None = self
        while scope is not None:
            if step in scope._own:
                return scope._own[step]
            scope = scope._around
        return Shape.unknown()  # that there is no such step is said by a rule of its own

    def __contains__(self, step: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        if self._around is not None:
            yield from self._around

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Open(Mapping[str, Shape]):
    """Known names, and others of which nothing is known: that there is no such name is said by a rule of its own."""

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
