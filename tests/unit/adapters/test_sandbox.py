"""Authors' Python in the real sandbox."""

import asyncio
import json
import logging
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psutil
import pytest

from flowbuilder.adapters.sandbox import MontySandbox
from flowbuilder.adapters.sandbox_isolation import isolated_worker_binary
from flowbuilder.errors import StepError

FOLDER = Path(__file__).parents[2] / "cases/attacks"
ATTACKS = [json.loads(line) for line in (FOLDER / "code.jsonl").read_text().splitlines()]
CONTEXT = json.loads((FOLDER / "context.json").read_text())


@pytest.fixture(scope="module")
def sandbox():
    opened = MontySandbox(processes=2)
    yield opened
    opened.close()


@pytest.mark.parametrize("row", ATTACKS, ids=lambda row: row["payload"][:40])
async def test_hostile_programs_end_within_their_limits(sandbox: MontySandbox, row):
    begun = time.monotonic()
    ended = "ok"
    try:
        await sandbox.run(row["payload"], CONTEXT, seconds=0.5, megabytes=32)
    except StepError as problem:
        at_compile = isinstance(problem.detail, dict) and problem.detail["stage"] == "compile"
        ended = "reject_at_compile" if at_compile else "error_at_run"
    assert time.monotonic() - begun < 3.0
    accepted = {row["expect"], *row.get("also", ())}
    assert ended in accepted or "bounded" in accepted


async def test_the_value_of_the_last_expression_is_the_result(sandbox: MontySandbox):
    value = await sandbox.run(
        "total = sum(rows)\n{'total': total, 'pair': (1, 2)}", {"rows": [1, 2]}, seconds=1, megabytes=16
    )
    assert value == {"total": 3, "pair": [1, 2]}


async def test_a_program_without_a_last_expression_gives_null(sandbox: MontySandbox):
    assert await sandbox.run("x = 1", {}, seconds=1, megabytes=16) is None


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        ("a = 1\nb = (", "syntax", 2),
        ("a = 1\n\nraise ValueError('no')", "code_failed", 3),
        ("def f():\n    return 1 / 0\nf()", "code_failed", 2),
        ("while True: pass", "limit.time", None),
        ("x = 'a' * 10**9", "limit.memory", 1),
        ("def f(): return f()\nf()", "limit.recursion", 1),
        ("{1, 2}", "not_json", None),
        ("2 ** 100", "not_json", None),
        ("float('nan')", "not_json", None),
        ("unknown", "code_failed", 1),
    ],
)
async def test_an_error_names_its_kind_and_its_line(sandbox: MontySandbox, source, code, line):
    with pytest.raises(StepError) as caught:
        await sandbox.run(source, {}, seconds=0.5, megabytes=16)
    found = caught.value.detail["line"] if isinstance(caught.value.detail, dict) else None
    assert (caught.value.code, found) == (code, line)


async def test_runs_share_nothing(sandbox: MontySandbox):
    await sandbox.run("leaked = 1", {}, seconds=1, megabytes=16)
    with pytest.raises(StepError, match="leaked"):
        await sandbox.run("leaked", {}, seconds=1, megabytes=16)


async def test_random_numbers_repeat_so_that_a_step_can_be_replayed(sandbox: MontySandbox):
    rolls = [await sandbox.run("import random\nrandom.random()", {}, seconds=1, megabytes=16) for _ in range(2)]
    assert rolls[0] == rolls[1]


NOW = datetime(2026, 3, 1, 23, 30, 15, 250000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("import datetime\nstr(datetime.datetime.now(datetime.timezone.utc))", "2026-03-01 23:30:15.250000+00:00"),
        ("import datetime\nstr(datetime.datetime.now())", "2026-03-01 23:30:15.250000"),
        ("import datetime\nstr(datetime.date.today())", "2026-03-01"),
        ("import time\ntime.time()", NOW.timestamp()),
        ("import time\ntime.time_ns() // 1_000_000", int(NOW.timestamp() * 1000)),
        ("import time\ntime.monotonic() - time.monotonic()", 0.0),
        ("import time\nbefore = time.time()\nfor i in range(100000): pass\ntime.time() - before", 0.0),
        ("import time\nbefore = time.perf_counter()\ntime.sleep(5)\ntime.perf_counter() - before", 0.0),
        ("import time\ntime.process_time()", 0.0),
        ("import time\ntime.strftime('%H:%M')", "23:30"),
    ],
)
async def test_every_clock_stands_still_at_the_given_time(sandbox: MontySandbox, source, shown):
    far = NOW.astimezone(timezone(timedelta(hours=-8)))  # the same moment: the program sees UTC
    assert await sandbox.run(source, {}, seconds=2, megabytes=16, now=far) == shown


