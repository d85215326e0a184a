"""A store with workflows, executions and reviews for tests of the review app, and a worker in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flowbuilder.app import App
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Review
from flowbuilder.model.review_rules import NO_EDIT, Answer
from flowbuilder.ports import ReviewFilter
from flowbuilder.prefect.api.wakeup_channel import WakeUpListener
from flowbuilder.settings import Settings
from flowbuilder.store import open_store
from flowbuilder.testing import fake_ports
from flowbuilder.values import Json, JsonObject

ANA, BEN = "ana@example.com", "ben@example.com"

NOTE = """
schema: flowbuilder/v1
name: note
title: Publish a note
inputs:
  what: {type: string, title: What to say}
  before: {type: string, default: ""}
steps:
  - id: review
    type: human_review
    title: "Note: {{ inputs.what }}"
    base: "{{ inputs.before }}"
    proposal: "{{ inputs.what }}"
    due_in: P1D
  - id: sent
    type: code
    with: {text: "{{ steps.review.output.approved | default('') }}"}
    source: |
      text
outputs:
  sent: "{{ steps.sent.output }}"
  decision: "{{ steps.review.output.decision }}"
"""

PAIR = """
schema: flowbuilder/v1
name: pair
title: Two must agree
inputs: {what: {type: string}}
steps:
  - id: review
    type: human_review
    title: "Both of you: {{ inputs.what }}"
    proposal: {headline: "{{ inputs.what }}", words: 3}
    findings: [{rule: facts, severity: high, place: headline, evidence: "<b>not checked</b>"}]
    assign: {people: [ana@example.com, ben@example.com], quorum: 2, not_author: true}
outputs: {decision: "{{ steps.review.output.decision }}"}
"""

FORM = """
schema: flowbuilder/v1
name: form
title: Every kind of input
inputs:
  text: {type: string, title: A text, description: "Say *what* it is"}
  count: {type: integer, minimum: 1, maximum: 9, default: 3, title: How many}
  share: {type: number, minimum: 0, maximum: 1, default: 0.5, title: Share}
  tone: {type: string, enum: [plain, warm], default: plain, title: Tone}
  urgent: {type: boolean, default: false, title: Urgent}
  day: {type: string, format: date, default: "2026-12-01", title: Day}
  tags: {type: array, items: {type: string}, default: [a, b], title: Tags}
  more: {type: object, default: {}, title: More}
steps:
  - {id: all, type: code, with: {given: "{{ inputs }}"}, source: given}
outputs: {given: "{{ steps.all.output }}"}
"""

BROKEN = """
schema: flowbuilder/v1
name: broken
title: It breaks
steps:
  - {id: list, type: code, source: "[1, 2]"}
  - id: each
    type: iteration
    over: steps.list.output
    on_item_error: continue
    steps:
      - id: work
        type: code
        with: {n: "{{ item }}"}
        source: |
          if n == 2:
              raise ValueError("two is too many")
          n
    output: "{{ steps.work.output }}"
  - id: sum
    type: code
    depends_on: [each]
    source: raise ValueError("no <b>sum</b>")
  - {id: after, type: code, depends_on: [sum], source: "1"}
outputs: {sum: "{{ steps.sum.output }}"}
"""

SLOW = """
schema: flowbuilder/v1
name: slow
title: One step after the other
steps:
  - {id: one, type: api, url: "https://slow.example/1"}
  - {id: two, type: api, url: "https://slow.example/2", depends_on: [one]}
outputs: {status: "{{ steps.two.output.status }}"}
"""
DOCUMENTS = (NOTE, PAIR, FORM, BROKEN, SLOW)


class SeededApp:
    """An application on a store. Executions run immediately, until they end or wait."""

    def __init__(self, url: str, home: Path, ports: Any = None, **options: Any) -> None:
        self.home = home
        self.settings = Settings(home=home, database_url=url, **options)
        self.store = open_store(url)
        self.runner = LocalRunner(self.store, ports or fake_ports())
        self.app = App(self.store, self.runner, self.settings)

    def publish(self, *documents: str) -> SeededApp:
        """Store these documents, written by Ana, and publish them."""
        for document in documents:
            version = self.app.push(document, author=ANA)
            self.app.publish(version.workflow, version.number)
        return self

    def run(self, workflow: str, inputs: JsonObject | None = None, site: str | None = None) -> str:
        """Start an execution and run it until it ends or waits; returns its id."""
        execution_id = self.app.start(workflow, inputs or {}, site=site)
        with ThreadPoolExecutor(1) as aside:  # playwright has an event loop in this thread
            aside.submit(lambda: asyncio.run(self.runner.run(execution_id))).result()
        return execution_id

    def ask(self, what: str, before: str = "") -> Review:
        """Start the workflow `note`; returns its open review."""
        execution_id = self.run("note", {"what": what, "before": before})
        return self.review_of(execution_id)

    def review_of(self, execution_id: str) -> Review:
        """The review of an execution."""
        (review,) = self.store.reviews(ReviewFilter(execution_id=execution_id, status=None)).reviews
        return review

    def decide(self, review: Review, kind: Any = "approved", *, by: str = BEN, edited: Json = None) -> Review:
        """Decide a review as another user."""
        seen = self.store.review(review.id)
        answer = Answer.to(seen, kind=kind, by=by, comment="as agreed", edited=NO_EDIT if edited is None else edited)
        return self.app.decide(review.id, answer)

    def execution(self, execution_id: str) -> Execution:
        """Read an execution."""
        return self.store.execution(execution_id)

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker in a thread that runs executions woken over the wake-up channel."""
        stop, ready = threading.Event(), threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._work(ready, stop)), daemon=True)
        thread.start()
        assert ready.wait(10)
        try:
            yield
        finally:
            stop.set()
            thread.join(10)

    async def _work(self, ready: threading.Event, stop: threading.Event) -> None:
        tasks: set[asyncio.Task[Any]] = set()

        def wake(execution_id: str, _run: object) -> None:
            task = asyncio.create_task(self.runner.run(execution_id))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        async with WakeUpListener(self.home, wake):
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)
        await asyncio.gather(*tasks, return_exceptions=True)
