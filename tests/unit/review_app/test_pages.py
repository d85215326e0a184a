"""The other pages without a browser: home, executions, the run form, workflows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator

import pytest
from streamlit import config
from streamlit.proto.TextInput_pb2 import TextInput
from streamlit.testing.v1 import AppTest

from flowbuilder import bootstrap
from flowbuilder.cli.output.escape import escape
from flowbuilder.cli.output.step_text import step_text
from flowbuilder.engine.inspection.step_detail import StepDetail
from flowbuilder.errors import Unavailable
from flowbuilder.model.execution import Outcome
from flowbuilder.ports import ExecutionFilter
from review_app import session
from review_app.widgets import graph, step_detail, steps
from tests.support.page_reading import Open, alerts, markup, title, words
from tests.support.seeded_app import ANA, BROKEN, NOTE, SeededApp

ME = "dev@localhost"


def flat(text: str) -> str:
    return " ".join(text.split())


def rows(page: AppTest) -> int:
    return len([each for each in page.button if each.key.startswith("row:")])


def test_an_empty_store_shows_how_to_start(seeded_app: SeededApp, open_page: Open) -> None:
    for name in ("note", "pair", "form", "broken", "slow"):
        seeded_app.app.archive(name)
    page = open_page()
    assert "Welcome to flowbuilder" in words(page)
    assert "flowbuilder demo" in [code.value for code in page.code]


def test_home_counts_reviews_and_failed_executions(seeded_app: SeededApp, open_page: Open) -> None:
    seeded_app.ask("hello")
    seeded_app.run("broken")
    page = open_page()
    assert "1 Waiting for review" in flat(words(page))
    assert "1 Failed" in flat(words(page))
    assert "Note: hello" in words(page)


def test_an_unreachable_store_is_reported_on_every_page(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(options: object = None) -> None:
        raise Unavailable("the database at db.example does not answer")

    monkeypatch.setattr(bootstrap, "open_app", fail)
    session.flow_app.clear()
    page = open_page("review")
    assert "The review app cannot start: the database at db.example does not answer" in alerts(page)
    assert not page.exception
    monkeypatch.setattr(bootstrap, "open_app", lambda options=None: seeded_app.app)
    seeded_app.ask("hello")
    (again,) = (button for button in page.button if button.label == "Try again")
    assert title(again.click().run()) == "Note: hello"


def test_executions_are_filtered_by_the_url(seeded_app: SeededApp, open_page: Open) -> None:
    seeded_app.ask("hello")
    seeded_app.run("broken")
    seeded_app.run("form", {"text": "hello"})
    assert rows(open_page("executions")) == 3
    failed = open_page("executions", status="failed")
    assert rows(failed) == 1
    assert "broken v1" in flat(words(failed))
    assert rows(open_page("executions", workflow="form")) == 1
    assert "No matching executions" in words(open_page("executions", workflow="form", status="failed"))


def test_executions_are_paged(seeded_app: SeededApp, open_page: Open) -> None:
    for number in range(26):
        seeded_app.app.start("form", {"text": str(number)})
    page = open_page("executions")
    assert rows(page) == 25
    page = page.button(key="older").click().run()
    assert rows(page) == 1
    assert rows(page.button(key="newer").click().run()) == 25


def test_a_failed_execution_names_the_failed_and_skipped_steps(seeded_app: SeededApp, open_page: Open) -> None:
    page = open_page("executions", id=seeded_app.run("broken"))
    text = flat(words(page))
    assert "Step sum failed: ValueError: no <b>sum</b>" in text
    assert "each[1].work" in text
    assert "two is too many" in text
    assert "needs sum, which failed" in text
    assert "pause" not in {button.key for button in page.button}


def test_an_execution_shows_its_inputs_outputs_and_timeline(seeded_app: SeededApp, open_page: Open) -> None:
    text = flat(words(open_page("executions", id=seeded_app.run("form", {"text": "hello"}))))
    assert "hello" in text
    assert "Completed" in text
    assert "all started" in text
    assert "all completed in" in text


def test_a_step_of_an_execution_is_opened_by_its_address(seeded_app: SeededApp, open_page: Open) -> None:
    execution_id = seeded_app.run("broken")
    page = open_page("executions", id=execution_id)
    assert "Fields" not in words(page)
    assert 'href="?id=' + execution_id + '&amp;step=each%5B1%5D.work"' in markup(page)
    opened = open_page("executions", id=execution_id, step="each[1].work")
    text = flat(words(opened))
    for part in ("Attempts 1", "Fields 2", 'with { "n": 2 }', "two is too many"):
        assert part in text, part
    assert "if n == 2:" in text
    summed = flat(words(open_page("executions", id=execution_id, step="sum")))
    assert "no <b>sum</b>" in summed
    assert "did you mean each[1].work" in alerts(open_page("executions", id=execution_id, step="each[1].wrok"))


def test_an_execution_shows_what_its_steps_have_cost(seeded_app: SeededApp, open_page: Open) -> None:
    text = flat(words(open_page("executions", id=seeded_app.run("form", {"text": "hello"}))))
    assert re.search(r"1 step run · 1 attempt · \d+ m?s in steps", text), text


def test_of_many_steps_those_are_listed_that_are_searched_for(seeded_app: SeededApp) -> None:
    many = [Outcome(path=f"each[{number}].work", status="completed") for number in range(500)]
    views = steps.recorded(many)
    assert "100 more steps are not shown" in steps.table(views, many, "x")
    assert steps.table(views, many, "x", find=" EACH[49").count("fb-step-link") == 11
    assert "No step has this" in steps.table(views, many, "x", find="failed")


MANY = """
schema: flowbuilder/v1
name: many
title: Many items
steps:
  - {id: list, type: code, source: "list(range(40))"}
  - id: each
    type: iteration
    over: steps.list.output
    steps: [{id: work, type: code, source: n, with: {n: "{{ item }}"}}]
