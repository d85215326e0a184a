"""The walk: given a plan and what has happened so far, what is to be done next. Pure: no clock, no input or output.

A walk holds all semantics of an execution. It is a function of a plan, its inputs, the *outcomes* of step runs and
the *decisions* of reviews, both by StepPath: whatever the order in which they become known, the walk stands at the
same place. So a worker that takes an execution up again makes a new walk of what the store remembers, and goes on.

    walk = Walk(plan, inputs=..., site=..., execution=..., outcomes=..., decisions=..., asked=...)
    while True:
        actions = walk.advance()          # Start, Ask, Withdraw, Note; each is given out once
        ...                               # do them; then tell:
        walk.finished(outcome)            # a step run ended
        walk.decided(path, decision)      # a review was decided
        walk.result                       # Finish, once nothing is left to do

A step starts when all that it needs is settled. A skipped step counts as settled; a failed one stops what needs it,
unless it says `on_error`. When a step failed, what is independent of it still runs, then the walk fails.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from flowbuilder.actions import Action, Ask, Finish, Note, Standing, Start, Withdraw, ask_path
from flowbuilder.errors import LanguageError
from flowbuilder.events import EventType, NewEvent
from flowbuilder.execution import Outcome
from flowbuilder.language import Expression
from flowbuilder.plan import Arm, Block, Branch, Call, Loop, Node, Plan, Review, Task
from flowbuilder.review import Decision
from flowbuilder.runs import BlockRun, ItemRun, NodeRun, error_of, iteration_output, too_many_failed, with_defaults
from flowbuilder.scope import Scope
from flowbuilder.step import ContinueWith, ExecutionInfo, fill
from flowbuilder.values import Json, JsonObject

MAX_ITEMS = 100_000


class Walk:
    """Where an execution stands. See the module's docstring for how it is driven."""

    def __init__(
        self,
        plan: Plan,
        *,
        inputs: JsonObject,
        site: JsonObject | None = None,
        execution: ExecutionInfo,
        outcomes: Iterable[Outcome] = (),
        decisions: Mapping[str, Decision] | None = None,
        asked: Iterable[str] = (),
    ) -> None:
        self.plan = plan
        self.result: Finish | None = None
        self._outcomes = {outcome.path: outcome for outcome in outcomes}
        self._decisions = dict(decisions or {})
        self.asked = set(asked)
        """The paths of the reviews that were open when the walk was made, and of those that steps have asked for since."""
        self._actions: list[Action] = []
        self._work: deque[Any] = deque()
        self._launching: dict[NodeRun, None] = {}
        self._live: dict[str, NodeRun] = {}
        names: JsonObject = {
            "inputs": with_defaults(plan.defaults, inputs),
            "site": site or {},
            "execution": execution.json(),
        }
        self._root = BlockRun(block=plan.block, scope=Scope(prefix="", names=names))
        self._work.append((self._open, self._root))

    # --- what a driver calls --------------------------------------------------------------------------------------

    def advance(self) -> list[Action]:
        """The actions that have become possible since the last call, in a fixed order."""
        while self._work or self._launching:
            if self._work:
                job, *arguments = self._work.popleft()
                job(*arguments)
            else:  # what is begun goes on before anything new begins
                run = next(iter(self._launching))
                del self._launching[run]
                self._launch(run)
        actions, self._actions = self._actions, []
        return actions

    def finished(self, outcome: Outcome) -> None:
        """A step run that this walk started has ended."""
        self._outcomes[outcome.path] = outcome
        run = self._live.get(outcome.path)
        if run is not None and run.state == "running":
            self._leave(run)
            if outcome.status == "needs_review":
                self.asked.add(ask_path(run.path, run.asks))
                self._work.append((self._begin_task, run))
            else:
                self._work.append((self._apply, run, outcome))

    def failed_to_ask(self, outcome: Outcome) -> None:
        """A review could not be opened: its texts did not fill in."""
        self._outcomes[outcome.path] = outcome
        run = self._live.get(outcome.path)
        if run is not None and run.state == "waiting":
            self._work.append((self._apply, run, outcome))

    def decided(self, path: str, decision: Decision) -> None:
        """A review has its decision. Deciding one twice changes nothing."""
        if path in self._decisions:
            return
        self._decisions[path] = decision
        run = self._live.get(path.partition("~")[0])
        if run is not None and run.state == "waiting":
            start = self._begin_review if isinstance(run.node, Review) else self._begin_task
            self._work.append((start, run))

    @property
    def waiting(self) -> tuple[str, ...]:
        """The paths of the reviews that the walk waits for."""
        return tuple(sorted(ask_path(run.path, run.asks) for run in self._live.values() if run.state == "waiting"))

    @property
    def running(self) -> tuple[str, ...]:
        """The paths of the step runs that were given out and have not ended."""
        return tuple(sorted(run.path for run in self._live.values() if run.state == "running"))

    @property
    def progress(self) -> JsonObject:
        """`{done, total}` of the steps at the top."""
        runs = self._root.runs.values()
        return {"done": sum(run.settled for run in runs), "total": len(runs)}

    def conclude(self) -> Finish | None:
        """The result; a walk that has failed and only waits for people is over as well: nobody need answer."""
        if self.result is None and not self.running and not self._work:
            failed = self._root.doomed_by()
            if failed is not None:
                self.result = Finish(error={**(failed.error or {}), "path": failed.blame or failed.path})
        return self.result

    def standings(self) -> tuple[Standing, ...]:
        """Where every step stands, those inside iterations and called workflows included."""
        return self._root.standings()

    # --- blocks ---------------------------------------------------------------------------------------------------

    def _open(self, block: BlockRun) -> None:
        """Make the runs of a block and begin those that need nothing."""
        block.make_runs()
        for run in block.runs.values():
            if not run.missing:
                self._work.append((self._begin, run))
        if not block.runs:
            self._work.append((self._block_settled, block))

    def _block_settled(self, block: BlockRun) -> None:
        owner = block.owner
        if block.abandoned:
            return
        failed = next((run for run in block.runs.values() if run.failed), None)
        error = {**(failed.error or {}), "path": failed.blame or failed.path} if failed else None
        if owner is None:
            self._finish(error)
        elif isinstance(owner, ItemRun):
            self._item_settled(owner, error)
        elif error:
            self._settle(owner, "failed", error=error, blame=str(error["path"]))
        elif isinstance(owner.node, Call):
            self._evaluate_into(owner, owner.node.plan.outputs, block.scope.whole())
        else:
            self._evaluate_into(owner, block.output, block.scope.whole(self._feedback(owner)))

    def _finish(self, error: JsonObject | None) -> None:
        if error is not None:
            self.result = Finish(error=error)
            return
        try:
            self.result = Finish(outputs=fill(self.plan.outputs, self._root.scope.whole()))
        except LanguageError as problem:
            self.result = Finish(error={**error_of(problem), "path": "outputs"})

    # --- nodes ----------------------------------------------------------------------------------------------------

    def _begin(self, run: NodeRun) -> None:
        """All that the node needs is settled: skip it, or begin it."""
        if run.gone or run.state != "pending":
            return
        if run.blocked_by:
            self._skip(run, f"needs {run.blocked_by}, which failed", blocked=True)
            return
        if run.node.when is not None:
            try:
                if not _holds(run.node.when, run.scope.context(run.node, self._feedback(run))):
                    self._skip(run, f"when: {run.node.when.source}")
                    return
            except LanguageError as problem:
                self._settle(run, "failed", error=error_of(problem, "when"))
                return
        self._live[run.path] = run
        match run.node:
            case Task():
                self._begin_task(run)
            case Review():
                self._begin_review(run)
            case Branch():
                self._begin_branch(run, run.node)
            case Loop():
                self._begin_loop(run, run.node)
            case Call():
                self._begin_call(run, run.node)

    def _begin_task(self, run: NodeRun) -> None:
        if run.gone:
            return
        outcome = self._outcomes.get(run.path)
        if outcome is not None and outcome.status != "needs_review":
            self._apply(run, outcome)
            return
        decision: Decision | None = None
        while (answer := self._decisions.get(ask_path(run.path, run.asks))) is not None:
            decision, run.asks = answer, run.asks + 1
        if ask_path(run.path, run.asks) in self.asked:
            run.state = "waiting"
            return
        if not self._enter(run):
            run.state = "held"
            return
        run.state = "running"
        self._actions.append(
            Start(
                path=run.path,
                node=_task(run.node),
                context=run.scope.context(run.node, self._feedback(run)),
                top=run.top,
                upstream=run.upstream(),
                decision=decision,
                asks=run.asks,
            )
        )

    def _begin_review(self, run: NodeRun) -> None:
        node = run.node
        if run.gone or not isinstance(node, Review):
            return
        failure = self._outcomes.get(run.path)
        decision = self._decisions.get(run.path)
        if failure is not None and failure.status == "failed":
            self._apply(run, failure)
        elif decision is None:
            run.state = "waiting"
            self._actions.append(
                Ask(
                    path=run.path,
                    node=node,
                    context=run.scope.context(node, self._feedback(run)),
                    round=run.scope.requested.get(node.id, 0) + 1,
                    top=run.top,
                    upstream=run.upstream(),
                )
            )
        elif (
            decision.kind == "changes_requested"
            and node.rewind_to is not None
            and run.scope.requested.get(node.id, 0) < node.max_rounds
        ):
            self._rewind(run, node.rewind_to, decision)
        else:
            self._settle(
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

    def _begin_branch(self, run: NodeRun, node: Branch) -> None:
        run.state = "open"
        context = run.scope.context(node, self._feedback(run))
        taken: tuple[int, Arm] | None = None
        try:
            for index, arm in enumerate(node.arms):
                if arm.when is None or _holds(arm.when, context):
                    taken = index, arm
                    break
        except LanguageError as problem:
            for arm in node.arms:
                self._skip_block(arm.block, run, f"{node.id} failed")
            self._settle(run, "failed", error=error_of(problem, "branches"))
            return
        for index, arm in enumerate(node.arms):
            if taken is None or index != taken[0]:
                self._skip_block(arm.block, run, f"{node.id} took another branch")
        label: Json = None if taken is None else ("else" if taken[1].when is None else taken[0])
        self._note("branch_taken", run.path, {"branch": label})
        if taken is None:
            self._settle(run, "completed", None)
            return
        run.inner = BlockRun(block=taken[1].block, scope=run.scope, owner=run, output=taken[1].output)
        self._open(run.inner)

    def _begin_call(self, run: NodeRun, node: Call) -> None:
        run.state = "open"
        try:
            given = fill(node.inputs, run.scope.context(node, self._feedback(run)))
        except LanguageError as problem:
            self._settle(run, "failed", error=error_of(problem, "with"))
            return
        inputs = with_defaults(node.plan.defaults, given if isinstance(given, dict) else {})
        run.inner = BlockRun(block=node.plan.block, scope=run.scope.call(run.path, inputs), owner=run)
        self._open(run.inner)

    # --- iterations -----------------------------------------------------------------------------------------------

    def _begin_loop(self, run: NodeRun, node: Loop) -> None:
        run.state = "open"
        try:
            over = node.over.evaluate(run.scope.context(node, self._feedback(run)))
        except LanguageError as problem:
            self._settle(run, "failed", error=error_of(problem, "over"))
            return
        if not isinstance(over, list) or len(over) > MAX_ITEMS:
            message = f"over is not a list of at most {MAX_ITEMS} items"
            self._settle(run, "failed", error={"code": "type", "message": message})
            return
        run.items = over
        self._note("iteration_started", run.path, {"items": len(over)})
        self._launch(run)

    def _launch(self, run: NodeRun) -> None:
        """Begin items, and let held steps go, while there is room; settle the iteration when all is done."""
        if run.gone or run.state != "open" or not isinstance(run.node, Loop):
            return
        node = run.node
        while run.held and run.busy < node.max_concurrency:
            held = run.held.popleft()
            if not held.gone and held.state == "held":
                self._begin_task(held)
        while not run.stopped and run.next_item < len(run.items) and run.busy + run.fresh < node.max_concurrency:
            index = run.next_item
            run.next_item += 1
            value = run.items[index]
            loop: JsonObject = {
                "index": index,
                "number": index + 1,
                "first": index == 0,
                "last": index == len(run.items) - 1,
                "length": len(run.items),
            }
            scope = run.scope.item(run.path, {node.item_name: value, "loop": loop}, index)
            item = ItemRun(owner=run, index=index, scope=scope, feedback=self._feedback(run))
            run.open_items[index] = item
            run.fresh += 1
            self._work.append((self._open_item, item, node))
        if run.loop_done():
            self._loop_settled(run, node)

    def _open_item(self, item: ItemRun, node: Loop) -> None:
        item.owner.fresh -= 1
        if item.owner.gone or item.owner.settled:
            return
        try:
            item.key = node.key.evaluate(item.scope.whole(item.feedback)) if node.key else item.index
        except LanguageError as problem:
            self._item_settled(item, error_of(problem, "key"))
            return
        item.block = BlockRun(block=node.body, scope=item.scope, owner=item)
        self._open(item.block)
        self._launching[item.owner] = None

    def _item_settled(self, item: ItemRun, error: JsonObject | None) -> None:
        run, node = item.owner, item.owner.node
        if run.gone or run.settled or not isinstance(node, Loop):
            return
        output: Json = None
        if error is None and item.block is not None:
            try:
                if node.output is None:
                    output = next(reversed(item.block.runs.values())).output
                else:
                    output = fill(node.output, item.scope.whole(item.feedback))
            except LanguageError as problem:
                error = error_of(problem, "output")
        run.open_items.pop(item.index, None)
        run.done_items[item.index] = {
            "index": item.index,
            "key": item.key,
            "status": "failed" if error else "completed",
            "output": output,
            "error": error,
        }
        if error is not None:
            self._note("item_failed", run.path, {"index": item.index, "key": item.key, "error": error})
            run.failures += 1
            run.stopped = node.on_item_error == "fail" or too_many_failed(run.failures, node.max_failed, run.items)
        self._launching[run] = None

    def _loop_settled(self, run: NodeRun, node: Loop) -> None:
        if run.stopped:
            first = next(item for _, item in sorted(run.done_items.items()) if item["error"])
            code = "item_failed" if node.on_item_error == "fail" else "too_many_failed"
            where = f"{run.path}[{first['index']}]"
            message = f"{run.failures} of {len(run.items)} items failed; first {where}: {first['error']['message']}"
            self._settle(run, "failed", error={"code": code, "message": message}, blame=where)
        else:
            self._settle(run, "completed", iteration_output(run.done_items, drop=node.on_item_error == "drop"))

    # --- how a node ends ------------------------------------------------------------------------------------------

    def _apply(self, run: NodeRun, outcome: Outcome) -> None:
        if not run.gone and not run.settled:
            if outcome.status == "completed":
                self._settle(run, "completed", outcome.output)
            else:
                self._settle(run, "failed", error=outcome.error or {"code": "step_failed", "message": "failed"})

    def _evaluate_into(self, run: NodeRun, output: Any, context: JsonObject) -> None:
        try:
            self._settle(run, "completed", fill(output, context))
        except LanguageError as problem:
            self._settle(run, "failed", error=error_of(problem, "output"))

    def _settle(
        self, run: NodeRun, status: str, output: Json = None, *, error: JsonObject | None = None, blame: str = ""
    ) -> None:
        handled = run.node.step.on_error
        run.status, run.state, run.error, run.blame = status, "settled", error, blame
        run.failed = status == "failed" and handled == "fail"
        if status == "failed" and isinstance(handled, ContinueWith):
            output = handled.continue_with
        run.output = output
        entry: JsonObject = {"status": status, "error": error}
        if not run.failed:
            entry["output"] = output
        run.scope.steps[run.node.id] = entry
        self._after(run, blocks=run.failed)

    def _skip(self, run: NodeRun, reason: str, *, blocked: bool = False) -> None:
        run.status, run.state, run.reason = "skipped", "settled", reason
        run.scope.steps[run.node.id] = {"status": "skipped", "error": None}
        if isinstance(run.node, Branch):
            for arm in run.node.arms:
                self._skip_block(arm.block, run, reason)
        self._note("step_skipped", run.path, {"reason": reason})
        self._after(run, blocks=blocked)

    def _skip_block(self, block: Block, owner: NodeRun, reason: str) -> None:
        for node in block:
            owner.scope.steps[node.id] = {"status": "skipped", "error": None}
            self._note("step_skipped", owner.scope.path(node.id), {"reason": reason})
            if isinstance(node, Branch):
                for arm in node.arms:
                    self._skip_block(arm.block, owner, reason)

    def _after(self, run: NodeRun, *, blocks: bool) -> None:
        self._live.pop(run.path, None)
        block = run.block
        block.unsettled -= 1
        for waiting in block.dependents(run.node.id):
            waiting.missing -= 1
            if blocks and not waiting.blocked_by:
                waiting.blocked_by = run.blocked_by or run.node.id
            if not waiting.missing:
                self._work.append((self._begin, waiting))
        if not block.unsettled:
            self._work.append((self._block_settled, block))

    # --- rounds ---------------------------------------------------------------------------------------------------

    def _rewind(self, review: NodeRun, target: str, decision: Decision) -> None:
        """Run everything that depends on `target`, and itself, once more with the reviewer's feedback."""
        block = review.block
        while target not in block.runs and isinstance(block.owner, NodeRun):
            block = block.owner.block
        scope = review.scope
        scope.requested[review.node.id] = number = scope.requested.get(review.node.id, 0) + 1
        feedback: JsonObject = {
            "comment": decision.comment,
            "comments": list(decision.comments),
            "round": number + 1,
            "previous": (scope.entry(target) or {}).get("output"),
        }
        self._live.pop(review.path, None)
        again = [node for node in block.block if node.id in block.downstream(target)]
        for node in again:
            self._abandon(block.runs[node.id])
            scope.next_round(node, feedback)
        paths: list[Json] = []
        for node in again:
            block.replace(node)
            paths.append(block.runs[node.id].path)
        for node in again:
            block.recount(node.id)
            if not block.runs[node.id].missing:
                self._work.append((self._begin, block.runs[node.id]))
        self._note("round_started", review.path, {"round": number + 1, "rewind_to": target, "steps": paths})

    def _abandon(self, run: NodeRun) -> None:
        run.gone = True
        if run.state == "running":
            self._leave(run)
        if run.state == "waiting" and (path := ask_path(run.path, run.asks)) not in self._decisions:
            self._actions.append(Withdraw(path=path))
        self._live.pop(run.path, None)
        for block in run.blocks():
            block.abandoned = True
            for inner in block.runs.values():
                self._abandon(inner)

    # --- room in iterations ---------------------------------------------------------------------------------------

    def _enter(self, run: NodeRun) -> bool:
        """Take a place in every iteration around a step; False, and queued at the full one, when there is none."""
        items = run.items_around()
        for item in items:
            if not item.busy and item.owner.busy >= _loop(item.owner.node).max_concurrency:
                item.owner.held.append(run)
                return False
        for item in items:
            item.owner.busy += not item.busy
            item.busy += 1
        return True

    def _leave(self, run: NodeRun) -> None:
        for item in run.items_around():
            item.busy -= 1
            if not item.busy:
                item.owner.busy -= 1
                self._launching[item.owner] = None

    # --- small things ---------------------------------------------------------------------------------------------

    def _feedback(self, run: NodeRun) -> JsonObject | None:
        return run.scope.feedback.get(run.node.id) or run.block.inherited_feedback()

    def _note(self, kind: EventType, path: str, data: JsonObject) -> None:
        self._actions.append(Note(event=NewEvent(type=kind, path=path, data=data)))


def _holds(condition: Expression, context: JsonObject) -> bool:
    value = condition.evaluate(context)
    if not isinstance(value, bool):
        raise LanguageError("type", f"a condition is true or false, this one is {value!r:.60}", stage="run")
    return value


def _task(node: Node) -> Task:
    assert isinstance(node, Task)
    return node


def _loop(node: Node) -> Loop:
    assert isinstance(node, Loop)
    return node
