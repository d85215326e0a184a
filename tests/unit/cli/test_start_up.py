"""The start-up of a local run: it imports only what it uses, and takes little CPU time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = """
schema: flowbuilder/v1
name: two
title: Two steps
steps:
  - {id: one, type: code, source: "1 + 1"}
  - {id: two, type: code, with: {n: "{{ steps.one.output }}"}, source: "n * 2"}
outputs: {n: "{{ steps.two.output }}"}
"""
NEVER = (
    "prefect", "streamlit", "fastapi", "httpx", "mcp", "pydantic_ai", "openai", "anthropic", "google.genai",
    "trafilatura", "selectolax", "nh3", "alembic", "lark", "rich", "psycopg", "sqlalchemy.dialects.postgresql",
)  # fmt: skip
"""Not imported by a local run of code steps when the database schema is current."""


@pytest.fixture
def run_two(tmp_path: Path) -> str:
    """A script that runs the document in this process; the database has been created before."""
    file = tmp_path / "two.yaml"
    file.write_text(DOCUMENT)
    script = f"from flowbuilder.cli import main; code = main(['run', {str(file)!r}, '--local']); assert code == 0, code"
    done = run(script, tmp_path)
    assert done.returncode == 0, done.stderr
    return script


def run(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FLOWBUILDER_HOME": str(home)}
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)


def test_a_local_run_imports_nothing_heavy(run_two: str, tmp_path: Path) -> None:
    done = run(f"{run_two}\nimport sys; print([name for name in {NEVER!r} if name in sys.modules])", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_validate_imports_neither_a_database_nor_what_looks_for_plugins(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(DOCUMENT)
    names = ("sqlalchemy", "asyncio", "importlib.metadata", "zipfile", *(name for name in NEVER if name != "lark"))
    script = (
        f"from flowbuilder.cli import main; assert main(['validate', {str(tmp_path / 'two.yaml')!r}]) == 0\n"
        f"import sys; print([name for name in {names!r} if name in sys.modules])"
    )
    done = run(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def cpu_seconds(script: str, home: Path) -> float:
    """The lower CPU time of two runs."""
    taken = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = run(script, home)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def test_a_local_run_takes_little_cpu_time(run_two: str, tmp_path: Path) -> None:
    # on a busy machine, or without cached bytecode, the limit is relative to the import of the libraries alone
    libraries = "import click, yaml, jinja2, sqlalchemy.dialects.sqlite, pydantic_settings, asyncio"
    assert cpu_seconds(run_two, tmp_path) < max(1.5, 2 * cpu_seconds(libraries, tmp_path))
