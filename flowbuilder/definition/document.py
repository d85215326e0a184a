"""The document, typed and frozen. It knows nothing of executions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.definition.yaml.scalars import place_inside
from flowbuilder.diagnostics import Report, Span
from flowbuilder.steps.step import Place, Step
from flowbuilder.values import Json, JsonObject, digest

SCHEMA = "flowbuilder/v1"


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input: a JSON Schema property. `required` unless there is a `default`."""

    name: str
    schema: JsonObject
    required: bool
    default: Json = None


@dataclass(frozen=True, kw_only=True)
class Positions:
    """Where each part of the document stands in its text. Keys are JSON pointers; `keys` are those of the names."""

    values: Mapping[str, Span] = field(default_factory=dict)
    keys: Mapping[str, Span] = field(default_factory=dict)
    text: str | None = None

    def of(self, pointer: str) -> Span | None:
        """The place of the value at `pointer`, or of the nearest thing around it."""
        while pointer not in self.values and pointer:
            pointer = pointer.rpartition("/")[0]
        return self.values.get(pointer)

    def inside(self, pointer: str, value: str, start: int, end: int) -> Span | None:
        """The place of `value[start:end]`, where `value` is the text at `pointer`; all of it if that is not known."""
        whole = self.values.get(pointer)
        if whole is None or self.text is None:
            return self.of(pointer)
        return place_inside(self.text, whole, value, start, end) or whole


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A workflow definition. `outputs` holds compiled values: templates sit where the author wrote them."""

    name: str
    title: str
    description: str = ""
    inputs: tuple[Input, ...] = ()
    hosts: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    document: JsonObject
    positions: Positions = field(default_factory=Positions, compare=False, repr=False)
    load_report: Report = field(default_factory=Report, compare=False, repr=False)
    """What the loader reported. With errors in it, parts are missing: the definition can be checked, but not run."""

    @property
    def digest(self) -> str:
        """The sha256 of the document's canonical form: the identity of a version."""
        return digest(self.document)

    def input_schema(self) -> JsonObject:
        """The JSON Schema of the inputs as one flat object, in the author's order."""
        return {
            "type": "object",
            "properties": {item.name: dict(item.schema) for item in self.inputs},
            "required": [item.name for item in self.inputs if item.required],
            "additionalProperties": False,
        }

    def all_steps(self) -> Iterator[tuple[Place, Step]]:
        """Every step, those in branches and iterations included, with its place in the document; outer ones first."""
        yield from _below(self.steps, ("steps",))


WorkflowLookup = Callable[[str, int | None], Definition]
"""Returns the definition of a workflow by name and version (None: the published one); raises `NotFound`."""


def _below(steps: tuple[Step, ...], at: Place) -> Iterator[tuple[Place, Step]]:
    for index, step in enumerate(steps):
        place = (*at, index)
        yield place, step
        for block in step.inner_blocks():
            yield from _below(block.steps, (*place, *block.place, "steps"))
