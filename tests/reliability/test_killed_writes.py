"""A process that is killed while a step writes over HTTP: no write is made twice, and none with a receipt is asked
about."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.testing.model_servers import ModelServer
from flowbuilder.testing.model_servers.replies import answers
from tests.support.servers.raw_server import answer, raw_server

MCP_PROGRAM = Path(__file__).parents[1] / "support/servers/small_mcp_program.py"
CONVERSATION = """
schema: flowbuilder/v1
name: conversation
steps:
  - {id: ask, type: mcp_llm, model: MODEL, connection: model, prompt: Hello, tools: [{server: tools, tool: shout}]}
outputs: {s: "{{ steps.ask.output.text }}"}
"""
DOCUMENT = """
schema: flowbuilder/v1
name: order
steps:
  - {id: w, type: api, method: POST, url: "BASE/w", json: {order: 7}}
outputs: {s: "{{ steps.w.output.status }}"}
"""


class Target:
    """Answers a POST as it is told, and kills the process at one of the paths before it answers there."""

    def __init__(self, kill_at: str) -> None:
        self.kill_at = kill_at
        self.posts = 0
        self.here = threading.Event()
        self.gone = threading.Event()

    def __call__(self, request: bytes, connection: socket.socket) -> None:
        method, path, _ = request.split(b"\r\n")[0].decode().split(" ")
        self.posts += method == "POST"
        if path == self.kill_at:
            self.here.set()
            self.gone.wait(60)
        redirected = answer("303 See Other", b"", "Location: /r")
        connection.sendall(redirected if path == "/w" else answer("200 OK", b"made"))


def flowbuilder(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "FLOWBUILDER_HOME": str(home), "FLOWBUILDER_EGRESS_ALLOW": "127.0.0.1"}
    command = [sys.executable, "-m", "flowbuilder", *arguments, "--format", "json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answered(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=120)
    assert out, err
    return json.loads(out)


def resume(home: Path, execution_id: str) -> Any:
    """The execution after it was resumed, as soon as the lease of the killed process has expired."""
    end = time.monotonic() + 90
    while True:
        found = answered(flowbuilder(home, "resume", execution_id, "--local"))
        if "error" not in found or (found["error"] or {}).get("code") != "conflict" or time.monotonic() > end:
            return found
        time.sleep(1)


@pytest.mark.parametrize(
    ("kill_at", "status"),
    [("/w", "waiting"), ("/r", "completed")],
    ids=["before the status is known", "while the page of a 303 is read"],
)
def test_a_write_is_not_repeated_and_asked_about_only_where_its_status_is_unknown(
    tmp_path: Path, kill_at: str, status: str
) -> None:
    target = Target(kill_at)
    with raw_server(target) as base:
        (tmp_path / "order.yaml").write_text(DOCUMENT.replace("BASE", base))
        process = flowbuilder(tmp_path, "run", str(tmp_path / "order.yaml"), "--local", "--no-input")
        assert target.here.wait(120)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        target.gone.set()
        target.kill_at = ""
        (execution,) = answered(flowbuilder(tmp_path, "executions", "list"))["executions"]
        resumed = resume(tmp_path, execution["execution_id"])
    assert resumed.get("status") == status, resumed
    assert target.posts == 1


def test_a_tool_that_a_model_calls_is_not_called_again(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    server = {"command": [sys.executable, "-S", str(MCP_PROGRAM), "other words"], "environment": {"LOG": str(log)}}
    with ModelServer("openai") as model:
        model.will(answers({"text": "tea"}))
        (tmp_path / "connections.yaml").write_text(json.dumps({"tools": server, "model": model.connection}))
        (tmp_path / "connections.yaml").chmod(0o600)
        (tmp_path / "conversation.yaml").write_text(CONVERSATION.replace("MODEL", model.wire.model))
        process = flowbuilder(tmp_path, "run", str(tmp_path / "conversation.yaml"), "--local", "--no-input")
        until = time.monotonic() + 60
        while not (log.exists() and "tools/call" in log.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        (execution,) = answered(flowbuilder(tmp_path, "executions", "list"))["executions"]
        resumed = resume(tmp_path, execution["execution_id"])
        assert resumed.get("status") == "waiting", resumed
        assert len(model.asked) == 1, "the recorded answer is not bought again"
    assert log.read_text().split().count("tools/call") == 1