outputs: {n: "{{ steps.each.output.outputs | length }}"}
"""


def test_the_steps_of_a_long_execution_are_searched_on_its_page(seeded_app: SeededApp, open_page: Open) -> None:
    page = open_page("executions", id=seeded_app.publish(MANY).run("many"))
    assert markup(page).count('<a class="fb-step-link"') == 42
    page.text_input(key="fb-find-step").set_value("each[3").run()
    assert markup(page).count('<a class="fb-step-link"') == 11


def test_texts_of_strangers_in_a_step_are_shown_as_they_are() -> None:
    hostile = "<script>x</script> **bold** [a](https://evil.test) \u202e\u200b \u001b[2J"
    exchange = {"kind": "model", "at": "2026-01-05T09:00:00+00:00", "model": hostile, "stop": hostile, "usd": None}
    calls = [{"id": hostile, "tool": hostile, "arguments": {hostile: [hostile]}}]
    tool = {"kind": "tool", "at": "2026-01-05T09:00:00+00:00", "server": hostile, "tool": hostile, "arguments": None}
    detail = StepDetail(
        execution_id="x", path=hostile, type=hostile, name=hostile, status=hostile, reason=hostile,
        fields={hostile: {hostile: hostile}, "prompt": hostile}, fields_failed=hostile, output=[hostile],
        error={"code": hostile, "message": hostile, "detail": {hostile: 1}},
        usage={"model": hostile},
        attempts=({"attempt": 1, "started_at": None, "ended_at": "2026-01-05T09:00:00+00:00", "outcome": hostile,
                   "error": {"code": hostile, "message": hostile}},),
        exchanges=(
            {**exchange, "request": [{"role": hostile, "text": hostile},
                                     {"role": "complaint", "tool": hostile, "text": hostile}],
             "answer": {"text": hostile, "thinking": hostile, "tool_calls": calls}, "tokens": {"input_tokens": 1}},
            {**tool, "answer": hostile, "failed": None}, {**tool, "answer": None, "failed": hostile},
            {"kind": "other", "at": "2026-01-05T09:00:00+00:00", "answer": {hostile: hostile}},
        ),
        effects=({"target": hostile, "status": hostile, "key": "k", "receipt": {hostile: hostile}},),
        inside={hostile: hostile},
    )  # fmt: skip
    drawn = step_detail.markup(detail)
    assert "&lt;script&gt;x&lt;/script&gt; **bold** [a](https://evil.test)" in drawn
    assert "<script" not in drawn.lower()
    assert not re.search("[\u202e\u200b\u001b]", drawn)
    assert set(re.findall(r"<(/?\w+)", drawn)) <= {
        f"{slash}{name}" for name in ("div", "span", "i", "details", "summary", "code") for slash in ("", "/")
    }
    printed = escape(step_text(detail))
    assert not re.search("[\u202e\u200b\u001b]", printed)


def test_a_long_value_is_cut_with_its_size(seeded_app: SeededApp) -> None:
    detail = StepDetail(execution_id="x", path="a", type="code", name="a", status="completed", output="ab" * 30_000)
    assert "40,000 of 60,000 characters left out" in step_detail.markup(detail)
    assert "[58,000 of 60,000 characters left out: --format json shows all]" in step_text(detail)


def test_an_execution_is_paused_resumed_and_cancelled(seeded_app: SeededApp, open_page: Open) -> None:
    execution_id = seeded_app.ask("draft").execution_id
    page = open_page("executions", id=execution_id).button(key="pause").click().run()
    assert seeded_app.execution(execution_id).status == "paused"
    assert "Paused by dev@localhost" in flat(words(page))
    page = page.button(key="resume").click().run()
    assert seeded_app.execution(execution_id).status == "queued"
    page.button(key="cancel").click().run()
    assert seeded_app.execution(execution_id).status == "cancelled"


def test_a_refused_control_request_is_reported(seeded_app: SeededApp, open_page: Open) -> None:
    execution_id = seeded_app.ask("draft").execution_id
    page = open_page("executions", id=execution_id)
    seeded_app.app.cancel(execution_id, by=ANA)
    page = page.button(key="pause").click().run()
    assert alerts(page)
    assert not page.exception


def test_an_unknown_execution_is_reported(open_page: Open) -> None:
    assert "execution not found" in alerts(open_page("executions", id="nothing")).lower()


def test_the_prefect_page_of_an_execution_is_linked(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    execution_id = seeded_app.run("broken")
    (link,) = open_page("executions", id=execution_id).get("link_button")
    assert link.proto.url == f"http://127.0.0.1:4200/runs/flow-run/{execution_id}"


def test_a_step_that_waits_for_a_review_is_waiting(seeded_app: SeededApp) -> None:
    step_views = seeded_app.app.step_views(seeded_app.ask("draft").execution_id)
    assert steps.statuses(step_views) == {"review": "waiting", "sent": "pending"}


def test_the_form_has_a_field_for_every_input(seeded_app: SeededApp, open_page: Open) -> None:
    page = open_page("run", workflow="form")
    assert [each.label for each in page.text_input] == ["A text (required)"]
    assert [(each.label, each.value) for each in page.number_input] == [("How many", 3), ("Share", 0.5)]
    assert [each.value for each in page.toggle] == [False]
    assert str(page.date_input[0].value) == "2026-12-01"
    assert [each.value for each in page.text_area] == ["a\nb", "{}"]
    assert "plain" in page.selectbox[-1].options


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda page: None, "A text is required"),
        (lambda page: page.text_area[1].set_value("{"), "More is not valid JSON"),
        (lambda page: page.text_area[1].set_value("[1]"), "more"),
    ],
)
def test_invalid_inputs_are_named_and_nothing_starts(
    change: Callable[[AppTest], object], message: str, seeded_app: SeededApp, open_page: Open
) -> None:
    page = open_page("run", workflow="form")
    if message != "A text is required":
        page.text_input[0].set_value("hello")
    change(page)
    page = page.button(key="start").click().run()
    assert message in alerts(page)
    assert not seeded_app.app.executions(ExecutionFilter(workflow="form"))


def test_the_execution_gets_the_typed_inputs(seeded_app: SeededApp, open_page: Open) -> None:
    page = open_page("run", workflow="form")
    page.text_input[0].set_value("hello")
    page.number_input[0].set_value(7)
    page.toggle[0].set_value(True)
    page.text_area[0].set_value("x\n\n y ")
    page.text_area[1].set_value('{"a": [1]}')
    page = page.button(key="start").click().run()
    (execution,) = seeded_app.app.executions(ExecutionFilter(workflow="form"))
    assert execution.inputs == {
        "text": "hello", "count": 7, "share": 0.5, "tone": "plain", "urgent": True, "day": "2026-12-01",
        "tags": ["x", "y"], "more": {"a": [1]},
    }  # fmt: skip
    assert "Started form" in alerts(page)
    assert page.query_params["id"] == execution.id


SENSITIVE = """
schema: flowbuilder/v1
name: tokens
inputs:
  key: {type: string, sensitive: true}
  login: {type: object, sensitive: true, default: {}}
