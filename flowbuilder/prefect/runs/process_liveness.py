"""Process liveness: leases of dead processes of this machine are expired at once, without waiting for their end.

A process counts as dead only when that is certain: the holder's name is of this machine, boot and PID namespace, and no
process has its id. A stopped process is not dead. If another process has the id by now, the lease expires as usual.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

from flowbuilder.errors import Conflict, NotFound
from flowbuilder.model.lease_rules import is_held
from flowbuilder.ports import ExecutionFilter, Store
from flowbuilder.values import digest

MAX_EXECUTIONS = 500
"""The number of running executions that one pass checks, newest first."""


@cache
def this_machine() -> str:
    """An id of this machine, boot and PID namespace."""
    return f"{socket.gethostname()}~{digest([_boot_id(), _pid_namespace()])[:8]}"


def process_of(holder: str) -> int | None:
    """The process id in a lease holder's name; None for a process of another machine, boot or PID namespace."""
    parts = holder.split(":")
    if len(parts) != 4 or parts[1] != this_machine() or not parts[2].isdecimal():
        return None
    return int(parts[2])


def is_dead(holder: str) -> bool:
    """Whether a lease holder's process is known to have died."""
    process = process_of(holder)
    if process is None or not (_boot_id() and _pid_namespace()):
        return False
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return state[:1] == ["Z"]  # a zombie: it has ended, and its parent has not waited for it yet


def expire_leases_of_dead_processes(store: Store) -> list[str]:
    """Expire the leases of dead processes of this machine; returns the ids of their executions."""
    expired, now = [], store.now()
    for execution in store.executions(ExecutionFilter(statuses=frozenset({"running"})), limit=MAX_EXECUTIONS):
        if execution.holder is not None and is_held(execution, now) and is_dead(execution.holder):
            try:
                store.expire_lease(execution.id, execution.holder)
            except (Conflict, NotFound):
                continue
            expired.append(execution.id)
    return expired


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
