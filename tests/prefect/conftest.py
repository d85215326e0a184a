"""Tests of the Prefect integration, all with one real server."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbuilder.adapters.ports import SystemClock
from flowbuilder.settings import Settings
from flowbuilder.store import open_store
from flowbuilder.testing import fake_ports
from tests.support.servers.prefect_installation import PrefectInstallation
from tests.support.servers.prefect_server import PrefectServer, prefect_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A time limit that only stops tests that hang: a Prefect server needs a minute to start on a busy machine."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(600), append=False)


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """The Prefect server of this test run."""
    with prefect_server(tmp_path_factory) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    """Settings with their own home, database and work pool."""
    return Settings(
        home=tmp_path / "home",
        database_url=sqlite_url,
        work_pool=f"pool-{uuid.uuid4().hex[:8]}",
        sites=tmp_path / "sites",
        lease_seconds=3.0,
        sweep_seconds=1.0,
    )


@pytest.fixture
def installation(prefect: PrefectServer, settings: Settings) -> Iterator[PrefectInstallation]:
    """An installation with a store on SQLite and the public fakes as ports."""
    with contextlib.closing(open_store(settings.url, durable=False)) as store:
        yield PrefectInstallation(store=store, ports=fake_ports(clock=SystemClock()), settings=settings)
