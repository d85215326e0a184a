"""Provenance: which untrusted step runs of this execution a text was made from, and what a publishing step may send.

The linter proves the same from shapes before a run. This is the second guard: it uses the values of the execution, so
that a mistake of the linter publishes nothing. Only plans that have a publishing step pay for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.analysis.taint.sources import CLEAN, PREVIOUS_ROUND, Mark, Marks, Sources
from flowbuilder.language import Expression, Template
from flowbuilder.model.review import Decision
from flowbuilder.plan.nodes import BranchNode, CallNode, LoopNode, Plan, ReviewNode, TaskNode
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.fields import texts_in
from flowbuilder.steps.step import Step
from flowbuilder.values import Json, JsonObject, Place
from flowbuilder.walk.commands import Unproven
from flowbuilder.walk.marked_values import Tree
from flowbuilder.walk.runs import BlockRun, ItemRun, LoopRun, NodeRun
from flowbuilder.walk.scope import Scope, rendered_targets
from flowbuilder.walk.text_provenance import read_marks, result_of

_FEEDBACK: Tree = {"previous": frozenset((Mark(PREVIOUS_ROUND),))}


@dataclass(kw_only=True)
class Provenance:
    """The provenance of the step runs of one walk, computed when a publishing step is about to start."""

    plan: Plan
    decisions: Mapping[str, Decision]
    sources: Sources = field(default_factory=Sources)
    reviews: dict[str, NodeRun] = field(default_factory=dict)
    """The decided reviews by StepPath."""

    @property
    def enabled(self) -> bool:
        """Whether the plan has a publishing step."""
        return self.plan.publishes

    @property
    def words(self) -> frozenset[str]:
        """The words of closed lists in the definition: text that consists of one of them is not marked."""
        return self.plan.closed_words

    def of_published(self, run: NodeRun, context: JsonObject) -> tuple[tuple[Unproven, ...], tuple[Place, ...]]:
        """The texts that a task is about to publish in this context and that a reviewer must have approved, and the
        places of those that were made from trusted text only. A program is never approved: reviewers read texts."""
        node = run.node
        if not (self.enabled and isinstance(node, TaskNode) and node.step.guarded_texts):
            return (), ()
        trees = self._trees(run.scope)
        found: list[Unproven] = []
        proven: list[Place] = []
        targets: tuple[Json, ...] = ()
        # URLs come last: those that the reviewers of the content were shown are approved too
        for place, text, sink in sorted(node.step.guarded_texts, key=lambda own: own[2] == "host"):
            result = result_of(text, context, trees, self.words)
            marks = result.marks(self.words)
            read = (
                run.scope.run(str(ref.path[1])) for ref in text.references if ref.path[0] == "steps" and ref.path[1:]
            )
            reviews = self._approving(marks, (other.path for other in read if other is not None))
            if sink == "publish":
                targets += tuple(url for review in reviews for url in self._targets(review))
            if self.sources.shortest_trail(marks, node.waived) is None:
                proven.append(place)
                continue
            approved: tuple[Json, ...] = (*(self.decisions[review.path].approved for review in reviews),)
            approved = () if sink == "code" else approved + targets * (sink == "host")
            trusted = tuple(read.value for read in result.reads if not read.tree)
            for part, of_part in result.parts(self.words):
                if (trail := self.sources.shortest_trail(of_part, node.waived)) is not None:
                    at = (*place, *part)
                    shown = f"{'.'.join(map(str, at))} <- {trail}"
                    found.append(Unproven(place=at, trail=shown, approved=approved, trusted=trusted))
        return tuple(found), tuple(proven)

    def settle_item(self, item: ItemRun, *, failed: bool) -> None:
        """Keep the provenance of an item that ends: its runs are dropped."""
        if not self.enabled or item.block is None:
            return
        node, block = item.loop.node, item.block
        context, trees = item.scope.full_context(item.feedback), self._trees(item.scope)
        output: Tree = CLEAN
        if not failed and node.output is not None:
            output = self._tree(node.output, context, trees)
        elif not failed:
            output = self.output_marks(next(reversed(block.runs.values())))
        kept: dict[str | int, Tree] = {
            "output": output,
            "key": CLEAN if node.key is None else self._tree(node.key, context, trees),
            "error": self._failures(block) | self._quoted([node.key, node.output], context, trees) if failed else CLEAN,
        }
        if any(kept.values()):
            item.loop.item_marks[item.index] = kept

    def _approving(self, marks: Marks, read: Iterable[str]) -> list[NodeRun]:
        """The approved reviews among these step runs and those that marked text has passed."""
        seen = {*read, *(mark.step for mark in marks)}
        pending = deque(sorted(seen))
        found: list[NodeRun] = []
        while pending:
            step = pending.popleft()
            review, decision = self.reviews.get(step), self.decisions.get(step)
            if review is not None and decision is not None and decision.kind == "approved":
                found.append(review)
            new = {mark.step for mark in self.sources.made_from.get(step, CLEAN)} - seen
            seen |= new
            pending.extend(sorted(new))
        return found

    def _targets(self, review: NodeRun) -> tuple[str, ...]:
        """The URLs that the reviewer was shown."""
        node = review.node
        context = review.scope.context(node, review.feedback)
        return rendered_targets(node, context) if isinstance(node, ReviewNode) else ()

    def _trees(self, scope: Scope) -> dict[str, Tree]:
        """The marks on the names in scope."""
        return {**self._names(scope), "steps": _StepMarks(self, scope), "feedback": _FEEDBACK}

    def _names(self, scope: Scope) -> Mapping[str, Tree]:
        """The marks on the items and inputs in scope."""
        if scope.marks is None:
            holder = scope.holder
            made: dict[str, Tree] = {}
            if isinstance(holder, LoopRun):
                name, index = holder.node.item_name, scope.index
                made = {**self._names(holder.scope), "loop": CLEAN, name: self._item(holder, index)}
            elif holder is not None and isinstance(holder.node, CallNode):
                given = holder.node.inputs
                context = holder.scope.context(holder.node, holder.feedback)
                made = {"inputs": self._tree(given, context, self._trees(holder.scope))}
            scope.marks = made
        return scope.marks

    def _item(self, loop: LoopRun, index: int) -> Tree:
        if loop.over_marks is None:
            context = loop.scope.context(loop.node, loop.feedback)
            loop.over_marks = self._tree(loop.node.over, context, self._trees(loop.scope))
        marks = loop.over_marks
        return marks if isinstance(marks, frozenset) else marks.get(index, CLEAN)

    def output_marks(self, run: NodeRun) -> Tree:
        """The marks on a settled run's output."""
        if run.output_marks is None:
            # the runs before it first, in the order in which they depend on each other: the depth of calls stays small
            for before in run.block.runs.values():
                if before is run:
                    break
                if before.settled and before.output_marks is None:
                    before.output_marks = self._made(before)
            run.output_marks = self._made(run)
        return run.output_marks

    def _made(self, run: NodeRun) -> Tree:
        if run.status != "completed":
            return CLEAN  # skipped, or the author's own value of `continue_with`
        context = run.scope.context(run.node, run.feedback)
        match run.node:
            case TaskNode(step=step):
                return self._task_mark(run, step) or self._url_marks(run, step)
            case BranchNode() if run.inner is not None:
                inside = run.inner.scope.full_context(run.feedback)
                return self._tree(run.inner.output, inside, self._trees(run.inner.scope))
            case CallNode(plan=plan) if run.inner is not None:
                return self._tree(plan.outputs, run.inner.scope.full_context(), self._trees(run.inner.scope))
            case LoopNode() if isinstance(run, LoopRun):
                return _loop_tree(run)
        if isinstance(run.node.step, HumanReview):
            self.reviews[run.path] = run
            proposal = self._marks(run.node.step.proposal, context, self._trees(run.scope))
            if proposal:
                self.sources.reviews.add(run.path)
                self.sources.made_from[run.path] = proposal
                return {"approved": frozenset((Mark(run.path),))}
        return CLEAN

    def _task_mark(self, run: NodeRun, step: Step) -> Marks:
        """The mark of a task whose output may hold untrusted text."""
        if (source := step.untrusted_source()) is not None:
            self.sources.origins[run.path] = source
        elif step.carries and (made_from := self._text_marks(run)):
            self.sources.made_from[run.path] = made_from
        else:
            return CLEAN
        return frozenset((Mark(run.path),))

    def _url_marks(self, run: NodeRun, step: Step) -> Tree:
        """The marks on the URL that a read of the site's own content returns; that of a write has been approved."""
        if step.has_effect() or not any(step.urls()):
            return CLEAN
        context = run.scope.context(run.node, run.feedback)
        marks = self._marks([url for _, url in step.urls()], context, self._trees(run.scope))
        return {"url": marks} if marks else CLEAN

    def error_marks(self, run: NodeRun) -> Tree:
        """The marks on a failed run's error: a message may quote what the step, or one inside it, was given."""
        if not run.error:
            return CLEAN
        texts = [text for _, text, _ in run.node.step.own_texts]
        marks = self._quoted(texts, run.scope.context(run.node, run.feedback), self._trees(run.scope))
        if isinstance(run.node, TaskNode):
            marks |= self._task_mark(run, run.node.step)
        elif isinstance(run, LoopRun):
            errors = (item["error"] for item in run.item_marks.values())
            marks = marks.union(*(error for error in errors if isinstance(error, frozenset)))
        elif run.inner is not None:
            inside = run.inner.scope
            outputs = run.node.plan.outputs if isinstance(run.node, CallNode) else None
            marks |= self._failures(run.inner) | self._quoted(outputs, inside.full_context(), self._trees(inside))
        return {key: CLEAN if key in ("code", "path") else marks for key in run.error}

    def _failures(self, block: BlockRun) -> Marks:
        marks = CLEAN
        for run in block.runs.values():
            tree = self.error_marks(run) if run.status == "failed" else CLEAN
            if not isinstance(tree, frozenset):
                marks = marks.union(*(inner for inner in tree.values() if isinstance(inner, frozenset)))
        return marks

    def _text_marks(self, run: NodeRun) -> Marks:
        """The marks on the values of a step's own texts, except its condition."""
        texts = [text for place, text, _ in run.node.step.own_texts if place != ("when",)]
        return self._marks(texts, run.scope.context(run.node, run.feedback), self._trees(run.scope))

    def _quoted(self, value: Any, context: JsonObject, trees: Mapping[str, Tree]) -> Marks:
        """The marks on all that the texts of a compiled value read: their error messages may quote it."""
        return CLEAN.union(*(read_marks(text, context, trees, self.words) for _, text in texts_in(value, ())))

    def _tree(self, value: Any, context: JsonObject, trees: Mapping[str, Tree]) -> Tree:
        """The marks on a compiled value, by member."""
        if isinstance(value, (Template, Expression)):
            return result_of(value, context, trees, self.words).tree(self.words)
        found: dict[str | int, Tree] = {}
        if isinstance(value, Mapping):
            found = {str(key): self._tree(inner, context, trees) for key, inner in value.items()}
        elif isinstance(value, (list, tuple)):
            found = {index: self._tree(inner, context, trees) for index, inner in enumerate(value)}
        return found if any(found.values()) else CLEAN

    def _marks(self, value: Any, context: JsonObject, trees: Mapping[str, Tree]) -> Marks:
        """The marks on the texts of a compiled value, as a whole."""
        texts = (result_of(text, context, trees, self.words) for _, text in texts_in(value, ()))
        return CLEAN.union(*(result.marks(self.words) for result in texts))


