"""The schedule of faults follows from the seed, has each fault often enough, and ends in time."""

from pathlib import Path

from chaos.faults import faults
from chaos.options import Options, default_intervals
from chaos.schedule import LAST_SHARE, schedule


def moments(*, seconds: float, seed: int) -> dict[str, tuple[float, ...]]:
    wanted = faults(Options(seconds=seconds, seed=seed, folder=Path("nowhere")))
    return {planned.fault.name: planned.moments for planned in schedule(wanted, seconds=seconds, seed=seed)}


def test_the_same_seed_is_the_same_schedule() -> None:
    assert moments(seconds=600, seed=1) == moments(seconds=600, seed=1)
    assert moments(seconds=600, seed=1) != moments(seconds=600, seed=2)


def test_a_short_run_has_every_fault_in_time() -> None:
    for seed in range(20):
        for fault, found in moments(seconds=60, seed=seed).items():
            assert found, fault
            assert found[-1] < 60 * LAST_SHARE


def test_in_ten_minutes_each_fault_occurs_at_its_rate() -> None:
    found = moments(seconds=600, seed=1)
    assert 30 <= len(found["worker SIGKILL"]) <= 50
    assert 18 <= len(found["PostgreSQL crash restart"]) <= 30
    assert 3 <= len(found["Prefect restored from an older copy"]) <= 6


def test_on_sqlite_no_server_is_crashed() -> None:
    there = {fault.name for fault in faults(Options(seconds=60, seed=1, folder=Path("nowhere"), database="sqlite"))}
    assert "PostgreSQL crash restart" not in there
    assert len(there) == 12


def test_a_long_run_uses_the_default_lease() -> None:
    assert default_intervals(600) == (15.0, 5.0)
    assert default_intervals(60) == (3.0, 1.0)
