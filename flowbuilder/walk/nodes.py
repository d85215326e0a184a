"""Nodes: how each kind begins, and how a conditional, a call or an item ends when its block does."""

from __future__ import annotations

from typing import Any

from flowbuilder.errors import LanguageError
from flowbuilder.json_schema import problems
from flowbuilder.language import Expression
from flowbuilder.model.event_data import BranchTaken
from flowbuilder.plan.nodes import Arm, BranchNode, CallNode, ReviewNode, input_errors
from flowbuilder.steps.step import render_value
from flowbuilder.values import JsonObject
from flowbuilder.walk.loops import settle_item
from flowbuilder.walk.rewind import rewind
from flowbuilder.walk.runs import BlockRun, ItemRun, NodeRun, error_of, failure
from flowbuilder.walk.state import WalkState


def may_begin(state: WalkState, run: NodeRun) -> bool:
    """Whether a run whose needs are settled begins now. It is skipped when one of them failed or its `when` is false,
    and fails when its `when` cannot be evaluated."""
    if run.abandoned or run.phase != "pending":
        return False
    run.follows_decision |= any(run.block.runs[need].follows_decision for need in run.node.needs)
    if run.blocked_by:
        state.skip(run, f"needs {run.blocked_by}, which failed", blocked=True)
        return False
    if run.node.when is not None:
        try:
            if not _holds(run.node.when, state.context(run)):
                state.skip(run, f"when: {run.node.when.source}")
                return False
        except LanguageError as problem:
            state.settle(run, "failed", error=error_of(problem, "when"))
            return False
    state.live[run.path] = run
    return True


def begin_review(state: WalkState, run: NodeRun, node: ReviewNode) -> None:
    """Open the review, or apply its decision if there is one: settle the run, or begin a new round."""
    if run.abandoned:
        return
    outcome = state.outcomes.get(run.path)
    decision = state.decisions.get(run.path)
    if outcome is not None or decision is not None:
        run.mark_items_begun()
    if outcome is not None and outcome.status == "failed":
        state.apply(run, outcome)
    elif decision is None:
        run.phase = "waiting"
        state.ready.append(run)
    elif (
        decision.kind == "changes_requested"
        and node.rewind_to is not None
        and run.scope.changes_requested.get(node.id, 0) < node.max_rounds
    ):
        rewind(state, run, node.rewind_to, decision)
    else:
        run.follows_decision = True
        state.settle(
            run,
            "completed",
            {
                "decision": decision.kind,
                "approved": decision.approved if decision.kind == "approved" else None,
                "comment": decision.comment,
                "reviewer": decision.by,
                "rounds": run.scope.changes_requested.get(node.id, 0) + 1,
            },
        )


def begin_branch(state: WalkState, run: NodeRun, node: BranchNode) -> None:
    """Open the branch whose condition holds, and skip the others."""
    run.phase = "open"
    context = state.context(run)
    taken: tuple[int, Arm] | None = None
    try:
        for index, arm in enumerate(node.arms):
            if arm.when is None or _holds(arm.when, context):
                taken = index, arm
                break
    except LanguageError as problem:
        for arm in node.arms:
            state.skip_block(arm.block, run, f"{node.id} failed")
        state.settle(run, "failed", error=error_of(problem, "branches"))
        return
    for index, arm in enumerate(node.arms):
        if taken is None or index != taken[0]:
            state.skip_block(arm.block, run, f"{node.id} took another branch")
    label: int | str | None = None if taken is None else ("else" if taken[1].when is None else taken[0])
    state.note(run.path, BranchTaken(branch=label))
    if taken is None:
        state.settle(run, "completed", None)
        return
    run.inner = BlockRun(block=taken[1].block, scope=run.scope, owner=run, output=taken[1].output)
    state.open(run.inner)


def begin_call(state: WalkState, run: NodeRun, node: CallNode) -> None:
    """Open the called workflow with its inputs; fail when they do not fit."""
    run.phase = "open"
    try:
        given = render_value(node.inputs, state.context(run))
    except LanguageError as problem:
        state.settle(run, "failed", error=error_of(problem, "with"))
        return
    inputs = {**node.plan.defaults, **(given if isinstance(given, dict) else {})}
    if wrong := problems(node.plan.input_schema, inputs):
        message = f"with: {input_errors(node.plan, wrong)}"
        state.settle(run, "failed", error={"code": "invalid_inputs", "message": message})
        return
    _note_sensitive(state, "sensitive input", inputs, node.plan.sensitive_inputs)
    run.inner = BlockRun(block=node.plan.block, scope=run.scope.call(run, inputs), owner=run)
    state.open(run.inner)


def close_block(state: WalkState, block: BlockRun) -> None:
    """Settle the conditional, call or item of a block whose runs are all settled."""
    owner, holder = block.owner, block.holder
    if block.abandoned or owner is None or holder is None:
        return
    error = error_in(block)
    holder.follows_decision |= any(run.follows_decision for run in block.runs.values())
    if isinstance(owner, ItemRun):
        settle_item(state, owner, error)
    elif error:
        state.settle(owner, "failed", error=error, failed_path=str(error["path"]))
    elif isinstance(owner.node, CallNode):
        plan = owner.node.plan
        _settle_with(state, owner, plan.outputs, block.scope.full_context())
        if isinstance(owner.output, dict):
            _note_sensitive(state, "sensitive output", owner.output, plan.sensitive_outputs)
    else:
        _settle_with(state, owner, block.output, block.scope.full_context(owner.feedback))


def error_in(block: BlockRun) -> JsonObject | None:
    """The error of the first failed run in a block, with the path of the step; None when no run failed."""
    failed = next((run for run in block.runs.values() if run.failed), None)
    return failure(failed) if failed is not None else None


def _note_sensitive(state: WalkState, what: str, values: JsonObject, names: frozenset[str]) -> None:
    if found := {name: value for name, value in values.items() if name in names}:
        state.sensitive.append((what, found))


def _settle_with(state: WalkState, run: NodeRun, output: Any, context: JsonObject) -> None:
    try:
        state.settle(run, "completed", render_value(output, context))
    except LanguageError as problem:
        state.settle(run, "failed", error=error_of(problem, "output"))


def _holds(condition: Expression, context: JsonObject) -> bool:
    value = condition.evaluate(context)
    if not isinstance(value, bool):
        shown = "a list or an object" if isinstance(value, list | dict) else f"{value!r:.60}"
        raise LanguageError("type", f"a condition is true or false, this one is {shown}", stage="run")
    return value
