"""The plan: a tree of nodes that a walk runs, computed from a definition alone.

The compiler turns each step into one of five kinds of node. The walk and the engine handle only these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flowbuilder.analysis.taint.publications import Publication
from flowbuilder.language import Expression, Shape, shape_of_schema
from flowbuilder.ports.sensitive import hidden, sensitive_names
from flowbuilder.steps.step import Place, Step
from flowbuilder.values import Json, JsonObject, pointer


@dataclass(frozen=True, kw_only=True)
class Node:
    """One step of a plan. `needs` holds the ids in the same block that must be settled before it starts."""

    step: Step
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    """The ids of the steps, anywhere in scope, that its templates and expressions read."""

    @property
    def id(self) -> str:
        """The step's id."""
        return self.step.id

    @property
    def when(self) -> Expression | None:
        """The condition under which the step runs; None: always."""
        return self.step.when


@dataclass(frozen=True, kw_only=True)
class Block:
    """Nodes that share a scope, each after the nodes that it needs."""

    nodes: tuple[Node, ...] = ()

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)


@dataclass(frozen=True, kw_only=True)
class TaskNode(Node):
    """A step whose `run` does the work."""

    approvals: tuple[Place, ...] = ()
    """The places in the step whose content a reviewer must have approved, byte for byte, in the same execution."""
    waived: tuple[str, ...] = ()
    """The untrusted steps, as StepPaths without indexes, that the author trusts here by `trust`."""


@dataclass(frozen=True, kw_only=True)
class ReviewNode(Node):
    """A review by a person.

    With `rewind_to`, a request for changes runs that step and the steps that depend on it again, at most `max_rounds`
    times.
    """

    targets: tuple[Any, ...] = ()
    """The compiled URLs to which steps publish what it approves, as far as they are known when it opens."""
    publishes: tuple[Publication, ...] = ()
    """The parts of what it approves that become fields of pages."""
    rewind_to: str | None = None
    max_rounds: int = 0


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One branch of a conditional; `when` is None for `else`. `output` is a compiled value."""

    when: Expression | None
    block: Block
    output: Any = None


@dataclass(frozen=True, kw_only=True)
class BranchNode(Node):
    """A choice: the first arm whose condition holds is run; the steps of the others are skipped."""

    arms: tuple[Arm, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LoopNode(Node):
    """A loop: one run of `body` for each item of `over`."""

    over: Expression
    item_name: str = "item"
    key: Expression | None = None
    body: Block = field(default_factory=Block)
    output: Any = None
    max_concurrency: int = 4
    on_item_error: str = "fail"
    max_failed: int | float | None = None
    """The number of failed items, or their share (0 < x < 1), above which the loop fails."""


@dataclass(frozen=True, kw_only=True)
class CallNode(Node):
    """A call of another workflow, compiled inline: a plan with its own inputs, steps and outputs."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A compiled definition. `digest` identifies what runs: plans with the same digest do the same."""

    name: str
    title: str
    digest: str
    block: Block
    input_schema: JsonObject
    defaults: JsonObject = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    sensitive_outputs: frozenset[str] = frozenset()

    @cached_property
    def sensitive_inputs(self) -> frozenset[str]:
        """The names of its inputs that are stored and shown nowhere but in their own table."""
        return sensitive_names(self.input_schema)

    @cached_property
    def publishes(self) -> bool:
        """Whether a step of it, or of a workflow that it calls, writes to the outside world or lets a model do so."""
        return any(node.step.has_effect() or node.step.guarded_texts for node in nodes_in(self.block))

    @cached_property
    def closed_words(self) -> frozenset[str]:
        """The words that the definition allows by an `enum`, or names as members: outsiders only choose among them."""
        shapes = [shape_of_schema(self.input_schema)]
        for node in nodes_in(self.block):
            shapes.append(node.step.output_shape())
            if isinstance(node, CallNode):
                shapes.append(shape_of_schema(node.plan.input_schema))
        return frozenset(_words(shapes))

    def __str__(self) -> str:
        return "\n".join([f"{self.name}  {self.digest[:12]}", *_lines(self.block, "  ")])

    def json(self) -> JsonObject:
        """The plan as data: `{name, digest, inputs, steps: [{id, type, kind, needs, ...}]}`."""
        return {"name": self.name, "digest": self.digest, "inputs": self.input_schema, "steps": _records(self.block)}


def shown_output(node: Node, output: Json) -> Json:
    """The output of a step as it is shown: the sensitive outputs of a called workflow are hidden."""
    if isinstance(node, CallNode) and isinstance(output, dict):
        return hidden(output, node.plan.sensitive_outputs)
    return output


def input_errors(plan: Plan, wrong: Iterable[tuple[str, str]]) -> str:
    """The schema errors of inputs, by place, as one text. It does not repeat a sensitive value."""
    shown = []
    for place, message in wrong:
        where = place.removeprefix("/")
        name = where.partition("/")[0]
        if name in plan.sensitive_inputs:
            shown.append(f"{name}: its value, which is sensitive, does not fit its schema")
        else:
            shown.append(f"{where or 'inputs'}: {message}")
    return "; ".join(dict.fromkeys(shown))


def blocks_below(node: Node) -> Iterator[tuple[str, Block]]:
    """The blocks inside a node, each with a label to display."""
    if isinstance(node, BranchNode):
        for arm in node.arms:
            yield (f"when {arm.when.source}" if arm.when else "else"), arm.block
    elif isinstance(node, LoopNode):
        yield f"each {node.item_name} of {node.over.source}", node.body
    elif isinstance(node, CallNode):
        yield f"workflow {node.plan.name}", node.plan.block


def nodes_in(block: Block) -> Iterator[Node]:
    """Every node of a block, with those inside of it and of the workflows that it calls."""
    for node in block:
        yield node
        for _, inner in blocks_below(node):
            yield from nodes_in(inner)


def _words(shapes: list[Shape]) -> Iterator[str]:
    seen: set[int] = set()
    while shapes:
        shape = shapes.pop()
        if id(shape) not in seen:
            seen.add(id(shape))
            yield from (value for value in shape.values if isinstance(value, str))
            yield from shape.fields
            shapes += [*shape.fields.values(), *(part for part in (shape.rest, shape.items) if part is not None)]


def _lines(block: Block, indent: str) -> Iterator[str]:
    for node in block:
        after = f"  after {', '.join(node.needs)}" if node.needs else ""
        condition = f"  when {node.when.source}" if node.when else ""
        yield f"{indent}{node.id} ({node.step.type}){after}{condition}{_approvals(node)}"
        for label, inner in blocks_below(node):
            yield f"{indent}  {label}:"
            yield from _lines(inner, indent + "    ")


def _approvals(node: Node) -> str:
    if not (isinstance(node, TaskNode) and node.approvals):
        return ""
    return f"  with approval of {', '.join('.'.join(map(str, place)) for place in node.approvals)}"


def _records(block: Block) -> list[Any]:
    records: list[Any] = []
    for node in block:
        record: JsonObject = {
            "id": node.id,
            "type": node.step.type,
            "kind": node.step.kind,
            "needs": list(node.needs),
        }
        if node.when:
            record["when"] = node.when.source
        if isinstance(node, TaskNode) and node.approvals:
            record["approvals"] = [pointer(place) for place in node.approvals]
        inner = [{"label": label, "steps": _records(body)} for label, body in blocks_below(node)]
        if inner:
            record["blocks"] = inner
        records.append(record)
    return records
