"""Leases of processes of this machine that have died end at once: nobody waits for them to run out.

Only what is certain counts: a name of the same start of the same machine, of the same space of process ids, and with no
process of its id. A process that stands still is alive; and one whose id another has by now is waited for as ever.
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

MOST = 500
"""How many executions are looked at in one go, the newest first."""


@cache
def this_place() -> str:
    """The machine, by its name, and a mark that its other starts and its containers do not share."""
    return f"{socket.gethostname()}~{digest([_boot(), _space()])[:8]}"


def process_of(holder: str) -> int | None:
    """The id of the process of this place that such a name is of; None where it is of another place."""
    parts = holder.split(":")
    if len(parts) != 4 or parts[1] != this_place() or not parts[2].isdecimal():
        return None
    return int(parts[2])


def is_dead(holder: str) -> bool:
    """Whether the process that such a name is of is known to be gone."""
    process = process_of(holder)
    if process is None or not (_boot() and _space()):
        return False
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return state[:1] == ["Z"]  # it has ended, and only its parent has not asked how


def expire_leases_of_dead_processes(store: Store) -> list[str]:
    """End the leases of all such processes; the ids of their executions."""
    buried, now = [], store.now()
    for execution in store.executions(ExecutionFilter(statuses=frozenset({"running"})), limit=MOST):
        if execution.holder is not None and is_held(execution, now) and is_dead(execution.holder):
            try:
                store.expire_lease(execution.id, execution.holder)
            except (Conflict, NotFound):
                continue
            buried.append(execution.id)
    return buried


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
