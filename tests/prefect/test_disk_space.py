"""A worker on a disk that is nearly full starts no execution, logs that once, and continues when there is space."""

import asyncio
import logging
from pathlib import Path

import pytest

from flowbuilder.devstack.doctor import run_checks
from flowbuilder.prefect.worker import dispatcher
from flowbuilder.settings import Settings
from flowbuilder.store.db import disk_space
from tests.support.documents import NOTE
from tests.support.servers.prefect_installation import PrefectInstallation, flow_run, until

pytestmark = pytest.mark.prefect


async def test_without_disk_space_no_step_starts_and_with_space_the_execution_resumes(
    installation: PrefectInstallation,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "flowbuilder.prefect.worker.dispatcher")
    Path(settings.home).mkdir(parents=True, exist_ok=True)
    workflow = installation.publish(NOTE)
    with monkeypatch.context() as full:
        full.setattr(disk_space, "free_bytes", lambda _: 12_000_000)
        full.setattr(dispatcher, "LOG_ONCE_SECONDS", 3600.0)
        async with installation.worker() as worker:
            ids = [await installation.start(workflow, {"text": f"number {number}"}) for number in range(3)]
            await until(lambda: set(ids) <= worker.dispatcher._cooldown._until.keys(), what="a try of each")
            assert {installation.app.execution(execution_id).attempt for execution_id in ids} == {0}
            [said] = [record.message for record in caplog.records if record.name == dispatcher.__name__]
            assert "only 12.0 MB are free" in said
            assert "64.0 MB are needed; no new work starts until there is more" in said
            run = await flow_run(ids[0])
            assert run.state is not None
            assert run.state.is_scheduled()
            findings = await asyncio.to_thread(lambda: list(run_checks(settings)))  # a command, with its own event loop
            [found] = [finding for finding in findings if finding.name == "disk space"]
            assert found.verdict == "problem"
            assert "only 12.0 MB are free" in found.message
            full.undo()
            for execution_id in ids:
                await installation.status(execution_id, "waiting")
