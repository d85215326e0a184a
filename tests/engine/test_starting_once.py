"""Repeated starts with one key start one execution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowbuilder.app import App
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.errors import Conflict, Refused
from flowbuilder.ports import StartRequest
from flowbuilder.settings import Settings
from flowbuilder.testing import MemoryStore, fake_ports

NOTE = (Path(__file__).parent / "note.yaml").read_text(encoding="utf-8")


class CrashingRunner(LocalRunner):
    """An engine whose process dies after a start, before the start returns."""

    crashes = False

    def start(self, wanted: StartRequest) -> str:
        execution_id = super().start(wanted)
        if self.crashes:
            raise KeyboardInterrupt
        return execution_id


@pytest.fixture
def app() -> App:
    store = MemoryStore()
    app = App(store, CrashingRunner(store, fake_ports()), Settings())
    app.publish(app.push(NOTE).workflow)
    return app


@pytest.fixture
def inputs(app: App) -> dict[str, Any]:
    schema = app.plan(app.version("note")).input_schema
    return dict.fromkeys(schema.get("required", []), "some text")


def test_the_same_key_is_the_same_execution(app: App, inputs: dict[str, Any]) -> None:
    first = app.start("note", inputs, key="order-7")
    assert app.start("note", inputs, key="order-7") == first
    assert app.start("note", inputs, key="order-8") != first
    assert app.start("note", inputs) != app.start("note", inputs)
    assert len(app.executions()) == 4


def test_an_interrupted_start_is_not_repeated(app: App, inputs: dict[str, Any]) -> None:
    engine = app.engine
    assert isinstance(engine, CrashingRunner)
    engine.crashes = True
    with pytest.raises(KeyboardInterrupt):
        app.start("note", inputs, key="order-7")
    engine.crashes = False
    assert app.start("note", inputs, key="order-7") == app.executions()[0].id
    assert len(app.executions()) == 1


def test_another_request_with_the_same_key_is_refused(app: App, inputs: dict[str, Any]) -> None:
    app.start("note", inputs, key="order-7")
    with pytest.raises(Conflict, match="order-7"):
        app.start("note", {**inputs, "extra": 1}, key="order-7")
    assert len(app.executions()) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb"])
def test_an_invalid_key_is_refused(app: App, inputs: dict[str, Any], key: str) -> None:
    with pytest.raises(Refused, match="printable"):
        app.start("note", inputs, key=key)
    assert not app.executions()


@pytest.mark.parametrize("key", [None, "order-7"])
def test_inputs_that_are_not_json_are_refused(app: App, key: str | None) -> None:
    with pytest.raises(Refused, match="inputs"):
        app.start("note", {"text": b"bytes"}, key=key)
    assert not app.executions()
