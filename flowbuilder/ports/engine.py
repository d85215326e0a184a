"""Ports of the engine: starting and waking executions; the effect ledger and the journal of a step run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from flowbuilder.model.effect import Effect, Intent
from flowbuilder.values import Json, JsonObject

if TYPE_CHECKING:
    from flowbuilder.model.review import Decision


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """Which version to run, with checked inputs; `draft` when the version is not published.

    The same `key` starts the same execution, also after a crash in the middle.
    """

    workflow: str
    version: int
    inputs: JsonObject
    site: str | None = None
    draft: bool = False
    key: str | None = None


class Engine(Protocol):
    """Runs executions: Prefect in production, this process with `--local`, a list in tests."""

    def start(self, request: StartRequest) -> str:
        """Start an execution; returns its id."""

    def wake(self, execution_id: str) -> None:
        """Ask a worker to resume the execution. A hint: a lost one only costs time."""

    def cancel(self, execution_id: str) -> None:
        """Ask for the execution to be cancelled."""


class Ledger(Protocol):
    """The effect ledger of one step run, bound to its execution and lease."""

    async def begin(self, intent: Intent) -> Effect:
        """Commit the intent before the call; an effect that is done already is returned with its receipt.

        An effect begun earlier is returned with the number of reviews that were answered then; that of the intent is
        stored. The inverse of the intent, if it has one, replaces the stored one until the effect is done.
        """

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None:
        """The call succeeded."""

    async def unknown(self, key: str, *, reason: str, asked: int | None = None) -> None:
        """A call was made, and its outcome is unknown. `asked` replaces what `begin` has stored, where this call did
        nothing and an earlier one is in doubt."""

    async def refused(self, key: str, *, reason: str) -> None:
        """The target certainly did nothing."""

    async def approved(self, *content_hashes: str) -> bool:
        """Whether reviewers of this execution approved all contents with these sha256."""

    async def approvals(self, *content_hashes: str) -> Mapping[str, Sequence[Decision]]:
        """The decisions of this execution that approve each of the contents with these sha256, oldest first. A content
        that no one approved is not in it."""


@dataclass(frozen=True, kw_only=True)
class StepMemo:
    """A recorded answer of a model or a tool within a step run, and when it was recorded."""

    answer: JsonObject
    at: datetime


class Journal(Protocol):
    """Memoised answers of models and tools within one step run, each stored before it is used.

    A step run that is repeated, after a crash or in a retry, gets the stored answers: nothing is paid for twice.
    """

    async def get_or_ask(self, request: Json, ask: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        """The stored answer to a request, else that of `ask`, stored first. Repeated requests of one run are counted:
        each has an answer of its own."""
        ...
