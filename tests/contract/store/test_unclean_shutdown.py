"""A SQLite file that was not closed properly is checked before it is used."""

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from flowbuilder.errors import ConfigurationError
from flowbuilder.store import open_store
from flowbuilder.testing import FakeClock
from tests.support.store_contract import StoreHarness

WORK = textwrap.dedent(
    """
    import sys, time
    from flowbuilder.store import open_store
    store = open_store(sys.argv[1])
    for number in range(200):
        store.save_site(f"site-{number}", {"text": 1000 * "x"})
    print("written", flush=True)
    time.sleep(60)
    """
)


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


def killed(file: Path) -> None:
    """Let another process write, and kill it."""
    command = [sys.executable, "-c", WORK, f"sqlite:///{file}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"written\n"
        child.send_signal(signal.SIGKILL)
    assert log_of(file).stat().st_size > 0


def log_of(file: Path) -> Path:
    return file.with_name(file.name + "-wal")


def spoil(file: Path) -> None:
    """Overwrite pages in the middle, as a torn write would."""
    with file.open("r+b") as data:
        data.seek(8192)
        data.write(os.urandom(8192))


def test_after_a_kill_the_file_is_checked_once(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flowbuilder.store.db.unclean_shutdown")
    killed(file)
    for _ in range(2):
        with contextlib.closing(open_store(f"sqlite:///{file}")) as store:
            assert len(store.sites()) == 200
    [looked] = caplog.records
    assert "was not closed properly; it is intact" in looked.message


def test_a_damaged_file_is_refused_with_a_remedy(file: Path) -> None:
    killed(file)
    spoil(file)
    log_of(file).write_bytes(log_of(file).read_bytes()[:4096])  # the pages are no longer in the log
    with pytest.raises(ConfigurationError, match=r"not closed properly and is damaged .*flowbuilder restore"):
        open_store(f"sqlite:///{file}")


def test_a_file_that_is_not_a_database_is_refused(file: Path) -> None:
    file.write_bytes(os.urandom(8192))
    log_of(file).write_bytes(b"something")
    with pytest.raises(ConfigurationError, match="damaged"):
        open_store(f"sqlite:///{file}")


def test_a_file_in_use_is_not_checked(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flowbuilder.store.db.unclean_shutdown")
    clock = FakeClock()
    with contextlib.closing(open_store(f"sqlite:///{file}", clock=clock)) as first:
        StoreHarness(first, clock).create_execution()
        assert log_of(file).exists()
        with contextlib.closing(open_store(f"sqlite:///{file}", clock=clock)) as second:
            assert second.execution("run-1").status == "queued"
    assert caplog.records == []


def test_a_clean_stop_needs_no_check(file: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO, "flowbuilder.store.db.unclean_shutdown")
    environment = {**os.environ, "FLOWBUILDER_HOME": str(tmp_path), "FLOWBUILDER_DATABASE_URL": f"sqlite:///{file}"}
    program = shutil.which("flowbuilder", path=str(Path(sys.executable).parent))
    assert program is not None
    subprocess.run([program, "executions"], env=environment, check=True, capture_output=True)
    with contextlib.closing(open_store(f"sqlite:///{file}")):
        assert caplog.records == []
