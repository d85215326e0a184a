"""The commands that a walk emits, its result, and the status view of a step. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Decision
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.nodes import Node, ReviewNode, TaskNode
from flowbuilder.values import Json, JsonObject, Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Unproven:
    """A text that a publishing step is about to send and that was made from untrusted text.

    It must be one of the `approved` values, or a part of one: what reviewers approved on its way; or one of `trusted`:
    what the step publishes instead where there is no such text. Of a list, each item must be. `trail` says where it
    comes from: `body <- write <- page (web page)`.
    """

    place: Place
    trail: str
    approved: tuple[Json, ...] = ()
    trusted: tuple[Json, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Start:
    """Run a task. `context` holds only the names that its templates see and use.

    `top` is the id of the step at the top of the workflow that it is or lies in; `upstream` are the StepPaths of the
    tasks and reviews whose results it waited for. `decision` is that of the review that its last run asked for.
    """

    path: str
    node: TaskNode
    context: JsonObject
    top: str
    upstream: tuple[str, ...] = ()
    unproven: tuple[Unproven, ...] = ()
    proven: tuple[Place, ...] = ()
    """The texts that it publishes and that were made from trusted text only: nothing in them needs an approval."""
    decision: Decision | None = None
    asks: int = 0
    """The number of reviews that its earlier runs have asked for: the next one is at `ask_path(path, asks)`."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Open a review at `path`, unless it is open already, and wait for its decision."""

    path: str
    node: ReviewNode | TaskNode
    context: JsonObject
    round: int = 1
    targets: tuple[str, ...] = ()
    """The URLs to which what is approved is published, as far as they are known."""
    top: str = ""
    upstream: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Withdraw:
    """Close the open review at `path`, because its proposal is being replaced, or its decision is no longer needed."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Note:
    """Record an event about a decision of the walk. Every walk of the same execution emits it again."""

    event: NewEvent


Command = Start | Ask | Withdraw | Note


@dataclass(frozen=True, kw_only=True)
class Finish:
    """The result of the walk: `outputs`, or `error` as `{code, message, path}`."""

    outputs: JsonObject | None = None
    error: JsonObject | None = None


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a step run is given: its node, the names that its templates see, and which of the `inputs` among them are
    sensitive."""

    node: Node
    context: JsonObject
    sensitive: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class StepView:
    """The status of one step, for display. `status` is that of `steps.<id>.status`, or pending, running or waiting."""

    path: str
    id: str
    type: str
    name: str
    status: str
    output: Json = None
    error: JsonObject | None = None
    reason: str = ""
    inside: tuple[StepView, ...] = field(default=())


def ask_path(path: str, asks: int) -> str:
    """The path of the next review of a task that has asked for `asks`: its own path, then `path~2`, `path~3` ..."""
    return StepPath(path).review(asks + 1)
