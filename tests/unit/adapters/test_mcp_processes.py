"""Programs of MCP servers: what they see, what they leave, and that nothing of them stays."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.adapters.mcp.server_text import readable
from flowbuilder.errors import StepError
from flowbuilder.ports.mcp import McpSession
from flowbuilder.testing import FakeConnections

PROGRAM = Path(__file__).parents[2] / "support/servers/small_mcp_program.py"
STDIO = {"command": [sys.executable, "-S", str(PROGRAM)]}
ROOT = Path(__file__).parents[3]


def opened(**more: Any) -> contextlib.AbstractAsyncContextManager[McpSession]:
    return ConnectedServers(FakeConnections({"s": {**STDIO, **more}})).open("s")


async def structured(session: McpSession, tool: str, **arguments: Any) -> Any:
    return (await session.call(tool, arguments, seconds=20)).structured


def runs(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def ended(pid: int, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while runs(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not runs(pid)


async def test_a_server_sees_a_minimal_environment_and_a_home_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "SSH_AUTH_SOCK", "LOGNAME", "USER", "SHELL", "PYTHONPATH", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "hunter2")
    async with opened(environment={"ITS_OWN": "1"}) as session:
        seen = await structured(session, "surroundings")
    assert {"PATH", "HOME", "TMPDIR", "ITS_OWN"} <= set(seen["names"])
    assert set(seen["names"]) <= {"PATH", "HOME", "TMPDIR", "ITS_OWN", "LC_CTYPE"}  # Python itself sets LC_CTYPE
    assert seen["home"] != os.path.expanduser("~")
    assert seen["temporary"] == str(Path(seen["home"]) / "tmp")
    assert seen["folder"] == seen["home"]
    assert seen["session"] == seen["group"] == seen["pid"]
    assert seen["session"] != os.getsid(0)


async def test_a_connection_may_name_another_home_and_folder(tmp_path: Path) -> None:
    async with opened(environment={"HOME": str(tmp_path), "TMPDIR": "/tmp"}, folder=str(tmp_path)) as session:
        seen = await structured(session, "surroundings")
    assert (seen["home"], seen["temporary"], seen["folder"]) == (str(tmp_path), "/tmp", str(tmp_path))
    assert tmp_path.exists()


async def test_the_home_of_a_server_is_removed_with_everything_in_it() -> None:
    async with opened() as session:
        home = Path((await session.call("leave_files", {}, seconds=20)).text)
        assert (home / "locked/file").exists()
        assert home.stat().st_mode & 0o077 == 0
    assert not home.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
@pytest.mark.parametrize("kind", ["child", "orphan", "daemon"])
async def test_processes_that_a_server_started_end_with_the_session(kind: str) -> None:
    async with opened() as session:
        pid = int((await session.call("start", {"kind": kind}, seconds=20)).text)
        assert runs(pid)
    assert ended(pid)


async def test_a_server_that_ignores_signals_is_killed() -> None:
    async with opened(environment={"IGNORE_SIGNALS": "1"}) as session:
        pid = (await structured(session, "surroundings"))["pid"]
        begun = time.monotonic()
    assert ended(pid)
    assert time.monotonic() - begun < 10


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
async def test_processes_of_a_server_that_dies_by_itself_end_too() -> None:
    async with opened() as session:
        pid = int((await session.call("start", {"kind": "daemon"}, seconds=20)).text)
        with pytest.raises(StepError):
            await session.call("die", {}, seconds=20)
        assert ended(pid)


WORKER = """
import asyncio, sys
from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.testing import FakeConnections

async def main():
    record = {"command": sys.argv[1:], "environment": {"IGNORE_SIGNALS": "1"}}
    servers = ConnectedServers(FakeConnections({"s": record}))
    async with servers.shared() as shared, shared.open("s") as session:
        server = (await session.call("surroundings", {}, seconds=20)).structured
        child = (await session.call("start", {"kind": "daemon"}, seconds=20)).text
        print(server["pid"], child, server["home"], flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
@pytest.mark.parametrize("victim", ["worker", "supervisor"])
def test_nothing_stays_when_the_worker_is_killed(victim: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, *STDIO["command"]], stdout=subprocess.PIPE, cwd=ROOT
    ) as worker:
        assert worker.stdout is not None
        server, child, home = worker.stdout.readline().decode().split()
        supervisor = psutil.Process(int(server)).parent()
        assert supervisor is not None
        os.kill(worker.pid if victim == "worker" else supervisor.pid, signal.SIGKILL)
        assert ended(int(server))
        if victim == "worker":
            assert ended(int(child))
            assert ended(supervisor.pid)
            assert not Path(home).exists()
        worker.kill()
        with contextlib.suppress(ProcessLookupError):  # it has left the session, and its supervisor was killed
            os.kill(int(child), signal.SIGKILL)


