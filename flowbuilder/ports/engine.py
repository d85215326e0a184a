"""What runs executions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """An execution that is to be started: of which version, with checked inputs. `draft`: the version is not published.

    The same `key` starts the same execution, also after a crash in the middle.
    """

    workflow: str
    version: int
    inputs: JsonObject
    site: str | None = None
    draft: bool = False
    key: str | None = None


class Engine(Protocol):
    """What runs executions. Prefect in production; this process with `--local`; a list in tests."""

    def start(self, wanted: StartRequest) -> str:
        """Start an execution; returns its id."""

    def wake(self, execution_id: str) -> None:
        """Have a worker take the execution up again. A hint: losing one only costs time."""

    def cancel(self, execution_id: str) -> None: ...
