"""The semantic model of a definition: its blocks, every step with its place, every text with its scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

from msgspec import Struct, field

from flowbuilder.analysis.dependencies import dependencies, in_order
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.diagnostics import Diagnostic, Severity, Span, did_you_mean, listed, nearest
from flowbuilder.language import Expression, Reference, Template
from flowbuilder.steps.fields import texts_in
from flowbuilder.steps.step import Place, Sink, Step
from flowbuilder.values import JsonObject, pointer

T = TypeVar("T")
_MAX_SUGGESTIONS = 30
ROOTS = ("inputs", "steps", "site", "execution", "feedback")


class StepBlock(Struct, eq=False, kw_only=True):
    """The steps of one scope: the top of the workflow, a branch (with its `when`), or the body of an iteration."""

    place: Place
    owner: LocatedStep | None = None
    index: int = 0
    when: Expression | None = None
    item: str | None = None
    steps: list[LocatedStep] = field(default_factory=list)
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ordered: list[str] = field(default_factory=list)
    """The ids of its steps, each after those that it needs; steps in a cycle and those that need one are left out."""

    def enclosing(self) -> Iterator[StepBlock]:
        """This block and the blocks around it, the innermost first."""
        block: StepBlock | None = self
        while block is not None:
            yield block
            block = block.owner.block if block.owner else None


class LocatedStep(Struct, eq=False, kw_only=True):
    """A step with its place in the document, the block that it belongs to and the blocks inside it."""

    step: Step
    place: Place
    block: StepBlock
    blocks: list[StepBlock] = field(default_factory=list)
    texts: list[LocatedText] = field(default_factory=list)
    id: str = ""

    def __post_init__(self) -> None:
        self.id = self.step.id


class LocatedText(Struct, eq=False, kw_only=True):
    """A template or an expression of the document, and the block in whose scope it is evaluated."""

    place: Place
    compiled: Template | Expression
    block: StepBlock
    reader: LocatedStep | None = None
    sink: Sink | None = None

    @property
    def is_own_condition(self) -> bool:
        """Whether the text is the `when` of its step."""
        return self.place[-1] == "when" and self.reader is not None and self.place == (*self.reader.place, "when")

    @property
    def is_key(self) -> bool:
        """Whether the text is the `key` of an iteration."""
        return self.reader is not None and self.place == (*self.reader.place, "key")


class Analysis:
    """The semantic model of one definition, shared by all rules."""

    def __init__(
        self, definition: Definition, workflows: WorkflowLookup | None = None, site: JsonObject | None = None
    ) -> None:
        self.definition = definition
        self.workflows = workflows
        self.site = site
        self.steps: list[LocatedStep] = []
        self._suggestions = 0
        self._cache: dict[Callable[[Analysis], Any], Any] = {}
        self.top = self._block(StepBlock(place=("steps",)), definition.steps)
        self.outputs = [
            LocatedText(place=definition.output_place(place), compiled=text, block=self.top)
            for place, text in texts_in(definition.outputs, ("outputs",))
        ]

    @property
    def incomplete(self) -> bool:
        """Whether the loader reported errors: parts may be missing, so that no rule can determine which steps are
        unused."""
        return not self.definition.load_report.ok

    @cached_property
    def _faulty_pointers(self) -> frozenset[str]:
        """The pointers of the loader's errors, and of everything around them."""
        found: set[str] = set()
        for error in self.definition.load_report.errors:
            around = error.pointer
            while around and around not in found:
                found.add(around)
                around = around.rpartition("/")[0]
        return frozenset(found)

    def is_broken(self, located: LocatedStep) -> bool:
        """Whether the loader reported an error in a step, so that its output is not known."""
        return bool(self._faulty_pointers) and pointer(located.place) in self._faulty_pointers

    @cached_property
    def written_ids(self) -> frozenset[str]:
        """The ids of all steps in the document, including steps that the loader could not read."""
        return frozenset(_ids_in(self.definition.document.get("steps")))

    @cached_property
    def by_id(self) -> Mapping[str, LocatedStep]:
        """The steps by id, nested steps included; of several steps with the same id, the first."""
        return {located.id: located for located in reversed(self.steps)}

    @cached_property
    def texts(self) -> list[LocatedText]:
        """All templates and expressions of the document."""
        return [text for located in self.steps for text in located.texts] + self.outputs

    @cached_property
    def step_references(self) -> list[tuple[LocatedText, Reference, str]]:
        """Every reference into `steps`, with the id that it names."""
        return [
            (text, reference, str(reference.path[1]))
            for text in self.texts
            for reference in text.compiled.references
            if len(reference.path) > 1 and reference.path[0] == "steps"
        ]

    def cached(self, compute: Callable[[Analysis], T]) -> T:
        """The result of `compute(self)`, computed once for all rules."""
        if compute not in self._cache:
            self._cache[compute] = compute(self)
        result: T = self._cache[compute]
        return result

    def suggest(self, name: str, among: Iterable[str], *, what: str) -> tuple[str, tuple[str, ...]]:
        """A hint for an unknown name ("did you mean"), and a note that lists the known names.

        Only the first 30 unknown names get them, since the search for similar names is slow.
        """
        self._suggestions += 1
        if self._suggestions > _MAX_SUGGESTIONS:
            return "", ()
        names = list(among)
        if nearest(name, names) is None:
            return did_you_mean(name, names, what=what), ()
        return did_you_mean(name, names), (f"{what}: {listed(names)}",)

    def span(self, text: LocatedText, start: int | None, end: int | None) -> Span | None:
        """The span of `text[start:end]` in the document; of the whole text where `start` is None."""
        positions, at = self.definition.positions, pointer(text.place)
        if start is None:
            return positions.of(at)
        return positions.inside(at, text.compiled.source, start, end if end is not None else start + 1)

    def diagnostic_in(
        self, text: LocatedText, start: int | None, end: int | None, code: str, message: str, *, hint: str = "",
        notes: tuple[str, ...] = (), severity: Severity = "error",
    ) -> Diagnostic:  # fmt: skip
        """A diagnostic about a part of a text."""
        return Diagnostic(
            code=code, message=message, pointer=pointer(text.place), span=self.span(text, start, end), hint=hint,
            notes=notes, severity=severity,
        )  # fmt: skip

    def diagnostic_at(
        self, place: Place, code: str, message: str, *, hint: str = "", notes: tuple[str, ...] = (),
        severity: Severity = "error",
    ) -> Diagnostic:  # fmt: skip
        """A diagnostic about a value of the document."""
        at = pointer(place)
        return Diagnostic(
            code=code, message=message, pointer=at, span=self.definition.positions.of(at), hint=hint, notes=notes,
            severity=severity,
        )  # fmt: skip

    def line(self, place: Place) -> str:
        """`line 12`, or the JSON pointer where the document has no text."""
        span = self.definition.positions.of(pointer(place))
        return f"line {span.line}" if span else pointer(place)

    def _block(self, block: StepBlock, steps: tuple[Step, ...]) -> StepBlock:
        block.needs = dependencies(steps)
        block.ordered = in_order(block.needs)
        for index, step in enumerate(steps):
            located = LocatedStep(step=step, place=(*block.place, index), block=block)
            block.steps.append(located)
            self.steps.append(located)
            for number, inner in enumerate(step.inner_blocks()):
                at = (*located.place, *inner.place, "steps")
                own = StepBlock(place=at, owner=located, index=number, when=inner.when, item=inner.item_name)
                located.blocks.append(self._block(own, inner.steps))
            located.texts = [self._text(located, at, text, sink) for at, text, sink in step.own_texts]
        return block

    def _text(self, located: LocatedStep, at: Place, text: Template | Expression, sink: Sink | None) -> LocatedText:
        inner = located.step.scope_of(at) if located.blocks else None
        block = located.block if inner is None else located.blocks[inner]
        return LocatedText(place=(*located.place, *at), compiled=text, block=block, reader=located, sink=sink)


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield value["id"]
        for name in ("steps", "branches", "else"):
            yield from _ids_in(value.get(name))
    elif isinstance(value, list):
        for item in value:
            yield from _ids_in(item)