@dataclass(frozen=True)
class _StepMarks(Mapping[str | int, Tree]):
    """The marks on `steps` in a scope, computed for the steps that are read."""

    provenance: Provenance
    scope: Scope

    def __getitem__(self, step_id: str | int) -> Tree:
        run = self.scope.run(str(step_id))
        if run is None or not run.settled:
            raise KeyError(step_id)
        try:
            return {"output": self.provenance.output_marks(run), "error": self.provenance.error_marks(run)}
        except KeyError as problem:  # a defect: a reader of the mapping would take it for a step without marks
            raise RuntimeError(f"the provenance of {run.path} cannot be computed") from problem

    def __iter__(self) -> Iterator[str | int]:
        scope: Scope | None = self.scope
        while scope is not None:
            yield from scope.steps
            scope = scope.parent

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _loop_tree(run: LoopRun) -> Tree:
    """The marks on `{items, outputs}` of an iteration."""
    drop = run.node.on_item_error == "drop"
    items: dict[str | int, Tree] = {}
    outputs: dict[str | int, Tree] = {}
    position = completed = 0
    for index in sorted(run.done_items):
        done = run.done_items[index]["status"] == "completed"
        marks = run.item_marks.get(index)
        if marks is not None and (done or not drop):
            items[position] = marks
        if marks is not None and done:
            outputs[completed] = marks["output"]
        position += done or not drop
        completed += done
    return {"items": items, "outputs": outputs} if items or outputs else CLEAN
