"""The application: the operations of the command line, the review app and the Python API."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from flowbuilder.analysis.linter import check
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.definition.serialize import pin_versions
from flowbuilder.definition.tool_pins import Pins, pins_of, with_pins
from flowbuilder.diagnostics import Report
from flowbuilder.engine.history import step_views
from flowbuilder.engine.inspection.step_detail import StepDetail, step_detail
from flowbuilder.engine.review_client import ensure_acceptable, open_reviews, present_reviewers, reviews_of
from flowbuilder.engine.start import complete_inputs, json_inputs
from flowbuilder.engine.stored_plans import PlanCache, definition_of, stored_workflows
from flowbuilder.errors import DefinitionError, NotFound, Refused, Unavailable
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution, Outcome, WorkflowSummary, WorkflowVersion
from flowbuilder.model.review import Review, ReviewPage
from flowbuilder.model.review_rules import Answer
from flowbuilder.model.reviewers import Reviewers, name_problem
from flowbuilder.plan.compiler import compile_plan
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Engine, ExecutionFilter, ReviewFilter, StartRequest, Store
from flowbuilder.settings import Settings
from flowbuilder.values import Json, JsonObject, digest
from flowbuilder.walk.commands import StepView

logger = logging.getLogger(__name__)

MAX_KEY_LENGTH = 200
"""The maximum length of an idempotency key, in characters."""


class App:
    """All operations. Every method raises only `FlowbuilderError` kinds, with messages for users."""

    def __init__(self, store: Store, engine: Engine, settings: Settings, *, plans: PlanCache | None = None) -> None:
        """`plans` shares the store's plan cache with the engine; without it the application has its own."""
        self.store = store
        self.plans = plans or PlanCache(store)
        self.engine = engine
        self.settings = settings

    # --- workflows ------------------------------------------------------------------------------------------------

    def validate(self, source: str | Mapping[str, Json]) -> tuple[Definition | None, Report]:
        """Load and check a document; called workflows are looked up in the store."""
        definition, report = load(source)
        if definition is not None:
            report += check(definition, workflows=stored_workflows(self.store))
        return definition, report

    def push(
        self, source: str | Mapping[str, Json], *, author: str = "", folder: Path | None = None
    ) -> WorkflowVersion:
        """Store a document as its workflow's draft; `DefinitionError` when it has errors. Prompt files are read from
        `folder`; what is stored has their texts, and is the source of the version. Called workflows that name no
        version are pinned to the one that is published now. Tools of MCP servers keep the pins of the newest version.
        """
        if author and (problem := name_problem(author)):
            raise Refused(f"the author's name {problem}")
        definition, report = load(source, folder=folder)
        if definition is None:
            raise DefinitionError(report)
        plan = compile_plan(definition, workflows=stored_workflows(self.store))
        document = with_pins(
            pin_versions(definition, self.store), definition, self._last_pins(definition.name), replace=False
        )
        version = self.store.save_version(
            name=definition.name,
            title=definition.title,
            document=document,
            source=source if isinstance(source, str) and not definition.has_prompt_files else "",
            digest=digest(document),
            author=author,
        )
        if version.digest == definition.digest:  # with versions pinned just now it would be another plan
            self.plans.add(version, plan)
        return version

    def pin_tools(self, name: str, pins: Pins, *, author: str = "") -> WorkflowVersion:
        """A draft: the newest version with these pins of MCP tools; that version itself when it has them already."""
        latest = self.store.latest_version(name)
        document = with_pins(latest.document, definition_of(latest), pins, replace=True)
        return self.store.save_version(
            name=name,
            title=latest.title,
            document=document,
            source=latest.source,
            digest=digest(document),
            author=author,
        )

    def _last_pins(self, name: str) -> Pins:
        try:
            return pins_of(definition_of(self.store.latest_version(name)))
        except (NotFound, DefinitionError):
            return {}

    def publish(self, name: str, number: int | None = None) -> WorkflowVersion:
        """Publish the newest draft, or the version given, after checking it against the workflows that it calls."""
        version = self.store.latest_version(name) if number is None else self.store.version(name, number)
        compile_plan(definition_of(version), workflows=stored_workflows(self.store))
        return self.store.publish(name, version.number)

    def archive(self, name: str) -> None:
        """Archive a workflow; its running executions continue."""
        self.store.archive(name)

    def workflows(self, *, include_archived: bool = False) -> Sequence[WorkflowSummary]:
        """All workflows, by name."""
        return self.store.workflows(include_archived=include_archived)

    def version(self, name: str, number: int | None = None) -> WorkflowVersion:
        """A version by number; without one the published version."""
        return self.store.version(name, number)

    def latest_version(self, name: str) -> WorkflowVersion:
        """The newest version of any status."""
        return self.store.latest_version(name)

    def versions(self, name: str) -> Sequence[WorkflowVersion]:
        """All versions, newest first."""
        return self.store.versions(name)

    def plan(self, version: WorkflowVersion) -> Plan:
        """The compiled plan of a version."""
        return self.plans.plan_of(version)

    # --- sites ----------------------------------------------------------------------------------------------------

    def sites(self) -> Sequence[JsonObject]:
        """The records of all sites."""
        return self.store.sites()

    def site(self, name: str) -> JsonObject:
        """One site's record."""
        return self.store.site(name)

    # --- executions -----------------------------------------------------------------------------------------------

    def start(
        self,
        workflow: str,
        inputs: JsonObject,
        *,
        site: str | None = None,
        version: int | None = None,
        key: str | None = None,
    ) -> str:
        """Start an execution of the published version, or of the version given; returns its id.

        A second start with the same idempotency `key` (1 to 200 characters) returns the id of the first execution;
        `Conflict` when the key was used for another request.
        """
        inputs = json_inputs(inputs)
        if key is not None and (known := self._reserve_key(key, [workflow, inputs, site, version])) is not None:
            return known
        chosen = self.store.version(workflow, version)
        complete = complete_inputs(self.plans.plan_of(chosen), inputs)
        if site is not None:
            self.store.site(site)
        draft = chosen.status != "published"
        execution_id = self.engine.start(
            StartRequest(workflow=workflow, version=chosen.number, inputs=complete, site=site, draft=draft, key=key)
        )
        return execution_id if key is None else self.store.complete_idempotency_key(key, execution_id)

    def _reserve_key(self, key: str, request: Json) -> str | None:
        if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
            raise Refused(f"an idempotency key is 1 to {MAX_KEY_LENGTH} printable characters")
        return self.store.reserve_idempotency_key(key, digest(request))

    def execution(self, execution_id: str) -> Execution:
        """One execution."""
        return self.store.execution(execution_id)

    def executions(
        self, where: ExecutionFilter | None = None, *, limit: int = 50, before: str | None = None
    ) -> Sequence[Execution]:
        """Executions, newest first; `before` is the id of the last one seen."""
        return self.store.executions(where or ExecutionFilter(), limit=limit, before=before)

    def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events after a sequence number."""
        return self.store.events(execution_id, after=after, limit=limit)

    def outcomes(self, execution_id: str) -> Sequence[Outcome]:
        """The outcomes of the step runs."""
        return self.store.outcomes(execution_id)

    def step_views(self, execution_id: str) -> tuple[StepView, ...]:
        """The status of every step, by replaying the stored history. A step that runs now is `running`."""
        execution = self.store.execution(execution_id)
        plan = self.plans.plan_of(self.store.version(execution.workflow, execution.version))
        return step_views(self.store, plan, execution)

    def step_detail(self, execution_id: str, path: str) -> StepDetail:
        """What the step run at a StepPath was given and gave. `NotFound`, with the nearest paths."""
        return step_detail(self.store, self.plans, self.store.execution(execution_id), path)

    def pause(self, execution_id: str, *, by: str) -> Execution:
        """Ask an execution to stop at the next step boundary."""
        return self.store.request_control(execution_id, "pause", by)

    def resume(self, execution_id: str, *, by: str) -> Execution:
        """Resume a paused execution."""
        execution = self.store.execution(execution_id)
        if execution.status == "waiting":
            if self.open_reviews_of(execution_id):
                raise Refused("this execution waits for a review; once that is decided, it resumes by itself")
            raise Refused("this execution is not paused: a worker continues it, or this process with --local")
        if execution.status != "paused" and execution.control != "pause":
            raise Refused(f"this execution is {execution.status}, not paused")
        execution = self.store.request_control(execution_id, None, by)
        with _repeated_by_reconciler("wake", execution_id):
            self.engine.wake(execution_id)
        return execution

    def cancel(self, execution_id: str, *, by: str) -> Execution:
        """End an execution: no step and no effect starts afterwards."""
        execution = self.store.request_control(execution_id, "cancel", by)
        with _repeated_by_reconciler("cancel the flow run of", execution_id):
            self.engine.cancel(execution_id)
        return execution

    # --- reviews --------------------------------------------------------------------------------------------------

    def reviews(self, where: ReviewFilter | None = None, *, limit: int = 20, cursor: str | None = None) -> ReviewPage:
        """One page of the review queue."""
        return self.store.reviews(where or ReviewFilter(), limit=limit, cursor=cursor)

    def reviews_of(self, execution_id: str) -> tuple[Review, ...]:
        """All reviews of an execution, open and decided."""
        return reviews_of(self.store, execution_id)

    def open_reviews_of(self, execution_id: str) -> tuple[Review, ...]:
        """The open reviews of an execution."""
        return open_reviews(self.store, execution_id)

    def review(self, review_id: str) -> Review:
        """One review."""
        return self.store.review(review_id)

    def reviewers(self, review: Review) -> Reviewers:
        """Who may decide a review now, by the present record of its site; `held` says why no one may."""
        return present_reviewers(self.store, review)

    def pending_counts(self) -> Mapping[str, int]:
        """Open reviews by workflow."""
        return self.store.pending_counts()

    def claim(self, review_id: str, *, by: str) -> Review:
        """Claim a review for a reviewer, until it is released or the claim expires."""
        return self.store.claim_review(review_id, by, timedelta(seconds=self.settings.claim_seconds))

    def release(self, review_id: str, *, by: str) -> Review:
        """Release a claim."""
        return self.store.release_review(review_id, by)

    def decide(self, review_id: str, answer: Answer, *, hold: timedelta = timedelta()) -> Review:
        """Record a reviewer's answer; `Conflict` when the review has changed since the reviewer saw it, `Refused` for
        an edit that the steps behind it cannot take. The decision is committed before the execution is woken. With
        `hold` it can be undone for that time, and `release_decisions` wakes the execution after it."""
        ensure_acceptable(self.store, review_id, answer)
        review = self.store.decide(review_id, answer, hold=hold)
        if not review.awaits_decision:
            with _repeated_by_reconciler("wake", review.execution_id):
                self.engine.wake(review.execution_id)
        return review

    def undo(self, review_id: str, *, by: str) -> Review:
        """Open a review again, or take back the last approval of one that is short of its quorum; `Conflict` when it is
        not this person's, or when it is too late."""
        return self.store.undo_decision(review_id, by)

    def release_decisions(self) -> Sequence[Review]:
        """Make the decisions final whose hold is over, and wake their executions. The reconciler does the same."""
        released = self.store.release_decisions()
        for review in released:
            with _repeated_by_reconciler("wake", review.execution_id):
                self.engine.wake(review.execution_id)
        return released


@contextmanager
def _repeated_by_reconciler(action: str, execution_id: str) -> Iterator[None]:
    """A block around a call that is only a hint: an unreachable Prefect is logged, and the reconciler repeats it."""
    try:
        yield
    except Unavailable:
        logger.warning("Prefect is unreachable; a worker's reconciler will %s execution %s", action, execution_id)
