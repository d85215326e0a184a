"""Taint propagation: the shape and the marks of every text and every step output, computed in dependency order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from flowbuilder.analysis.model import ROOTS, Analysis, LocatedStep, LocatedText, StepBlock
from flowbuilder.analysis.taint.context_shapes import (
    EXECUTION,
    FEEDBACK,
    LOOP,
    STATUS,
    OpenNamespace,
    StepNamespace,
    error_shape,
)
from flowbuilder.analysis.taint.sources import CLEAN, Mark, Marks, Sources, marks_of, taint_of, unless_changed
from flowbuilder.errors import FlowbuilderError
from flowbuilder.language import Expression, Finding, Namespace, Reference, Shape, Template, shape_of_schema
from flowbuilder.language.parsing.references import NamePath
from flowbuilder.language.types.taint import Taint, joined
from flowbuilder.language.types.value_shapes import shape_of_value
from flowbuilder.steps.builtin.conditional import Conditional
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.steps.step import Place

MAX_CALL_DEPTH = 16
"""The maximum depth of nested calls of workflows."""


class CheckedText(Struct, frozen=True):
    """The shape of a text's value, the findings in it, and the names in its scope."""

    shape: Shape
    findings: tuple[Finding, ...]
    names: Namespace


class Propagation:
    """The shapes and taint of all texts of one definition. `prefix` is the StepPath of the call of this definition."""

    def __init__(
        self,
        analysis: Analysis,
        *,
        inputs: Mapping[str, Shape] | None = None,
        sources: Sources | None = None,
        prefix: str = "",
        depth: int = 0,
    ) -> None:
        self.analysis = analysis
        self.sources = sources if sources is not None else Sources()
        self.prefix = prefix
        self.checked: dict[LocatedText, CheckedText] = {}
        self.called: dict[str, Propagation] = {}
        self._depth = depth
        self._by_place: dict[Place, Shape] = {}
        self._errors: dict[int, Taint | None] = {}
        top = StepNamespace(None)
        # inputs are validated together: a reference in a schema leads into the schema of all of them
        together = shape_of_schema(analysis.definition.input_schema())
        declared = {
            item.name: _given(together.member(item.name) or Shape.unknown(), (inputs or {}).get(item.name))
            for item in analysis.definition.inputs
        }
        names = Namespace(
            {
                "inputs": Shape.object_of(OpenNamespace(declared)),
                "steps": Shape.object_of(top),
                "site": Shape.unknown(),
                "execution": EXECUTION,
                "feedback": FEEDBACK,
            }
        )
        self._block(analysis.top, names, top)
        for text in analysis.outputs:
            self._text(text, names)
        self.outputs = self._value(analysis.definition.outputs, ("outputs",))

    def path(self, step: LocatedStep) -> str:
        """The StepPath of a step, without indexes of items."""
        return self.prefix + step.id

    def marks(self, text: LocatedText, reference: Reference) -> Marks:
        """The marks on what a reference reads."""
        shape = self.lookup(text, reference.path)
        return marks_of(shape.trust) if shape is not None else CLEAN

    def lookup(self, text: LocatedText, path: NamePath) -> Shape | None:
        """The shape of a path in the scope of a text; None where nothing can be there."""
        root, *keys = path
        shape = self.checked[text].names.get(str(root))
        for key in keys:
            if shape is not None:
                shape = shape.item() if isinstance(key, int) else shape.member(key)
        return shape

    def _block(self, block: StepBlock, names: Namespace, steps: StepNamespace) -> None:
        by_id: dict[str, list[LocatedStep]] = {}
        for located in block.steps:
            by_id.setdefault(located.id, []).append(located)
        ordered = dict.fromkeys((*block.ordered, *by_id))  # steps in a cycle come last
        for step_id in ordered:
            for located in by_id[step_id]:
                output = self._step(located, names, steps)
                if located.step.kind not in ("task", "review"):
                    output = output.bounded()
                if self.analysis.is_broken(located):
                    output = Shape.unknown()
                error = error_shape(self._error(located))
                steps.add(step_id, Shape.object_of({"output": output, "status": STATUS, "error": error}))

    def _step(self, located: LocatedStep, names: Namespace, steps: StepNamespace) -> Shape:
        for text in located.texts:
            if text.block is located.block:
                self._text(text, names)
        if located.step.kind == "task":
            return self._task(located)
        match located.step:
            case Conditional() as step:
                return self._conditional(located, step, names, steps)
            case Iteration() as step:
                return self._iteration(located, step, names, steps)
            case Workflow() as step:
                return self._call(located, step)
            case HumanReview() as step:
                return self._review(located, step)
        return self._task(located)

    def _task(self, located: LocatedStep) -> Shape:
        step, path = located.step, self.path(located)
        shape = step.output_shape()
        marks = self._input_marks(located)
        if (source := step.untrusted_source()) is not None:
            self.sources.origins[path] = source
        elif marks:
            self.sources.made_from[path] = marks
        else:
            return shape
        if step.carries or source is not None:
            return shape.with_trust(taint_of(path))
        fields = dict(shape.fields)
        for name in step.echoes:
            own = self._value(getattr(step, name), (*located.place, name)).trust
            fields[name] = fields[name].tainted_by(own)
        return replace(shape, fields=fields)

    def _input_marks(self, located: LocatedStep) -> Marks:
        """The marks on the texts of a step, except on its condition."""
        texts = (text for text in located.texts if not text.is_own_condition)
        marks = (mark for text in texts for mark in marks_of(self.checked[text].shape.trust))
        return frozenset(mark for mark in marks if not mark.spelled)

    def _error(self, located: LocatedStep) -> Taint | None:
        """The taint of a step's error: its message may quote what the step was given and what it was answered.

        The error of a container is that of a step inside.
        """
        found = self._own_error(located)
        inside = [self._errors.get(id(inner)) for block in located.blocks for inner in block.steps]
        inner = self.called.get(located.id)
        if inner is not None:
            inside += inner._errors.values()
            inside += map(inner._read, inner.analysis.outputs)
        self._errors[id(located)] = joined(found, *inside)
        return self._errors[id(located)]

    def _own_error(self, located: LocatedStep) -> Taint | None:
        if located.step.untrusted_source() is not None:
            return taint_of(self.path(located))
        own = frozenset(mark for text in located.texts for mark in marks_of(self._read(text)))
        if not own:
            return None
        path = f"{self.path(located)}.error message"  # no step inside can have this name
        self.sources.made_from[path] = own
        return taint_of(path)

    def _read(self, text: LocatedText) -> Taint | None:
        """The taint of all that a text reads: the message `"abc" is not a whole number` quotes it."""
        read = (self.lookup(text, reference.path) for reference in text.compiled.references)
        return joined(self.checked[text].shape.trust, *(shape.trust for shape in read if shape is not None))

    def _review(self, located: LocatedStep, step: HumanReview) -> Shape:
        path = self.path(located)
        shape = step.output_shape()
        proposed = marks_of(self._value(step.proposal, (*located.place, "proposal")).trust)
        if not proposed:
            return shape
        self.sources.made_from[path] = frozenset(Mark(mark.step, mark.approved) for mark in proposed)
        self.sources.reviews.add(path)
        approved = shape.fields["approved"].with_trust(taint_of(path, approved=True))
        return replace(shape, fields={**shape.fields, "approved": approved})

    def _conditional(self, located: LocatedStep, step: Conditional, names: Namespace, steps: StepNamespace) -> Shape:
        given: list[Shape] = []
        for block, inner in zip(located.blocks, step.inner_blocks(), strict=True):
            self._block(block, names, steps)
            for text in located.texts:
                if text.block is block:
                    self._text(text, names)
            given.append(self._value(inner.output, (*located.place, *inner.place, "output")))
        # the rule maybe_missing reports reads of members where a branch has no output
        return _union([shape for shape in given if shape.kinds != {"null"}] or given)

    def _iteration(self, located: LocatedStep, step: Iteration, names: Namespace, steps: StepNamespace) -> Shape:
        over = next((text for text in located.texts if text.place == (*located.place, "over")), None)
        items = self.checked[over].shape if over is not None else Shape.unknown()
        inner = StepNamespace(steps)
        (block,) = located.blocks
        inside = names.child("steps", Shape.object_of(inner)).child("loop", LOOP)
        # the rule reserved_name reports an item that shadows a name: which of the two is meant is not known
        shadows = step.item_name in (*ROOTS, "loop")
        inside = inside.child(step.item_name, Shape.unknown() if shadows else items.item())
        self._block(block, inside, inner)
        for text in located.texts:
            if text.block is block:
                self._text(text, inside)
        if step.output is not None:
            output = self._value(step.output, (*located.place, "output"))
        else:
            last = block.ordered[-1:]
            output = inner[last[0]].fields["output"] if last else Shape.unknown()
        key = self._by_place.get((*located.place, "key"))
        failed = joined(*(self._errors.get(id(one)) for one in block.steps), self._own_error(located))
        item = Shape.object_of(
            {
                "index": Shape.of("number"),
                "key": Shape.unknown().with_trust(key.trust if key is not None else None),
                "status": STATUS,
                "output": output | Shape.of("null"),
                "error": error_shape(failed),
            }
        )
        return Shape.object_of({"items": Shape.list_of(item), "outputs": Shape.list_of(output)})

    def _call(self, located: LocatedStep, step: Workflow) -> Shape:
        given = {name: self._value(value, (*located.place, "with", name)) for name, value in step.inputs.items()}
        workflows = self.analysis.workflows
        if workflows is None or self._depth >= MAX_CALL_DEPTH or not step.name:
            return self._unknown_call(located, given, is_unread=True)
        try:
            definition = workflows(step.name, step.version)
        except FlowbuilderError:
            return self._unknown_call(located, given)
        if not definition.load_report.ok:
            return self._unknown_call(located, given, is_unread=True)
        inner = Propagation(
            Analysis(definition, workflows),
            inputs=given,
            sources=self.sources,
            prefix=self.path(located) + ".",
            depth=self._depth + 1,
        )
        self.called[located.id] = inner
        return inner.outputs

    def _unknown_call(self, located: LocatedStep, given: Mapping[str, Shape], *, is_unread: bool = False) -> Shape:
        """The output of a workflow that is not known here: what it was given, and what it may have fetched."""
        path = self.path(located)
        self.sources.made_from[path] = frozenset(mark for shape in given.values() for mark in marks_of(shape.trust))
        if is_unread:
            self.sources.origins[path] = "called workflow"
        return Shape.unknown().with_trust(taint_of(path))

    def _text(self, text: LocatedText, names: Namespace) -> None:
        shape, findings = text.compiled.check(names)
        if any(reference.path == ("steps",) for reference in text.compiled.references):
            shape = Shape.unknown()  # the rule unknown_step reports this reference
        shape = unless_changed(shape, text.compiled)
        self.checked[text] = CheckedText(shape, findings, names)
        self._by_place[text.place] = shape

    def _value(self, value: Any, at: Place) -> Shape:
        """The shape of a compiled value."""
        if isinstance(value, (Template, Expression)):
            return self._by_place.get(at, Shape.unknown())
        if isinstance(value, Mapping):
            return Shape.object_of({str(key): self._value(item, (*at, key)) for key, item in value.items()})
        if isinstance(value, (list, tuple)):
            return Shape.list_of(_union([self._value(item, (*at, index)) for index, item in enumerate(value)]))
        return shape_of_value(value)


def _union(shapes: list[Shape]) -> Shape:
    """The shape of a value that has one of these shapes; unknown where there is none."""
    return reduce(or_, shapes) if shapes else Shape.unknown()


def _given(shape: Shape, given: Shape | None) -> Shape:
    """The declared shape of an input, with the marks of the caller's value."""
    shape = shape.with_presence("always")
    return shape.tainted_by(given.trust).with_figures(given.sources()) if given is not None else shape
