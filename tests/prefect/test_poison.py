"""One execution that crashes every process it runs in, among many: it is quarantined, and the others finish."""

import asyncio
import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbuilder.audit import audit
from flowbuilder.settings import Settings
from flowbuilder.steps.registry import step_types
from tests.support.proof import THOROUGH, sample
from tests.support.servers.prefect_installation import PrefectInstallation, until
from tests.support.servers.prefect_server import BIN, PrefectServer, program

pytestmark = pytest.mark.prefect

LEASE = 15.0 if THOROUGH else 3.0
"""The lease in seconds: the default, or shorter."""
MANY = sample(quick=10, ci=20, thorough=50)
MODULE = '''
import asyncio
import os
import signal

from pydantic import BaseModel

from flowbuilder.steps.step import Completed, Step, StepRun, Templated


class Fuse(Step):
    """Wait for a moment, then crash the process if `how` says so."""

    cooperative = True
    how: Templated[str] = "not"

    class Output(BaseModel):
        """Whether the step reached its end."""

        done: bool

    async def run(self, run: StepRun) -> Completed:
        """Wait, then crash or complete."""
        await asyncio.sleep(1.0)
        if self.how == "exits":
            os._exit(9)
        if self.how == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        return Completed(output={"done": True})
'''
DOCUMENT = """
schema: flowbuilder/v1
name: fuse
inputs: {how: {type: string, default: not}}
steps:
  - {id: before, type: code, source: "1"}
  - {id: fuse, type: fuse, how: "{{ inputs.how }}", depends_on: [before]}
  - {id: after, type: code, with: {done: "{{ steps.fuse.output.done }}"}, source: "done"}
outputs: {done: "{{ steps.after.output }}"}
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A distribution with a step type that may kill its process, on the path as pip would put it; that path."""
    folder = tmp_path / "site-packages"
    info = folder / "fuse_steps-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "fuse_steps.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fuse-steps\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flowbuilder.steps]\nfuse = fuse_steps:Fuse\n")
    monkeypatch.syspath_prepend(str(folder))
    step_types.cache_clear()
    yield str(folder)
    step_types.cache_clear()


class Supervised:
    """A worker that is restarted whenever it exits, as a supervisor does; `deaths` are its exit codes."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.deaths: list[int] = []
        self._environment, self._log = environment, log
        self._stop = threading.Event()

    def __enter__(self) -> "Supervised":
        self._thread = threading.Thread(target=self._keep)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._stop.is_set():
            with program([str(BIN / "flowbuilder"), "worker"], self._environment, self._log) as worker:
                while not self._stop.is_set():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.deaths.append(worker.wait(0.1))
                        break


async def test_one_poison_execution_among_many_is_quarantined_and_the_others_finish(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path, plugin: str
) -> None:
    workflow = installation.publish(DOCUMENT)
    how = ["segfault" if number == 7 else "not" for number in range(MANY)]
    ids = [await installation.start(workflow, {"how": each}) for each in how]
    poison, others = ids[7], [execution_id for execution_id in ids if execution_id != ids[7]]
    environment = {
        **prefect.environment,
        "FLOWBUILDER_HOME": str(settings.home),
        "FLOWBUILDER_DATABASE_URL": settings.url,
        "FLOWBUILDER_WORK_POOL": settings.work_pool,
        "FLOWBUILDER_LEASE_SECONDS": str(LEASE),
        "FLOWBUILDER_SWEEP_SECONDS": "1",
        "PYTHONPATH": plugin,
    }
    with Supervised(environment, tmp_path / "worker.log") as worker:
        await until(lambda: installation.events(poison, "step_started", "fuse"), what="the poison")
        await installation.status(poison, "paused")
        for execution_id in others:
            await installation.status(execution_id, "completed")
    assert len(installation.events(poison, "worker_lost")) == 3
    assert len(installation.events(poison, "execution_quarantined")) == 1
    assert len(worker.deaths) == 2, f"{worker.deaths}: the third death is to be a child's, which has only the poison"
    for execution_id in others:
        assert not installation.events(execution_id, "execution_quarantined")
        assert len(installation.events(execution_id, "worker_lost")) <= 2
        assert installation.app.execution(execution_id).outputs == {"done": True}
    assert [str(finding) for finding in await asyncio.to_thread(audit, installation.store)] == []
