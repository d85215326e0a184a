"""From a definition to a plan: nodes, what they need, and the order in which they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowbuilder.check import check
from flowbuilder.definition import Definition
from flowbuilder.dependencies import dependencies, in_order
from flowbuilder.errors import DefinitionError
from flowbuilder.plan import Arm, Block, Branch, Call, Loop, Node, Plan, Review, Task
from flowbuilder.step import Step
from flowbuilder.steps.conditional import Conditional
from flowbuilder.steps.human_review import HumanReview
from flowbuilder.steps.iteration import Iteration
from flowbuilder.steps.workflow import Workflow
from flowbuilder.values import digest

Workflows = Callable[[str, int | None], Definition]
"""Finds another workflow's definition, by name and version (None: the published one); raises `NotFound`."""

_FORMAT = 1
"""Part of every digest: raised when the same document compiles to something else than before."""


def compile_plan(definition: Definition, *, workflows: Workflows | None = None) -> Plan:
    """The plan of a definition; `DefinitionError` with the whole report when the definition has errors."""
    report = check(definition, workflows=workflows)
    if not report.ok:
        raise DefinitionError(report)
    return _plan(definition, workflows)


def _plan(definition: Definition, workflows: Workflows | None) -> Plan:
    called: list[str] = []
    block = _block(definition.steps, workflows, called)
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


def _block(steps: Sequence[Step], workflows: Workflows | None, called: list[str]) -> Block:
    needs = dependencies(steps)
    by_id = {step.id: step for step in steps}
    ordered = [by_id[name] for name in in_order(needs)]
    position = {step.id: index for index, step in enumerate(ordered)}
    return Block(
        nodes=tuple(
            _node(step, tuple(sorted(needs[step.id], key=position.__getitem__)), workflows, called) for step in ordered
        )
    )


def _node(step: Step, needs: tuple[str, ...], workflows: Workflows | None, called: list[str]) -> Node:
    edges: dict[str, Any] = {"step": step, "needs": needs, "uses": _uses(step)}
    match step:
        case HumanReview(on_changes_requested=None):
            return Review(**edges)
        case HumanReview(on_changes_requested=asked) if asked is not None:
            return Review(**edges, rewind_to=asked.rewind_to, max_rounds=asked.max_rounds)
        case Conditional():
            arms = [
                Arm(when=branch.when, block=_block(branch.steps, workflows, called), output=branch.output)
                for branch in step.branches
            ]
            if step.otherwise is not None:
                otherwise = step.otherwise
                arms.append(Arm(when=None, block=_block(otherwise.steps, workflows, called), output=otherwise.output))
            return Branch(**edges, arms=tuple(arms))
        case Iteration():
            return Loop(
                **edges,
                over=step.over,
                item_name=step.item_name,
                key=step.key,
                body=_block(step.steps, workflows, called),
                output=step.output,
                max_concurrency=step.max_concurrency,
                on_item_error=step.on_item_error,
                max_failed=step.max_failed,
            )
        case Workflow():
            assert workflows is not None  # the check has found the called workflow
            inner = _plan(workflows(step.name, step.version), workflows)
            called.append(inner.digest)
            return Call(**edges, inputs=step.inputs, plan=inner)
        case _:
            return Task(**edges)


def _uses(step: Step) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for _, text, _ in step.own_texts:
        for reference in text.references:
            if len(reference.path) > 1 and reference.path[0] == "steps":
                found[str(reference.path[1])] = None
    return tuple(found)
