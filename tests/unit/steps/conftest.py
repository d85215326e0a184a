"""Real ports for tests of step types, with local addresses allowed: real servers, files and workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.ports import Ports
from flowbuilder.settings import Settings
from flowbuilder.testing import Finished, run_locally

Run = Callable[..., Finished]


@pytest.fixture
def ports(tmp_path: Path, httpserver: HTTPServer) -> Ports:
    settings = Settings(
        home=tmp_path,
        sites=tmp_path,
        egress_allow=f"127.0.0.1:{httpserver.port}",
        gsc_base_url=httpserver.url_for("").rstrip("/"),
    )
    return real_ports(settings, FileConnections(tmp_path))


@pytest.fixture
def run(ports: Ports) -> Run:
    """`run({"type": "page", ...})`: an execution of that one step, named `s`, in this process with the real ports."""

    def run_step(step: dict[str, Any], **options: Any) -> Finished:
        top = {name: options.pop(name) for name in ("hosts", "inputs", "more") if name in options}
        more = top.pop("more", [])
        document = {
            "schema": "flowbuilder/v1",
            "name": "one-step",
            "title": "One step",
            "steps": [{"id": "s", **step}, *more],
            "outputs": {"s": "{{ steps.s.output }}"},
            **top,
        }
        return run_locally(document, options.pop("given", None), ports=options.pop("ports", ports), **options)

    return run_step