NASTY = "\x1b[2J\x1b]0;title\x07\x1b[31mno key\x1b[0m\x00\x07\u202eevil\u200b\r\nERROR forged line\n"


async def test_what_a_server_writes_to_stderr_is_quoted_in_the_error_without_control_characters(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with opened() as session:
            with pytest.raises(StepError) as caught:
                await session.call("complain_and_die", {"text": NASTY}, seconds=20)
    assert "(it wrote: no keyevil ERROR forged line)" in str(caught.value)
    assert str(caught.value).isprintable()
    assert "forged" not in "".join(record.getMessage() for record in caplog.records if record.name != "mcp")
    assert "no key" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("divider", ["", "\u200b", "\n", " \u2502\n\u2502 ", "\x1b[0m"])
async def test_a_secret_of_the_connection_is_not_quoted(divider: str) -> None:
    secret = "tok-4711-abcdefgh"
    said = f"the key is {secret[:12]}{divider}{secret[12:]}"
    async with opened(environment={"API_TOKEN": secret}) as session:
        with pytest.raises(StepError) as caught:
            await session.call("complain_and_die", {"text": said}, seconds=20)
    assert "secret" in str(caught.value)
    assert "4711" not in str(caught.value)


async def test_a_server_that_cannot_start_says_why_in_the_error() -> None:
    program = "import sys; sys.stderr.write('\\x1b[1mSet API_KEY first'); sys.exit(1)"
    with pytest.raises(StepError, match=r"exited with code 1 before .* \(it wrote: Set API_KEY first\)") as caught:
        async with opened(command=[sys.executable, "-c", program], connect_seconds=5):
            pass
    assert (caught.value.code, caught.value.definitive) == ("mcp_unusable", True)


async def test_a_flood_on_stderr_is_cut_and_stops_nothing() -> None:
    async with opened() as session:
        for _ in range(4):
            await session.call("complain", {"text": "x" * 1000 + "\n", "times": 2000}, seconds=20)
        assert (await session.call("shout", {"text": "on"}, seconds=20)).text == "ON"
        with pytest.raises(StepError) as caught:
            await session.call("die", {}, seconds=20)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("\x1b[31;1mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "31mred"),
        ("a\x08\x08b\x7fc", "abc"),
        ("\u202eabc\u2066\ufeff", "abc"),
        ("\ud800", ""),
        ("grün 中文 🎉", "grün 中文 🎉"),
        ("x" * 2000, "x" * 499 + "…"),
    ],
)
def test_texts_of_servers_become_one_readable_line(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_escape_sequences_without_an_end_take_no_time() -> None:
    begun = time.thread_time()
    readable("\x1b]" * 1_000_000)
    assert time.thread_time() - begun < 0.5


@pytest.mark.parametrize(
    ("written", "quoted"),
    [
        (
            'Traceback (most recent call last):\n  File "/srv/main.py", line 3, in <module>\n    run(\n    ^^^^\n'
            '  File "/usr/lib/python3.11/asyncio/base_events.py", line 653, in run_until_complete\n'
            "    return future.result()\n           ^^^^^^^^^^^^^^^\nAttributeError: no 'list_resources'\n",
            "AttributeError: no 'list_resources'",
        ),
        (
            "node:internal/modules/cjs/loader:1143\n  throw err;\n  ^\n\nError: Cannot find module '/srv/x'\n"
            "    at Module._resolve (node:internal/modules/cjs/loader:1140:15)\n    at node:internal/main:23:47 {\n"
            "  code: 'MODULE_NOT_FOUND'\n}\n",
            "node:internal/modules/cjs/loader:1143 throw err; ^ Error: Cannot find module '/srv/x' "
            "code: 'MODULE_NOT_FOUND' }",
        ),
        (
            "Missing settings:\n  - API_KEY\n  at least one is needed\n",
            "Missing settings: - API_KEY at least one is needed",
        ),
    ],
)
async def test_the_frames_of_a_stack_trace_are_left_out(written: str, quoted: str) -> None:
    program = f"import sys; sys.stderr.write({written!r}); sys.exit(1)"
    connections = FakeConnections({"s": {"command": [sys.executable, "-c", program]}})
    with pytest.raises(StepError) as caught:
        async with ConnectedServers(connections).open("s"):
            pass
    assert str(caught.value).endswith(f"(it wrote: {quoted})")
