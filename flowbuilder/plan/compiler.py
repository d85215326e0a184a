"""From a definition to a plan: nodes, what they need, and the order in which they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flowbuilder.analysis.dependencies import dependencies, in_order
from flowbuilder.analysis.linter import examine
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import must_be_approved, waivers
from flowbuilder.collecting import burst
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.errors import ConfigurationError, DefinitionError
from flowbuilder.plan.nodes import Arm, Block, Branch, Call, Loop, Node, Plan, Review, Task
from flowbuilder.steps.builtin.conditional import Conditional
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.steps.step import Place, Step
from flowbuilder.values import digest

_FORMAT = 1
"""Part of every digest: raised when the same document compiles to something else than before."""


@burst()
def compile_plan(definition: Definition, *, workflows: WorkflowLookup | None = None) -> Plan:
    """The plan of a definition; `DefinitionError` with the whole report when the definition has errors."""
    report, analysis = examine(definition, workflows=workflows)
    if not report.ok:
        raise DefinitionError(report)
    return _plan(_Known(shaping=analysis.once(Propagation)))


@burst()
def recompile(definition: Definition, *, workflows: WorkflowLookup | None = None) -> Plan:
    """The plan of a version that is stored; `DefinitionError` when it cannot be read.

    It passed the checks of its day: rules that have come since do not stop its executions, but what it publishes needs
    the approvals that they ask for.
    """
    if not definition.complaints.ok:
        raise DefinitionError(definition.complaints)
    _, analysis = examine(definition, workflows=workflows)
    return _plan(_Known(shaping=analysis.once(Propagation)))


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What the checks know of one definition, and what the workflows around it vouch for."""

    shaping: Propagation
    waived: tuple[str, ...] = ()

    def approvals(self, step: Step) -> tuple[Place, ...]:
        return must_be_approved(self.shaping, self.shaping.analysis.by_id[step.id], self.waived)

    def called(self, step: Step) -> _Known:
        vouched = waivers(self.shaping, self.shaping.analysis.by_id[step.id])
        return _Known(shaping=self.shaping.called[step.id], waived=(*self.waived, *vouched))


def _plan(known: _Known) -> Plan:
    called: list[str] = []
    definition = known.shaping.analysis.definition
    block = _block(definition.steps, known, called)
    return Plan(
        name=definition.name,
        title=definition.title,
        digest=digest([_FORMAT, definition.digest, *called]),
        block=block,
        input_schema=definition.input_schema(),
        defaults={item.name: item.default for item in definition.inputs if not item.required},
        outputs=definition.outputs,
        hosts=definition.hosts,
    )


def _block(steps: Sequence[Step], known: _Known, called: list[str]) -> Block:
    needs = dependencies(steps)
    by_id = {step.id: step for step in steps}
    ordered = [by_id[name] for name in in_order(needs)]
    position = {step.id: index for index, step in enumerate(ordered)}
    return Block(
        nodes=tuple(
            _node(step, tuple(sorted(needs[step.id], key=position.__getitem__)), known, called) for step in ordered
        )
    )


def _node(step: Step, needs: tuple[str, ...], known: _Known, called: list[str]) -> Node:
    edges: dict[str, Any] = {"step": step, "needs": needs, "uses": _uses(step)}
    if step.kind == "task":
        return Task(**edges, approvals=known.approvals(step))
    match step:
        case HumanReview(on_changes_requested=None):
            return Review(**edges)
        case HumanReview(on_changes_requested=asked) if asked is not None:
            return Review(**edges, rewind_to=asked.rewind_to, max_rounds=asked.max_rounds)
        case Conditional():
            arms = [
                Arm(when=branch.when, block=_block(branch.steps, known, called), output=branch.output)
                for branch in step.branches
            ]
            if step.otherwise is not None:
                otherwise = step.otherwise
                arms.append(Arm(when=None, block=_block(otherwise.steps, known, called), output=otherwise.output))
            return Branch(**edges, arms=tuple(arms))
        case Iteration():
            return Loop(
                **edges,
                over=step.over,
                item_name=step.item_name,
                key=step.key,
                body=_block(step.steps, known, called),
                output=step.output,
                max_concurrency=step.max_concurrency,
                on_item_error=step.on_item_error,
                max_failed=step.max_failed,
            )
        case Workflow():
            inner = _plan(known.called(step))
            called.append(inner.digest)
            return Call(**edges, inputs=step.inputs, plan=inner)
    raise ConfigurationError(f"steps of type {step.type} are of the kind {step.kind}, which no third party can add")


def _uses(step: Step) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for _, text, _ in step.own_texts:
        for reference in text.references:
            if len(reference.path) > 1 and reference.path[0] == "steps":
                found[str(reference.path[1])] = None
    return tuple(found)
