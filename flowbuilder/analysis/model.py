"""A definition as the rules read it: its blocks, every step with its place, every text with the scope it is read in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from flowbuilder.analysis.dependencies import dependencies, in_order
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.diagnostics import Diagnostic, Severity, Span, did_you_mean, listed, nearest
from flowbuilder.language import Expression, Reference, Template
from flowbuilder.steps.fields import texts_in
from flowbuilder.steps.step import Place, Sink, Step
from flowbuilder.values import pointer

T = TypeVar("T")
_MOST_HINTS = 30
ROOTS = ("inputs", "steps", "site", "execution", "feedback")


@dataclass(eq=False, slots=True, kw_only=True)
class Block:
    """Steps that share a scope: the top of the workflow, a branch (with its `when`), or the body of an iteration."""

    place: Place
    owner: Located | None = None
    index: int = 0
    when: Expression | None = None
    item: str | None = None
    steps: list[Located] = field(default_factory=list)
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ordered: list[str] = field(default_factory=list)
    """The ids of its steps with each after what it needs; those in or behind a circle are left out."""

    def outward(self) -> Iterator[Block]:
        """This block and those around it, the innermost first."""
        block: Block | None = self
        while block is not None:
            yield block
            block = block.owner.block if block.owner else None


@dataclass(eq=False, slots=True, kw_only=True)
class Located:
    """A step and its place in the document, the block it stands in and the blocks inside it."""

    step: Step
    place: Place
    block: Block
    blocks: list[Block] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    id: str = ""

    def __post_init__(self) -> None:
        self.id = self.step.id


@dataclass(eq=False, slots=True, kw_only=True)
class Text:
    """A template or an expression of the document, and the block whose scope it is read in."""

    place: Place
    text: Template | Expression
    block: Block
    reader: Located | None = None
    sink: Sink | None = None

    @property
    def is_own_condition(self) -> bool:
        """Whether it decides if its step runs."""
        return self.place[-1] == "when" and self.reader is not None and self.place == (*self.reader.place, "when")

    @property
    def is_key(self) -> bool:
        """Whether it names the items of an iteration."""
        return self.reader is not None and self.place == (*self.reader.place, "key")


class Analysis:
    """One pass over a definition, shared by all rules."""

    def __init__(self, definition: Definition, workflows: WorkflowLookup | None = None) -> None:
        self.definition = definition
        self.workflows = workflows
        self.all: list[Located] = []
        self._asked = 0
        self._worked_out: dict[Callable[[Analysis], Any], Any] = {}
        self.top = self._block(Block(place=("steps",)), definition.steps)
        self.outputs = [
            Text(place=place, text=text, block=self.top) for place, text in texts_in(definition.outputs, ("outputs",))
        ]

    @property
    def incomplete(self) -> bool:
        """Whether parts of the document could not be read: then nothing can be said of what is unused."""
        return not self.definition.complaints.ok

    @cached_property
    def _complained_of(self) -> frozenset[str]:
        """The pointers of what the loader complained of, and of everything around it."""
        found: set[str] = set()
        for complaint in self.definition.complaints.errors:
            around = complaint.pointer
            while around and around not in found:
                found.add(around)
                around = around.rpartition("/")[0]
        return frozenset(found)

    def is_broken(self, located: Located) -> bool:
        """Whether the loader could not read all of a step: what it makes, and what it means, is not known for sure."""
        return bool(self._complained_of) and pointer(located.place) in self._complained_of

    @cached_property
    def written_ids(self) -> frozenset[str]:
        """The ids of all steps that the document has, those included that could not be read."""
        return frozenset(_ids_in(self.definition.document.get("steps")))

    @cached_property
    def by_id(self) -> Mapping[str, Located]:
        """The steps by id, nested ones included; of several with the same id, the first."""
        return {located.id: located for located in reversed(self.all)}

    @cached_property
    def texts(self) -> list[Text]:
        """All templates and expressions of the document."""
        return [text for located in self.all for text in located.texts] + self.outputs

    @cached_property
    def reads(self) -> list[tuple[Text, Reference, str]]:
        """Every reference into `steps`, with the id that it names."""
        return [
            (text, reference, str(reference.path[1]))
            for text in self.texts
            for reference in text.text.references
            if len(reference.path) > 1 and reference.path[0] == "steps"
        ]

    def once(self, make: Callable[[Analysis], T]) -> T:
        """What `make` works out from this reading; several rules may ask for it, and it is worked out once."""
        if make not in self._worked_out:
            self._worked_out[make] = make(self)
        worked_out: T = self._worked_out[make]
        return worked_out

    def meant(self, name: str, among: Iterable[str], *, what: str) -> tuple[str, tuple[str, ...]]:
        """What may be meant by an unknown name: a hint, and a note of the names that there are.

        Only the first unknown names get them: looking for likenesses takes time, and nobody reads a thousand.
        """
        self._asked += 1
        if self._asked > _MOST_HINTS:
            return "", ()
        names = list(among)
        if nearest(name, names) is None:
            return did_you_mean(name, names, what=what), ()
        return did_you_mean(name, names), (f"{what}: {listed(names)}",)

    def span(self, text: Text, start: int | None, end: int | None) -> Span | None:
        """The place of a part of a text."""
        positions, at = self.definition.positions, pointer(text.place)
        if start is None:
            return positions.of(at)
        return positions.inside(at, text.text.source, start, end if end is not None else start + 1)

    def in_text(
        self, text: Text, start: int | None, end: int | None, code: str, message: str, *, hint: str = "",
        notes: tuple[str, ...] = (), severity: Severity = "error",
    ) -> Diagnostic:  # fmt: skip
        """A complaint about a part of a text."""
        return Diagnostic(
            code=code, message=message, pointer=pointer(text.place), span=self.span(text, start, end), hint=hint,
            notes=notes, severity=severity,
        )  # fmt: skip

    def at(
        self, place: Place, code: str, message: str, *, hint: str = "", notes: tuple[str, ...] = (),
        severity: Severity = "error",
    ) -> Diagnostic:  # fmt: skip
        """A complaint about a value of the document."""
        at = pointer(place)
        return Diagnostic(
            code=code, message=message, pointer=at, span=self.definition.positions.of(at), hint=hint, notes=notes,
            severity=severity,
        )  # fmt: skip

    def line(self, place: Place) -> str:
        """`line 12`, or the pointer where the document has no text: for hints that name another place."""
        span = self.definition.positions.of(pointer(place))
        return f"line {span.line}" if span else pointer(place)

    def _block(self, block: Block, steps: tuple[Step, ...]) -> Block:
        block.needs = dependencies(steps)
        block.ordered = in_order(block.needs)
        for index, step in enumerate(steps):
            located = Located(step=step, place=(*block.place, index), block=block)
            block.steps.append(located)
            self.all.append(located)
            for number, inner in enumerate(step.inner_blocks()):
                at = (*located.place, *inner.place, "steps")
                own = Block(place=at, owner=located, index=number, when=inner.when, item=inner.item_name)
                located.blocks.append(self._block(own, inner.steps))
            located.texts = [self._text(located, at, text, sink) for at, text, sink in step.own_texts]
        return block

    def _text(self, located: Located, at: Place, text: Template | Expression, sink: Sink | None) -> Text:
        inner = located.step.scope_of(at) if located.blocks else None
        block = located.block if inner is None else located.blocks[inner]
        return Text(place=(*located.place, *at), text=text, block=block, reader=located, sink=sink)


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield value["id"]
        for name in ("steps", "branches", "else"):
            yield from _ids_in(value.get(name))
    elif isinstance(value, list):
        for item in value:
            yield from _ids_in(item)
