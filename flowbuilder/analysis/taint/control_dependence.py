"""Control dependence: the conditions, branches and iterations that decide whether a step runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flowbuilder.analysis.model import LocatedStep, LocatedText
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import TaintFlow, waivers
from flowbuilder.analysis.taint.sources import marks_of
from flowbuilder.language import Expression, Template
from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.language.nodes import Call, Constant, Expr, ListLiteral, expressions, walk
from flowbuilder.language.parsing.references import path_of


def tainted_decisions(propagation: Propagation, waived: Collection[str] = ()) -> Iterator[TaintFlow]:
    """The steps that write depending on untrusted text, with that text; not those that run after a review."""
    for located in propagation.analysis.steps:
        loaded = propagation.analysis.by_id
        if not located.step.has_effect() or any(name not in loaded for name in located.step.mentioned):
            continue  # a step that could not be loaded, and that this one needs, may be a review
        all_waived = (*waived, *waivers(propagation, located))
        for text in deciding_texts(located):
            counted = counted_references(text.compiled)
            for reference in text.compiled.references:
                if (reference.start, reference.end) in counted:
                    continue  # a number decides
                shape = propagation.lookup(text, reference.path)
                marks = marks_of(shape.described_trust if shape is not None else None)
                marks = frozenset(mark for mark in marks if not (mark.approved or mark.spelled))
                trail = propagation.sources.shortest_trail(marks, all_waived)
                if trail is not None and not is_after_review(located):
                    yield TaintFlow(located=located, text=text, reference=reference, trail=trail)


def counted_references(text: Template | Expression) -> frozenset[tuple[int, int]]:
    """Start and end of the references of which a text reads only the number of items or letters: `links | length`. Of a
    list the items may be selected by a member that is true or not: `pages | reject("ok") | length`."""
    calls = (node for tree in expressions(text._program.statements) for node in walk(tree) if isinstance(node, Call))
    counts = (call for call in calls if _is(call, "length") and len(call.arguments) == 1)
    found = (_selected_from(call.arguments[0]) for call in counts)
    return frozenset((node.start, node.end) for node in found if path_of(node) is not None)


def _is(call: Call, *names: str) -> bool:
    return call.name in FUNCTIONS and FUNCTIONS[call.name].name in names and not call.named


def _selected_from(node: Expr) -> Expr:
    """The list of which a chain of filters selects items."""
    while isinstance(node, Call):
        by_truth = _is(node, "where", "reject") and len(node.arguments) == 2
        or_none = _is(node, "default") and isinstance(node.arguments[-1], Constant | ListLiteral)
        if not (by_truth or or_none):
            break
        node = node.arguments[0]
    return node


def is_after_review(located: LocatedStep) -> bool:
    """Whether the step, or a container around it, depends on a review, directly or through other steps."""
    node: LocatedStep | None = located
    while node is not None:
        by_id = {other.id: other for other in node.block.steps}
        seen: set[str] = set()
        pending = [node.id]
        while pending:
            for name in node.block.needs.get(pending.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    pending.append(name)
                    if name in by_id and _contains_review(by_id[name]):
                        return True
        node = node.block.owner
    return False


def _contains_review(located: LocatedStep) -> bool:
    """Whether a step is a review or contains one."""
    return located.step.kind == "review" or any(
        _contains_review(inner) for block in located.blocks for inner in block.steps
    )


def deciding_texts(located: LocatedStep) -> Iterator[LocatedText]:
    """The texts that decide whether a step runs: its own condition first, then those of the containers around it."""
    yield from (text for text in located.texts if text.is_own_condition)
    for block in located.block.enclosing():
        owner = block.owner
        if owner is None:
            return
        for text in owner.texts:
            if owner.step.decides(text.place[len(owner.place) :], block.index):
                yield text
