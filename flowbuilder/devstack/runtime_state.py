"""The runtime state file of `up`: its addresses and process id, for other commands on this machine."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from flowbuilder.ports.private_files import open_private

FILE = "running.json"


@dataclass(frozen=True, kw_only=True)
class RuntimeState:
    """The process id and addresses of a running `up`. `site` is empty unless the sample site runs."""

    pid: int
    prefect: str
    review: str
    site: str = ""

    @property
    def prefect_api(self) -> str:
        """The value for PREFECT_API_URL."""
        return f"{self.prefect}/api"


def write_runtime_state(home: Path, state: RuntimeState) -> None:
    """Write the state file atomically."""
    draft = home / f".{FILE}.{state.pid}"
    with os.fdopen(open_private(draft, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
        json.dump(asdict(state), file, indent=2)
    draft.replace(home / FILE)


def remove_runtime_state(home: Path) -> None:
    """Delete the state file, if it exists."""
    (home / FILE).unlink(missing_ok=True)


def read_runtime_state(home: Path) -> RuntimeState | None:
    """The state of the `up` that runs in this home; None when none runs or the file cannot be read."""
    try:
        found = RuntimeState(**json.loads((home / FILE).read_text(encoding="utf-8")))
        os.kill(found.pid, 0)
    except PermissionError:
        return found
    except (OSError, ValueError, TypeError):
        return None
    return found


def use_running_prefect(home: Path) -> None:
    """Set PREFECT_API_URL to the server of the `up` that runs in this home, unless it is set."""
    if os.environ.get("PREFECT_API_URL"):
        return
    found = read_runtime_state(home)
    if found is not None:
        os.environ["PREFECT_API_URL"] = found.prefect_api
