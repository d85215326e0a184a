"""`run_locally`: runs a definition in this process against fakes and answers its reviews."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flowbuilder.app import App
from flowbuilder.engine.driver import RunResult
from flowbuilder.engine.history import iter_events
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution, Outcome, Status
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import NO_EDIT
from flowbuilder.model.review_rules import Answer as ReviewAnswer
from flowbuilder.ports import Ports, Store
from flowbuilder.settings import Settings
from flowbuilder.testing.fakes import fake_ports
from flowbuilder.testing.memory_store import MemoryStore
from flowbuilder.values import Json, JsonObject

AUTHOR = "author@example.com"
"""Who pushes the documents that `run_locally` runs."""
Verb = Literal["approve", "reject", "request-changes", "withdraw"]
_KINDS: dict[str, DecisionKind] = {
    "approve": "approved",
    "reject": "rejected",
    "request-changes": "changes_requested",
    "withdraw": "withdrawn",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to a review; `edited` replaces the proposal when it is not None."""

    verb: Verb
    comment: str = "because the test says so"
    edited: Json = None


Decide = Mapping[str, Verb | Answer] | Callable[[Review], Verb | Answer | None]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """An execution after `run_locally`: ended, or waiting for reviews without an answer."""

    execution: Execution
    events: tuple[Event, ...]
    outcomes: Mapping[str, Outcome]
    waiting: tuple[Review, ...]
    reviews: tuple[Review, ...]
    store: Store
    app: App

    @property
    def status(self) -> Status:
        """The execution's status."""
        return self.execution.status

    @property
    def outputs(self) -> Any:
        """The workflow's outputs; None unless completed."""
        return self.execution.outputs

    @property
    def error(self) -> JsonObject | None:
        """The error, as `{code, message, path}`."""
        return self.execution.error


def run_locally(
    document: str | Mapping[str, Json],
    inputs: JsonObject | None = None,
    *,
    decide: Decide | None = None,
    ports: Ports | None = None,
    store: Store | None = None,
    site: JsonObject | None = None,
    called: tuple[str | Mapping[str, Json], ...] = (),
) -> Finished:
    """Run a definition in this process against fakes, deciding its reviews as `decide` says.

    `decide` maps StepPaths to answers, or is called for each open review and returns None to leave it open. `called`
    are the documents of the workflows that it calls. `DefinitionError` when a document has errors.
    """
    outside = ports or fake_ports()
    chosen = store or MemoryStore(clock=outside.clock)
    runner = LocalRunner(chosen, outside)
    app = App(chosen, runner, Settings(), plans=runner.plans)
    if site is not None:
        chosen.save_site(str(site["site"]), site)
    for other in called:
        app.publish(app.push(other, author=AUTHOR).workflow)
    version = app.push(document, author=AUTHOR)
    name = str(site["site"]) if site else None
    execution_id = app.start(version.workflow, inputs or {}, site=name, version=version.number)
    asyncio.run(_run(app, runner, execution_id, decide))
    execution = chosen.execution(execution_id)
    reviews = app.reviews_of(execution_id)
    return Finished(
        execution=execution,
        events=tuple(iter_events(chosen, execution_id)),
        outcomes={outcome.path: outcome for outcome in chosen.outcomes(execution_id)},
        waiting=tuple(review for review in reviews if review.status == "open"),
        reviews=reviews,
        store=chosen,
        app=app,
    )


async def _run(app: App, runner: LocalRunner, execution_id: str, decide: Decide | None) -> RunResult:
    while True:
        result = await runner.run(execution_id)
        if result.status != "waiting" or not _decide_all(app, execution_id, decide):
            return result


def _decide_all(app: App, execution_id: str, decide: Decide | None) -> bool:
    decided = False
    for review in app.open_reviews_of(execution_id):
        answer = decide(review) if callable(decide) else (decide or {}).get(review.path)
        if answer is None:
            continue
        given = Answer(verb=answer) if isinstance(answer, str) else answer
        app.decide(
            review.id,
            ReviewAnswer.to(
                review,
                kind=_KINDS[given.verb],
                by="tester@localhost",
                comment=given.comment,
                edited=NO_EDIT if given.edited is None else given.edited,
            ),
        )
        decided = True
    return decided
