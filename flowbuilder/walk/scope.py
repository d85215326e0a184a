"""Scopes: the names that templates see at one level of a walk, and the StepPaths of the steps there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowbuilder.errors import LanguageError
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.nodes import BranchNode, Node, ReviewNode
from flowbuilder.steps.step import render_url
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.marked_values import Tree

if TYPE_CHECKING:
    from flowbuilder.walk.runs import NodeRun


@dataclass(kw_only=True)
class Scope:
    """The names at the top of a workflow, inside one item of an iteration, or inside a called workflow.

    `place` is the StepPath of the level: empty, `pages[3]`, `child`. The branches of a conditional share the scope that
    the conditional is in.
    """

    place: str
    names: JsonObject
    parent: Scope | None = None
    holder: NodeRun | None = None
    """The run of the iteration or call that this scope is inside of; None at the top."""
    index: int = 0
    """The index of the item, inside an iteration."""
    steps: dict[str, JsonObject] = field(default_factory=dict)
    """The value of `steps.<id>` for each settled step of this level."""
    runs: dict[str, NodeRun] = field(default_factory=dict)
    """The present run of each step of this level that has one."""
    marks: dict[str, Tree] | None = None
    """The provenance of the items and inputs in scope, once it is computed."""
    rounds: dict[str, int] = field(default_factory=dict)
    """The current round of each step that is not in its first."""
    feedback: dict[str, JsonObject] = field(default_factory=dict)
    """The feedback of the reviewer who requested the current round, by step."""
    changes_requested: dict[str, int] = field(default_factory=dict)
    """The number of requests for changes, by review."""

    def path(self, node_id: str) -> str:
        """The StepPath of a step in this scope, in its current round: `draft`, `draft#2`."""
        return StepPath(self.place).step(node_id, self.rounds.get(node_id, 1))

    def step(self, node_id: str) -> JsonObject | None:
        """The value of `steps.<id>`: `{status, output, error}`, without `output` where it failed or was skipped; None
        while the step is not settled."""
        found = self.steps.get(node_id)
        return found if found is not None or self.parent is None else self.parent.step(node_id)

    def run(self, node_id: str) -> NodeRun | None:
        """The present run of a step in scope; None for a step in a branch that was not taken."""
        found = self.runs.get(node_id)
        return found if found is not None or self.parent is None else self.parent.run(node_id)

    def context(self, node: Node, feedback: JsonObject | None) -> JsonObject:
        """The names in scope, with only those `steps` that the node uses."""
        steps = {name: entry for name in node.uses if (entry := self.step(name)) is not None}
        return {**self.names, "steps": steps, "feedback": feedback}

    def full_context(self, feedback: JsonObject | None = None) -> JsonObject:
        """The names in scope, with every settled step."""
        levels: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            levels.append(scope)
            scope = scope.parent
        steps: JsonObject = {}
        for scope in reversed(levels):
            steps.update(scope.steps)
        return {**self.names, "steps": steps, "feedback": feedback}

    def begin_round(self, node: Node, feedback: JsonObject) -> None:
        """Begin the next round of a node and of all nodes in its branches: their results are removed."""
        self.rounds[node.id] = self.rounds.get(node.id, 1) + 1
        self.feedback[node.id] = feedback
        self.steps.pop(node.id, None)
        if isinstance(node, BranchNode):
            for arm in node.arms:
                for inner in arm.block:
                    self.begin_round(inner, feedback)

    def item(self, loop: NodeRun, names: Mapping[str, Json], index: int) -> Scope:
        """The scope of one item: all names of this one and the item's own."""
        place = StepPath(loop.path).item(index)
        return Scope(place=place, names={**self.names, **names}, parent=self, holder=loop, index=index)

    def call(self, caller: NodeRun, inputs: JsonObject) -> Scope:
        """The scope of a called workflow: inputs and steps of its own."""
        kept = {name: self.names[name] for name in ("site", "execution")}
        return Scope(place=caller.path, names={**kept, "inputs": inputs}, holder=caller)


def rendered_targets(node: ReviewNode, context: JsonObject) -> tuple[str, ...]:
    """The URLs to which what a review approves is published; those that cannot be rendered are left out."""
    found: dict[str, None] = {}
    for target in node.targets:
        try:
            url = render_url(target, context)
        except LanguageError:
            continue
        if isinstance(url, str) and url:
            found[url] = None
    return tuple(found)
