"""Sensitive inputs and outputs: used by the steps, hidden everywhere else, the same after a crash."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from flowbuilder.app import App
from flowbuilder.audit.scan import audit
from flowbuilder.engine.history import load_history
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.errors import Damaged, Refused
from flowbuilder.model.review_rules import Answer
from flowbuilder.settings import Settings
from flowbuilder.store import open_store
from flowbuilder.store.db.tables import sensitive_table
from flowbuilder.testing import fake_ports, run_locally
from flowbuilder.values import Json

TOKEN = "tok-4711-Plain"
STEPS = """
schema: flowbuilder/v1
name: tokens
inputs:
  token: {type: string, sensitive: true}
  pin: {type: integer, sensitive: true, default: null}
  label: {type: string, default: ""}
"""
WAITS = (
    STEPS.replace("integer, sensitive: true, default: null", '[integer, "null"], sensitive: true, default: null')
    + """
steps:
  - {id: before, type: code, source: "token + '!'", with: {token: "{{ inputs.token }}"}}
  - {id: long, type: code, source: "len(t)", when: "inputs.token | length > 10", with: {t: "{{ inputs.token }}"}}
  - {id: review, type: human_review, title: "Continue with {{ inputs.label }}?", depends_on: [before, long]}
  - {id: after, type: code, source: "len(token)", depends_on: review, with: {token: "{{ inputs.token }}"}}
outputs:
  length: "{{ steps.after.output }}"
  first: "{{ steps.long.output | default(0) }}"
  before: "{{ steps.before.output }}"
  token: {value: "{{ inputs.token }}", sensitive: true}
"""
)


class Installed:
    """A store on disk that can be opened again, as by another process."""

    def __init__(self, url: str, folder: Path) -> None:
        self.store = open_store(url)
        self.runner = LocalRunner(self.store, fake_ports())
        self.app = App(self.store, self.runner, Settings(home=folder, database_url=url))

    def run(self, execution_id: str) -> str:
        return asyncio.run(self.runner.run(execution_id)).status


def test_an_execution_taken_up_by_another_process_has_its_sensitive_inputs(sqlite_url: str, tmp_path: Path) -> None:
    first = Installed(sqlite_url, tmp_path)
    first.app.publish(first.app.push(WAITS).workflow)
    execution_id = first.app.start("tokens", {"token": TOKEN, "pin": 4711, "label": "it"})
    assert first.run(execution_id) == "waiting"

    second = Installed(sqlite_url, tmp_path)
    (review,) = second.app.open_reviews_of(execution_id)
    second.app.decide(review.id, Answer.to(review, kind="approved", by="ana@example.com"))
    assert second.run(execution_id) == "completed"
    execution = second.app.execution(execution_id)
    assert execution.inputs == {"token": "[hidden]", "pin": "[hidden]", "label": "it"}
    assert execution.outputs == {
        "length": 14,
        "first": 14,
        "before": "[sensitive input token]!",
        "token": "[hidden]",
    }
    views = {view.id: view for view in second.app.step_views(execution_id)}
    assert [views[name].status for name in ("before", "long", "review", "after")] == ["completed"] * 4
    assert audit(second.store) == ()
    shown = [execution, views, second.app.events(execution_id), second.app.outcomes(execution_id)]
    assert TOKEN not in repr(shown)


def test_a_step_uses_a_sensitive_input_after_its_worker_was_killed(sqlite_url: str, tmp_path: Path) -> None:
    first = Installed(sqlite_url, tmp_path)
    first.app.publish(first.app.push(WAITS).workflow)
    execution_id = first.app.start("tokens", {"token": TOKEN})
    first.store.claim(execution_id, "killed", timedelta(milliseconds=1))
    second = Installed(sqlite_url, tmp_path)
    assert second.run(execution_id) == "waiting"
    assert second.app.execution(execution_id).attempt == 2
    assert {outcome.path: outcome.output for outcome in second.app.outcomes(execution_id)} == {
        "before": "[sensitive input token]!",
        "long": 14,
    }


def test_changed_sensitive_inputs_pause_the_execution(sqlite_url: str, tmp_path: Path) -> None:
    installed = Installed(sqlite_url, tmp_path)
    installed.app.publish(installed.app.push(WAITS).workflow)
    execution_id = installed.app.start("tokens", {"token": TOKEN})
    store, table = installed.store, sensitive_table
    record = store.sensitive(execution_id)
    assert record is not None
    assert record["values"] == {"token": TOKEN, "pin": None}
    changed = {**record, "values": {"token": "tok-0815-Other", "pin": None}}
    for row in (changed, None):
        with store.database.engine.begin() as connection:
            connection.execute(table.delete() if row is None else table.update().values(record=row))
        with pytest.raises(Damaged, match="sensitive inputs"):
            load_history(store, store.execution(execution_id))
        assert any("sensitive inputs" in finding.message for finding in audit(store))
    assert installed.run(execution_id) == "paused"


def test_the_hash_in_the_timeline_differs_from_start_to_start(sqlite_url: str, tmp_path: Path) -> None:
    installed = Installed(sqlite_url, tmp_path)
    installed.app.publish(installed.app.push(WAITS).workflow)
    hashes = set()
    for _ in range(2):
        execution_id = installed.app.start("tokens", {"token": TOKEN, "pin": 1})
        (started,) = installed.app.events(execution_id)
        hashes.add(started.data["sensitive_hash"])
    assert len(hashes) == 2


CALLED = """
schema: flowbuilder/v1
name: called
inputs:
  key: {type: string, sensitive: true}
