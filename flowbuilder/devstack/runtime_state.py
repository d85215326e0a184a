"""Where the parts of this machine's flowbuilder are, written down so that other commands find them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "running.json"


@dataclass(frozen=True, kw_only=True)
class RuntimeState:
    """The addresses of a running `up`, and its process id. `site` is empty unless the sample site runs."""

    pid: int
    prefect: str
    review: str
    site: str = ""

    @property
    def prefect_api(self) -> str:
        """Prefect's API, as PREFECT_API_URL has it."""
        return f"{self.prefect}/api"


def write_runtime_state(home: Path, addresses: RuntimeState) -> None:
    """Write them down; nobody sees half of them."""
    draft = home / f".{FILE}.{addresses.pid}"
    draft.write_text(json.dumps(asdict(addresses), indent=2), encoding="utf-8")
    draft.replace(home / FILE)


def remove_runtime_state(home: Path) -> None:
    """Take them away again."""
    (home / FILE).unlink(missing_ok=True)


def read_runtime_state(home: Path) -> RuntimeState | None:
    """Those of the `up` that runs in this home; None when none does."""
    try:
        found = RuntimeState(**json.loads((home / FILE).read_text(encoding="utf-8")))
        os.kill(found.pid, 0)
    except PermissionError:
        return found
    except (OSError, ValueError, TypeError):
        return None
    return found


def use_running_prefect(home: Path) -> None:
    """Without a PREFECT_API_URL, mean the Prefect server that `up` runs in this home."""
    if os.environ.get("PREFECT_API_URL"):
        return
    found = read_runtime_state(home)
    if found is not None:
        os.environ["PREFECT_API_URL"] = found.prefect_api
