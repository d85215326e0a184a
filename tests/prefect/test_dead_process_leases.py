"""Leases of dead processes of this machine expire at once; those of running, stopped and remote processes do not."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flowbuilder.errors import Conflict
from flowbuilder.prefect.runs.process_liveness import expire_leases_of_dead_processes, is_dead, process_of, this_machine
from flowbuilder.prefect.runs.worker_context import new_holder
from flowbuilder.testing import FakeClock, MemoryStore
from tests.support.servers.prefect_server import wait_until
from tests.support.store_contract import TTL, StoreHarness


def holder_of(process: int, place: str | None = None) -> str:
    kind, here, _, number = new_holder("worker").split(":")
    return f"{kind}:{place or here}:{process}:{number}"


@contextmanager
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


def test_a_holder_names_its_process() -> None:
    mine = new_holder("worker")
    assert process_of(mine) == os.getpid()
    assert not is_dead(mine)


def test_a_killed_process_counts_as_dead_before_it_is_reaped() -> None:
    with child() as running:
        holder = holder_of(running.pid)
        assert not is_dead(holder)
        running.kill()
        wait_until(lambda: is_dead(holder), what="its end")
        running.wait()
        assert is_dead(holder)


def test_a_stopped_process_counts_as_alive() -> None:
    with child() as running:
        running.send_signal(signal.SIGSTOP)
        assert not is_dead(holder_of(running.pid))
        running.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("place", ["elsewhere~12345678", "elsewhere", this_machine() + "x"])
def test_processes_of_other_machines_containers_or_boots_are_unknown(place: str) -> None:
    with child() as running:
        running.kill()
        running.wait()
        assert is_dead(holder_of(running.pid))
        assert not is_dead(holder_of(running.pid, place))


def test_only_executions_of_dead_processes_are_ready_at_once() -> None:
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    harness = StoreHarness(store, clock)
    with child() as running, child() as exited:
        exited.kill()
        exited.wait()
        harness.claim("of-the-dead", holder=holder_of(exited.pid))
        harness.claim("of-the-living", holder=holder_of(running.pid))
        harness.claim("of-another-machine", holder=holder_of(exited.pid, "elsewhere~12345678"))
        assert expire_leases_of_dead_processes(store) == ["of-the-dead"]
        assert [execution.id for execution in store.ready()] == ["of-the-dead"]
        store.claim("of-the-dead", "worker-2", TTL)
        for execution_id in ("of-the-living", "of-another-machine"):
            with contextlib.suppress(Conflict):
                store.claim(execution_id, "worker-2", TTL)
                raise AssertionError(f"{execution_id} was taken from its holder")
    assert expire_leases_of_dead_processes(store) == ["of-the-living"]
    assert store.execution("of-the-dead").deaths == 1
