"""The database is unavailable during a step: the step runs again, nothing fails, and no traceback is logged."""

from collections.abc import Callable
from typing import Any

import pytest

from flowbuilder.errors import Unavailable
from tests.support.documents import ITEMS, NOTE
from tests.support.servers.prefect_installation import PrefectInstallation

pytestmark = pytest.mark.prefect


class AwayOnce:
    """A store that is unavailable when an outcome is recorded for the first time."""

    def __init__(self, store: Any, wanted: Callable[[str], bool]) -> None:
        self._store, self._wanted = store, wanted
        self.away = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def record_outcome(self, lease: Any, outcome: Any, events: Any) -> Any:
        if self._wanted(outcome.path) and not self.away:
            self.away += 1
            raise Unavailable("the database is away")
        return self._store.record_outcome(lease, outcome, events)


@pytest.mark.parametrize(
    ("document", "inputs", "path"),
    [(NOTE, {"text": "hello"}, "both"), (ITEMS, {"numbers": [1, 2]}, "each[1].half")],
    ids=["a step at the top", "a step of an item"],
)
async def test_a_step_whose_outcome_could_not_be_recorded_runs_again(
    installation: PrefectInstallation,
    document: str,
    inputs: dict[str, Any],
    path: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store: Any = AwayOnce(installation.store, lambda there: there == path)
    there = PrefectInstallation(store=store, ports=installation.ports, settings=installation.settings)
    workflow = there.publish(document)
    async with there.worker():
        execution_id = await there.start(workflow, inputs)
        await there.status(execution_id, "waiting", "completed")
    assert store.away == 1
    assert len(there.events(execution_id, "step_completed", path)) == 1
    assert not there.events(execution_id, "step_failed")
    assert not [record for record in caplog.records if record.exc_info and "cannot run here" in record.message]
