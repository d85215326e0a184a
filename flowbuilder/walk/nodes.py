"""How a node of each kind begins."""

from __future__ import annotations

from flowbuilder.errors import LanguageError
from flowbuilder.json_schema import problems
from flowbuilder.language import Expression
from flowbuilder.plan.nodes import Arm, BranchNode, CallNode, LoopNode, ReviewNode, TaskNode
from flowbuilder.steps.step import render_value
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.admission import begin_task
from flowbuilder.walk.loops import begin_loop
from flowbuilder.walk.rewind import rewind
from flowbuilder.walk.runs import BlockRun, NodeRun, error_of, with_defaults
from flowbuilder.walk.state import WalkState


def begin(course: WalkState, run: NodeRun) -> None:
    """All that the node needs is settled: skip it, or begin it."""
    if run.gone or run.state != "pending":
        return
    run.follows_decision |= any(run.block.runs[need].follows_decision for need in run.node.needs)
    if run.blocked_by:
        course.skip(run, f"needs {run.blocked_by}, which failed", blocked=True)
        return
    if run.node.when is not None:
        try:
            if not _holds(run.node.when, course.context(run)):
                course.skip(run, f"when: {run.node.when.source}")
                return
        except LanguageError as problem:
            course.settle(run, "failed", error=error_of(problem, "when"))
            return
    course.live[run.path] = run
    match run.node:
        case TaskNode():
            begin_task(course, run)
        case ReviewNode():
            _begin_review(course, run)
        case BranchNode():
            _begin_branch(course, run, run.node)
        case LoopNode():
            begin_loop(course, run, run.node)
        case CallNode():
            _begin_call(course, run, run.node)


def _begin_review(course: WalkState, run: NodeRun) -> None:
    """Ask, unless there is a decision; then go on with it, or run a new round."""
    node = run.node
    if run.gone or not isinstance(node, ReviewNode):
        return
    failure = course.outcomes.get(run.path)
    decision = course.decisions.get(run.path)
    if failure is not None or decision is not None:
        run.mark_begun()
    if failure is not None and failure.status == "failed":
        course.apply(run, failure)
    elif decision is None:
        run.state = "waiting"
        course.starting.append(run)
    elif (
        decision.kind == "changes_requested"
        and node.rewind_to is not None
        and run.scope.requested.get(node.id, 0) < node.max_rounds
    ):
        rewind(course, run, node.rewind_to, decision)
    else:
        run.follows_decision = True
        course.settle(
            run,
            "completed",
            {
                "decision": decision.kind,
                "approved": decision.approved if decision.kind == "approved" else None,
                "comment": decision.comment,
                "reviewer": decision.by,
                "rounds": run.scope.requested.get(node.id, 0) + 1,
            },
        )


def _begin_branch(course: WalkState, run: NodeRun, node: BranchNode) -> None:
    run.state = "open"
    context = course.context(run)
    taken: tuple[int, Arm] | None = None
    try:
        for index, arm in enumerate(node.arms):
            if arm.when is None or _holds(arm.when, context):
                taken = index, arm
                break
    except LanguageError as problem:
        for arm in node.arms:
            course.skip_block(arm.block, run, f"{node.id} failed")
        course.settle(run, "failed", error=error_of(problem, "branches"))
        return
    for index, arm in enumerate(node.arms):
        if taken is None or index != taken[0]:
            course.skip_block(arm.block, run, f"{node.id} took another branch")
    label: Json = None if taken is None else ("else" if taken[1].when is None else taken[0])
    course.note("branch_taken", run.path, {"branch": label})
    if taken is None:
        course.settle(run, "completed", None)
        return
    run.inner = BlockRun(block=taken[1].block, scope=run.scope, owner=run, output=taken[1].output)
    course.open(run.inner)


def _begin_call(course: WalkState, run: NodeRun, node: CallNode) -> None:
    run.state = "open"
    try:
        given = render_value(node.inputs, course.context(run))
    except LanguageError as problem:
        course.settle(run, "failed", error=error_of(problem, "with"))
        return
    inputs = with_defaults(node.plan.defaults, given if isinstance(given, dict) else {})
    if wrong := problems(node.plan.input_schema, inputs):
        said = "; ".join(f"{place.removeprefix('/') or 'inputs'}: {message}" for place, message in wrong)
        course.settle(run, "failed", error={"code": "invalid_inputs", "message": f"with: {said}"})
        return
    run.inner = BlockRun(block=node.plan.block, scope=run.scope.call(run.path, inputs), owner=run)
    course.open(run.inner)


def go_on(course: WalkState, run: NodeRun) -> None:
    """What it waited for has come."""
    if isinstance(run.node, ReviewNode):
        _begin_review(course, run)
    else:
        begin_task(course, run)


def _holds(condition: Expression, context: JsonObject) -> bool:
    value = condition.evaluate(context)
    if not isinstance(value, bool):
        raise LanguageError("type", f"a condition is true or false, this one is {value!r:.60}", stage="run")
    return value
