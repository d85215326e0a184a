"""The typed, immutable form of a workflow document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from msgspec import Struct

from flowbuilder.definition.yaml.scalars import span_inside
from flowbuilder.diagnostics import Report, Span
from flowbuilder.ports.sensitive import sensitive_names
from flowbuilder.steps.step import Place, Step
from flowbuilder.values import Json, JsonObject, digest

SCHEMA = "flowbuilder/v1"


class Input(Struct, frozen=True, kw_only=True):
    """An input of a workflow: a JSON Schema property. `required` unless it has a `default`."""

    name: str
    schema: JsonObject
    required: bool
    default: Json = None


class Positions(Struct, frozen=True, kw_only=True):
    """The source map: the span of each value (`values`) and of each name (`keys`) in the text, by JSON pointer."""

    values: Mapping[str, Span] = {}
    keys: Mapping[str, Span] = {}
    text: str | None = None

    def of(self, pointer: str) -> Span | None:
        """The span of the value at `pointer`, or of the nearest value around it."""
        while pointer not in self.values and pointer:
            pointer = pointer.rpartition("/")[0]
        return self.values.get(pointer)

    def inside(self, pointer: str, value: str, start: int, end: int) -> Span | None:
        """The span of `value[start:end]`, where `value` is the text at `pointer`; else of all of it."""
        whole = self.values.get(pointer)
        if whole is None or self.text is None:
            return self.of(pointer)
        return span_inside(self.text, whole, value, start, end) or whole


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A workflow definition. `outputs` holds compiled values, in which each template is a `Template`."""

    name: str
    title: str
    description: str = ""
    inputs: tuple[Input, ...] = ()
    hosts: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    sensitive_outputs: frozenset[str] = frozenset()
    document: JsonObject
    positions: Positions = field(default_factory=Positions, compare=False, repr=False)
    language: int = 1
    """The version of the language of its texts."""
    needs_language: int = 1
    """The oldest version of the language in which its texts mean what they mean in the newest."""
    load_report: Report = field(default_factory=Report, compare=False, repr=False)
    """The diagnostics of the loader. With errors among them, parts are missing: the definition can be checked, but not
    run."""

    @cached_property
    def sensitive_inputs(self) -> frozenset[str]:
        """The names of the inputs that say `sensitive: true`."""
        return sensitive_names(self.input_schema())

    def output_place(self, place: Place) -> Place:
        """The place in the document of a text of `outputs`; a sensitive one is written `{value, sensitive: true}`."""
        name, *inside = place[1:]
        return ("outputs", name, "value", *inside) if name in self.sensitive_outputs else place

    @property
    def has_prompt_files(self) -> bool:
        """Whether a step has its prompt from a file."""
        return any(getattr(step, "prompt_file", None) for _, step in self.all_steps())

    @property
    def digest(self) -> str:
        """The sha256 of the document's canonical form: the identity of a version."""
        return digest(self.document)

    def input_schema(self) -> JsonObject:
        """The JSON Schema of the inputs as one flat object, in the author's order."""
        return {
            "type": "object",
            "properties": {item.name: schema_inside(item.name, item.schema) for item in self.inputs},
            "required": [item.name for item in self.inputs if item.required],
            "additionalProperties": False,
        }

    def all_steps(self) -> Iterator[tuple[Place, Step]]:
        """Every step with its place in the document, nested steps after their container."""
        yield from _below(self.steps, ("steps",))


def schema_inside(name: str, schema: JsonObject) -> JsonObject:
    """The schema of an input as a property of the inputs' schema: `#/$defs/x` becomes `#/properties/NAME/$defs/x`."""
    root = f"#/properties/{name}"
    moved: JsonObject = _moved(schema, root)
    return moved


_DATA = ("enum", "const", "default", "examples")
_BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def _moved(value: Any, root: str, *, by_name: bool = False) -> Any:
    """A part of a schema with its references moved. `by_name`: the keys are names, not words of JSON Schema."""
    if isinstance(value, list):
        return [_moved(item, root) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, inner in value.items():
        if by_name or key not in ("$ref", *_DATA):
            found[key] = _moved(inner, root, by_name=not by_name and key in _BY_NAME)
        elif key == "$ref" and (inner == "#" or str(inner).startswith("#/")) and not str(inner).startswith(f"{root}/"):
            found[key] = root + inner[1:]
        else:
            found[key] = inner
    return found


WorkflowLookup = Callable[[str, int | None], Definition]
"""Returns the definition of a workflow by name and version (None: the published one); raises `NotFound`."""


def _below(steps: tuple[Step, ...], at: Place) -> Iterator[tuple[Place, Step]]:
    for index, step in enumerate(steps):
        place = (*at, index)
        yield place, step
        for block in step.inner_blocks():
            yield from _below(block.steps, (*place, *block.place, "steps"))