@pytest.mark.parametrize(
    "source",
    [
        "import random\n[random.random(), random.randint(1, 10**9)]",
        "import random\nrandom.Random().random()",
        "import random\nrandom.seed()\nrandom.random()",
        "import random\nrandom.sample(range(1000), 5)",
    ],
)
async def test_random_numbers_follow_from_the_seed(sandbox: MontySandbox, source):
    once, again, other = [await sandbox.run(source, {}, seconds=1, megabytes=16, seed=seed) for seed in ("a", "a", "b")]
    assert once == again
    assert once != other


@pytest.mark.parametrize("source", ["hash('title')", "class A: pass\nrepr(A())", "[*{'a', 'b', 'c', 'd', 'e'}]"])
async def test_hashes_addresses_and_the_order_of_sets_are_those_of_every_other_worker(source):
    values = []
    for _ in range(2):
        sandbox = MontySandbox(processes=1)
        values.append(await sandbox.run(source, {}, seconds=1, megabytes=16))
        sandbox.close()
    assert values[0] == values[1]


@pytest.mark.parametrize("source", ["import os\nos.urandom(8)", "import uuid", "import secrets"])
async def test_there_is_no_other_source_of_randomness(sandbox: MontySandbox, source):
    with pytest.raises(StepError):
        await sandbox.run(source, {}, seconds=1, megabytes=16)


@pytest.mark.parametrize("source", ["import os\nos.environ['SECRET_TOKEN']", "open('/proc/self/environ').read()"])
async def test_the_sandbox_has_no_secrets_of_this_process(
    sandbox: MontySandbox, monkeypatch: pytest.MonkeyPatch, source
):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    with pytest.raises(StepError) as caught:
        await sandbox.run(source, {}, seconds=1, megabytes=16)
    assert "hunter2" not in str(caught.value)


def bubblewrap_works() -> bool:
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return (
        shutil.which("bwrap") is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not bubblewrap_works(), reason="no bubblewrap here, or no user namespaces")
async def test_the_interpreter_itself_is_cut_off_from_network_disk_and_privileges():
    # sleep returns at once in the sandbox: only work keeps a worker busy
    before = set(psutil.Process().children(recursive=True))
    sandbox = MontySandbox(processes=1)
    running = asyncio.create_task(sandbox.run("while True: pass", {}, seconds=3, megabytes=16))
    seen = None
    while seen is None and not running.done():
        await asyncio.sleep(0.05)
        started = set(psutil.Process().children(recursive=True)) - before
        seen = next((child for child in started if child.name().startswith("monty")), None)
    assert seen is not None
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{seen.pid}/status").read_text().splitlines())
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for kind in ("net", "mnt", "pid", "ipc"):
        assert os.readlink(f"/proc/{seen.pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
    assert not Path(f"/proc/{seen.pid}/root/etc").exists()
    assert not Path(f"/proc/{seen.pid}/root/home").exists()
    assert not Path(f"/proc/{seen.pid}/environ").read_bytes().replace(b"PWD=/\0", b"").strip(b"\0")
    with pytest.raises(StepError):
        await running
    sandbox.close()


def test_a_missing_bubblewrap_is_reported(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setenv("PATH", "")
    isolated_worker_binary.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert isolated_worker_binary() is None
    isolated_worker_binary.cache_clear()
    assert "without bubblewrap" in caplog.text


async def test_many_runs_share_few_workers(sandbox: MontySandbox):
    values = await asyncio.gather(*[sandbox.run("n * n", {"n": n}, seconds=1, megabytes=16) for n in range(50)])
    assert values == [n * n for n in range(50)]


async def test_a_stopped_worker_is_replaced(sandbox: MontySandbox):
    for _ in range(3):
        with pytest.raises(StepError):
            await sandbox.run("x = 3 ** 100000\nfor i in range(20): x = x * x", {}, seconds=0.3, megabytes=32)
        assert await sandbox.run("1 + 1", {}, seconds=1, megabytes=16) == 2


def test_the_sandbox_works_in_one_event_loop_after_another(sandbox: MontySandbox):
    assert [asyncio.run(sandbox.run("1 + 1", {}, seconds=1, megabytes=16)) for _ in range(2)] == [2, 2]