steps:
  - {id: echo, type: code, source: "[key, key[::-1]]", with: {key: "{{ inputs.key }}"}}
outputs:
  echoed: "{{ steps.echo.output }}"
  other: {value: "{{ inputs.key }}-made-longer", sensitive: true}
"""
CALLER = """
schema: flowbuilder/v1
name: caller
inputs:
  key: {type: string, sensitive: true}
steps:
  - {id: call, type: workflow, name: called, with: {key: "{{ inputs.key }}"}}
  - id: each
    type: iteration
    over: "[1]"
    steps:
      - {id: again, type: workflow, name: called, with: {key: "{{ inputs.key }}"}}
  - {id: use, type: code, source: "[len(key), key]", with: {key: "{{ steps.call.output.other }}"}}
  - {id: last, type: code, source: "len(key)", with: {key: "{{ steps.each.output.outputs[0].other }}"}}
outputs: {used: "{{ steps.use.output }}", echoed: "{{ steps.call.output.echoed }}", last: "{{ steps.last.output }}"}
"""


def test_a_calling_workflow_uses_a_sensitive_output_that_no_one_is_shown() -> None:
    done = run_locally(CALLER, {"key": TOKEN}, called=(CALLED,))
    made = len(f"{TOKEN}-made-longer")
    assert done.outputs == {
        "used": [made, "[sensitive output other]"],
        "echoed": ["[sensitive input key]", TOKEN[::-1]],
        "last": made,
    }
    views = {view.id: view for view in done.app.step_views(done.execution.id)}
    assert views["call"].output["other"] == "[hidden]"
    shown = [views, done.events, done.outcomes, done.execution]
    assert TOKEN not in repr(shown)


INSIDE = """
schema: flowbuilder/v1
name: inside
inputs:
  login:
    sensitive: true
    type: object
    properties: {user: {type: string}, words: {type: array, items: {type: string}}}
steps:
  - {id: part, type: code, source: "login['words'][1]", with: {login: "{{ inputs.login }}"}}
  - {id: short, type: code, source: "login['words'][0]", with: {login: "{{ inputs.login }}"}}
outputs: {part: "{{ steps.part.output }}", short: "{{ steps.short.output }}"}
"""


def test_the_texts_inside_a_sensitive_object_are_hidden_and_short_ones_are_not_searched() -> None:
    done = run_locally(INSIDE, {"login": {"user": "unknown", "words": ["short", "longer"]}})
    assert done.execution.inputs == {"login": "[hidden]"}
    assert done.outputs == {"part": "[sensitive input login]", "short": "short"}


@pytest.mark.parametrize(
    "value",
    [
        {"user": 5, "secret": "in-the-message"},
        "in-the-message",
        {"words": ["in-the-message", {"in-the-message": 5}]},
        {"words": [str(number) + "in-the-message" for number in range(65)]},
    ],
)
def test_the_message_about_a_wrong_sensitive_input_does_not_quote_it(value: Json) -> None:
    with pytest.raises(Refused, match="login") as caught:
        run_locally(INSIDE, {"login": value})
    assert "in-the-message" not in str(caught.value)


def test_a_wrong_sensitive_input_of_a_called_workflow_is_not_quoted() -> None:
    called = CALLED.replace("{type: string, sensitive: true}", "{type: string, minLength: 90, sensitive: true}")
    done = run_locally(CALLER, {"key": TOKEN}, called=(called,))
    assert done.status == "failed"
    assert done.error is not None
    assert "key: its value, which is sensitive" in str(done.error["message"])


def test_a_review_and_an_error_of_the_walk_show_no_sensitive_value() -> None:
    document = """
schema: flowbuilder/v1
name: shows
inputs:
  token: {type: string, sensitive: true}
steps:
  - id: each
    type: iteration
    over: "[inputs.token]"
    key: item
    on_item_error: continue
    steps:
      - {id: fails, type: code, source: "token.missing", with: {token: "{{ item }}"}}
outputs: {count: "{{ steps.each.output.outputs | length }}"}
"""
    done = run_locally(document, {"token": TOKEN})
    assert done.status == "completed"
    assert any(event.type == "item_failed" for event in done.events)
    shown = [done.events, done.outcomes, done.app.step_views(done.execution.id)]
    assert TOKEN not in json.dumps(repr(shown))
