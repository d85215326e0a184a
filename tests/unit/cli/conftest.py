"""A command line with a home of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowbuilder import bootstrap
from flowbuilder.cli import main

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Runs a command in a home of its own; returns its exit code, stdout and stderr."""
    monkeypatch.setenv("FLOWBUILDER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FLOWBUILDER_USER", "ana@example.com")
    monkeypatch.setenv("FLOWBUILDER_SITES", str(tmp_path / "sites"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    bootstrap.settings.cache_clear()

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    yield run
    bootstrap.settings.cache_clear()
