"""A stored version keeps the meaning of its texts when functions of the language change."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

from flowbuilder.app import App
from flowbuilder.definition.loader import load
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.language import LANGUAGE_VERSION, Expression, Template, language
from flowbuilder.settings import Settings
from flowbuilder.testing import MemoryStore, fake_ports
from flowbuilder.values import JsonObject, digest

TITLE = "Größe 北京"
WORKFLOW: JsonObject = {
    "schema": "flowbuilder/v1",
    "name": "pages",
    "inputs": {"title": {"type": "string"}},
    "steps": [
        {"id": "long", "type": "code", "source": "'long'", "when": "(inputs.title | wordcount) > 1"},
        {"id": "slug", "type": "code", "source": "x", "with": {"x": "{{ inputs.title | slugify }}"}},
    ],
    "outputs": {"slug": "{{ steps.slug.output }}", "cut": "{{ inputs.title | truncate(7, '') }}"},
}
PLAIN: JsonObject = {
    **WORKFLOW,
    "steps": [{"id": "a", "type": "code", "source": "1"}],
    "outputs": {"u": "{{ 'a' | upper }}"},
}


@pytest.fixture
def app() -> App:
    store = MemoryStore()
    runner = LocalRunner(store, fake_ports())
    return App(store, runner, Settings(), plans=runner.plans)


def stored_before(app: App, document: JsonObject) -> int:
    """The number of a version as a release with the first language stored it."""
    version = app.store.save_version(
        name="pages", title="pages", document=document, source="", digest=digest(document), author="ada"
    )
    return app.publish("pages", version.number).number


def outputs(app: App, number: int) -> Any:
    execution = app.start("pages", {"title": TITLE}, version=number)
    assert isinstance(app.engine, LocalRunner)
    asyncio.run(app.engine.run(execution))
    found = app.execution(execution)
    assert found.status == "completed", found.error
    return found.outputs


BEFORE = {"slug": "groe", "cut": "Größe"}
NOW = {"slug": "grosse-beijing", "cut": "Größe"}


def test_a_published_version_of_an_older_release_does_what_it_did(app: App) -> None:
    number = stored_before(app, WORKFLOW)
    assert outputs(app, number) == BEFORE
    assert app.version("pages", number).document == WORKFLOW


def test_the_same_document_that_is_pushed_again_is_another_version_with_the_present_meaning(app: App) -> None:
    number = stored_before(app, WORKFLOW)
    pushed = app.push(WORKFLOW)
    assert (pushed.number, pushed.document["language"]) == (number + 1, 2)
    assert outputs(app, pushed.number) == NOW
    assert outputs(app, number) == BEFORE
    assert app.push(WORKFLOW).number == pushed.number


def test_a_document_that_means_the_same_in_every_version_is_stored_as_before(app: App) -> None:
    number = stored_before(app, PLAIN)
    assert app.push(PLAIN).number == number


def test_an_author_may_keep_the_older_meaning(app: App) -> None:
    pushed = app.push({**WORKFLOW, "language": 1})
    assert outputs(app, pushed.number) == BEFORE


def test_pins_of_tools_change_no_meaning(app: App) -> None:
    stored_before(app, WORKFLOW)
    assert outputs(app, app.pin_tools("pages", {}).number) == BEFORE


def test_a_called_workflow_keeps_its_own_version(app: App) -> None:
    stored_before(app, WORKFLOW)
    call = {"id": "call", "type": "workflow", "name": "pages", "with": {"title": "{{ inputs.title }}"}}
    caller = {**WORKFLOW, "name": "caller", "steps": [call],
              "outputs": {"inner": "{{ steps.call.output.slug }}", "own": "{{ inputs.title | slugify }}"}}  # fmt: skip
    version = app.push(caller)
    execution = app.start("caller", {"title": TITLE}, version=version.number)
    assert isinstance(app.engine, LocalRunner)
    asyncio.run(app.engine.run(execution))
    assert app.execution(execution).outputs == {"inner": BEFORE["slug"], "own": NOW["slug"]}


@pytest.mark.parametrize("wrong", [0, LANGUAGE_VERSION + 1, "2", 1.5, True, "new"])
def test_a_version_of_the_language_that_there_is_not_is_an_error_with_its_place(wrong: Any) -> None:
    definition, report = load({**WORKFLOW, "language": wrong})
    assert definition is not None
    assert [item.code for item in report] == ["FB012"]
    assert "language" in report.summary()


def test_texts_of_two_versions_are_two_texts() -> None:
    with language(1):
        old, old_condition = Template("{{ x | slugify }}"), Expression("x | slugify")
    new = Template("{{ x | slugify }}")
    assert (old.render({"x": TITLE}), new.render({"x": TITLE})) == (BEFORE["slug"], NOW["slug"])
    assert old_condition.evaluate({"x": TITLE}) == BEFORE["slug"]
    assert old.render_url({"x": TITLE}) == BEFORE["slug"]
    assert old != new
    assert pickle.loads(pickle.dumps(old)) == old
    assert pickle.loads(pickle.dumps(old)).render({"x": TITLE}) == BEFORE["slug"]
    with language(1):
        assert Template("{{ x | upper }}") == (same := Template("{{ x | upper }}"))
    assert same == Template("{{ x | upper }}")


REVERSED = "Re\u0301ne\u0301 \U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("source", "since_3", "before"),
    [
        ("x | reverse", "\U0001f468\u200d\U0001f469\u200d\U0001f467 e\u0301ne\u0301R", REVERSED[::-1]),
        ("'x<y>z' | strip_html", "xz", "x z"),
        ("'a<p>b' | strip_html", "a b", "a b"),
    ],
)
def test_what_changed_with_version_3_is_as_before_in_a_document_of_version_2(
    source: str, since_3: str, before: str
) -> None:
    now = Expression(source)
    with language(2):
        then = Expression(source)
    assert (now.evaluate({"x": REVERSED}), then.evaluate({"x": REVERSED})) == (since_3, before)


def test_a_document_says_the_version_that_its_newest_function_needs(app: App) -> None:
    for text, needed in (("'a' | upper", None), ("'a' | slugify", 2), ("['a'] | reverse", 3)):
        pushed = app.push({**PLAIN, "outputs": {"u": "{{ " + text + " }}"}})
        assert pushed.document.get("language") == needed
