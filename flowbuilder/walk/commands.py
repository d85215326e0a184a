"""What a walk says is to be done next. Nothing here does anything."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Decision
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.nodes import ReviewNode, TaskNode
from flowbuilder.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class Start:
    """Run a task. `context` holds only what its templates can see and do use.

    `top` is the id of the step at the top of the workflow that it is or lies in; `upstream` are the StepPaths of the
    tasks and reviews whose results it waited for. `decision` answers the review that its last run asked for.
    """

    path: str
    node: TaskNode
    context: JsonObject
    top: str
    upstream: tuple[str, ...] = ()
    decision: Decision | None = None
    asks: int = 0
    """How many reviews its earlier runs have asked for: the next one is at `ask_path(path, asks)`."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Open a review at `path`, unless it is open already, and wait for its decision."""

    path: str
    node: ReviewNode | TaskNode
    context: JsonObject
    round: int = 1
    top: str = ""
    upstream: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Withdraw:
    """Close the open review at `path`: what it asks about is being made anew."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something the walk decided by itself, worth an event. Every replay of the walk notes it again."""

    event: NewEvent


Action = Start | Ask | Withdraw | Note


@dataclass(frozen=True, kw_only=True)
class Finish:
    """How the walk ended: with `outputs`, or with `error` as `{code, message, path}`."""

    outputs: Json = None
    error: JsonObject | None = None


@dataclass(frozen=True, kw_only=True)
class StepView:
    """Where one step stands, for people: its status is that of `steps.<id>.status`, or pending, running, waiting."""

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
    """Where a task's review lives: its first at the task's own path, the next ones at `path~2`, `path~3` ..."""
    return StepPath(path).review(asks + 1)