steps:
  - {id: echo, type: code, source: "[key, login]", with: {key: "{{ inputs.key }}", login: "{{ inputs.login }}"}}
  - {id: review, type: human_review, title: Look, proposal: "{{ steps.echo.output }}"}
outputs: {given: "{{ steps.review.output.approved }}"}
"""


def test_a_sensitive_input_is_typed_into_a_password_field_and_no_page_shows_it(
    seeded_app: SeededApp, open_page: Open
) -> None:
    seeded_app.publish(SENSITIVE)
    page = open_page("run", workflow="tokens")
    assert [field.proto.type for field in page.text_input] == [TextInput.PASSWORD] * 2
    page.text_input[0].set_value("tok-4711-Plain")
    page.text_input[1].set_value('{"password": "open-sesame"}')
    page.button(key="start").click().run()
    (execution,) = seeded_app.app.executions(ExecutionFilter(workflow="tokens"))
    assert execution.inputs == {"key": "[hidden]", "login": "[hidden]"}
    asyncio.run(seeded_app.runner.run(execution.id))
    (review,) = seeded_app.app.open_reviews_of(execution.id)
    pages = [open_page("executions"), open_page("executions", id=execution.id)]
    opened = open_page("executions", id=execution.id, step="review")
    assert "Fields" in words(opened)
    pages += [open_page("review"), open_page("review", item=review.id), open_page(), opened]
    seen = "\n".join(str(element) for page in pages for element in page.main) + "".join(map(words, pages))
    assert "[hidden]" in seen
    assert "[sensitive input key]" in words(pages[3])
    assert "tok-4711" not in seen
    assert "sesame" not in seen


def test_a_start_without_an_engine_is_reported(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_wanted: object) -> str:
        raise Unavailable("no Prefect server is configured")

    monkeypatch.setattr(seeded_app.runner, "start", start)
    page = open_page("run", workflow="form")
    page.text_input[0].set_value("hello")
    assert "no Prefect server is configured" in alerts(page.button(key="start").click().run())


def test_a_workflow_shows_its_versions_and_what_changed(seeded_app: SeededApp, open_page: Open) -> None:
    seeded_app.app.push(NOTE.replace("Publish a note", "Publish a better note"), author="ben@example.com")
    page = open_page("workflows", name="note")
    assert title(page) == "Publish a note"
    assert not page.exception
    page = page.selectbox[0].set_value(2).run()
    assert title(page) == "Publish a better note"
    assert "by ben@example.com" in flat(words(page))
    changes = "\n".join(code.value for code in page.code)
    assert "-title: Publish a note\n+title: Publish a better note" in changes


def test_a_workflow_shows_its_graph_plan_and_source(seeded_app: SeededApp, open_page: Open) -> None:
    page = open_page("workflows", name="broken")
    drawing = "\n".join(each.value for each in page.markdown)
    assert "flowchart TD" in drawing
    assert "each item of steps.list.output" in drawing
    assert any("two is too many" in code.value for code in page.code)


def test_names_in_the_graph_are_escaped(seeded_app: SeededApp) -> None:
    hostile = BROKEN.replace("name: broken", "name: hostile").replace(
        "- {id: list,", '- {id: list, name: "`` x\\"]; click n_0 href \\"https://evil.test\\" --> <img src=y>",'
    )
    version = seeded_app.app.push(hostile)
    text = graph.mermaid(seeded_app.app.plan(version))
    assert '"]; click' not in text
    assert "<img" not in text
    assert text.count("click") == 1
    assert "`" not in text


def test_behind_a_proxy_the_named_user_decides(seeded_app: SeededApp, open_page: Open, signed_in: str) -> None:
    review = seeded_app.ask("draft")
    page = open_page("review")
    assert f"Signed in as {signed_in}" in flat(words(page))
    next(each for each in page.button if str(each.key).startswith("approve:")).click().run()
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert decision.by == signed_in


@pytest.fixture
def signed_in() -> Iterator[str]:
    """The user that the proxy names: that of AppTest."""
    config.set_option("server.trustedUserHeaders", {"X-Forwarded-Email": "email"})
    yield "test@example.com"
    config.set_option("server.trustedUserHeaders", {})
