"""The compiler: a checked definition -> a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flowbuilder.analysis.dependencies import dependencies, in_order
from flowbuilder.analysis.linter import analyze
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.publications import Publication, Publications
from flowbuilder.analysis.taint.review_targets import review_targets
from flowbuilder.analysis.taint.sinks import approval_places, waivers
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.errors import ConfigurationError, DefinitionError, NotFound
from flowbuilder.plan.nodes import Arm, Block, BranchNode, CallNode, LoopNode, Node, Plan, ReviewNode, TaskNode
from flowbuilder.steps.builtin.conditional import Conditional
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.steps.step import Place, Step
from flowbuilder.values import digest

_FORMAT = 1
"""Part of every digest; increased when the same document compiles to a different plan than before."""


def compile_plan(definition: Definition, *, workflows: WorkflowLookup | None = None) -> Plan:
    """The plan of a definition; raises `DefinitionError` with the report when the definition has errors, and `NotFound`
    when it calls a workflow and no `workflows` are given."""
    report, analysis = analyze(definition, workflows=workflows)
    if not report.ok:
        raise DefinitionError(report)
    return _Compiler(analysis.cached(Propagation)).plan()


def recompile(definition: Definition, *, workflows: WorkflowLookup | None = None) -> Plan:
    """The plan of a stored version; raises `DefinitionError` only when the loader reports errors.

    The version passed the rules of the release that stored it. Rules added since do not stop its executions, but the
    approvals that they require are part of the plan.
    """
    if not definition.load_report.ok:
        raise DefinitionError(definition.load_report)
    _, analysis = analyze(definition, workflows=workflows)
    return _Compiler(analysis.cached(Propagation)).plan()


class _Compiler:
    """Compiles one definition. `waived` are the untrusted sources that the calling workflows trust, `published` the
    outputs that they write to pages."""

    def __init__(
        self, propagation: Propagation, waived: tuple[str, ...] = (), published: Iterable[Publication] = ()
    ) -> None:
        self._propagation = propagation
        self._waived = waived
        self._targets = review_targets(propagation)
        self._publications = Publications(propagation, published)
        self._called: list[str] = []
        """The digests of the plans that this one calls."""

    def plan(self) -> Plan:
        definition = self._propagation.analysis.definition
        block = self._block(definition.steps)
        return Plan(
            name=definition.name,
            title=definition.title,
            digest=digest([_FORMAT, definition.digest, *self._called]),
            block=block,
            input_schema=definition.input_schema(),
            defaults={item.name: item.default for item in definition.inputs if not item.required},
            outputs=definition.outputs,
            sensitive_outputs=definition.sensitive_outputs,
            hosts=definition.hosts,
        )

    def _block(self, steps: Sequence[Step]) -> Block:
        needs = dependencies(steps)
        by_id = {step.id: step for step in steps}
        ordered = in_order(needs)
        position = {name: index for index, name in enumerate(ordered)}
        return Block(
            nodes=tuple(
                self._node(by_id[name], tuple(sorted(needs[name], key=position.__getitem__))) for name in ordered
            )
        )

    def _node(self, step: Step, needs: tuple[str, ...]) -> Node:
        common: dict[str, Any] = {"step": step, "needs": needs, "uses": _uses(step)}
        if step.kind == "task":
            return TaskNode(**common, approvals=self._approvals(step), waived=self._waivers(step))
        match step:
            case HumanReview(on_changes_requested=changes):
                targets = self._targets.get(step.id, ())
                publishes = tuple(self._publications.reviews.get(step.id, ()))
                common |= {"uses": _uses(step, targets), "targets": targets, "publishes": publishes}
                if changes is None:
                    return ReviewNode(**common)
                return ReviewNode(**common, rewind_to=changes.rewind_to, max_rounds=changes.max_rounds)
            case Conditional():
                arms = tuple(
                    Arm(when=branch.when, block=self._block(branch.steps), output=branch.output)
                    for branch in step.inner_blocks()
                )
                return BranchNode(**common, arms=arms)
            case Iteration():
                return LoopNode(
                    **common,
                    over=step.over,
                    item_name=step.item_name,
                    key=step.key,
                    body=self._block(step.steps),
                    output=step.output,
                    max_concurrency=step.max_concurrency,
                    on_item_error=step.on_item_error,
                    max_failed=step.max_failed,
                )
            case Workflow():
                return CallNode(**common, inputs=step.inputs, plan=self._callee(step))
        raise ConfigurationError(f"step type {step.type} has the kind {step.kind}, which only built-in types may have")

    def _approvals(self, step: Step) -> tuple[Place, ...]:
        return approval_places(self._propagation, self._propagation.analysis.by_id[step.id], self._waived)

    def _waivers(self, step: Step) -> tuple[str, ...]:
        return (*self._waived, *waivers(self._propagation, self._propagation.analysis.by_id[step.id]))

    def _callee(self, step: Workflow) -> Plan:
        called = self._propagation.called.get(step.id)
        if called is None:
            raise NotFound(f"step {step.id} calls the workflow {step.name}, which cannot be looked up")
        published = self._publications.called.get(step.id, ())
        plan = _Compiler(called, self._waivers(step), published).plan()
        self._called.append(plan.digest)
        return plan


def _uses(step: Step, more: Iterable[Any] = ()) -> tuple[str, ...]:
    """The ids of the steps that a step's texts, and `more` of them, read, in the order of the texts."""
    texts = (*(text for _, text, _ in step.own_texts), *(text for text in more if not isinstance(text, str)))
    paths = (reference.path for text in texts for reference in text.references)
    return tuple(dict.fromkeys(str(path[1]) for path in paths if len(path) > 1 and path[0] == "steps"))
