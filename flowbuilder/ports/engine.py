"""What runs executions."""

from __future__ import annotations

from typing import Protocol

from flowbuilder.values import JsonObject


class Engine(Protocol):
    """What runs executions. Prefect in production; this process with `--local`; a list in tests."""

    def start(
        self,
        *,
        workflow: str,
        version: int,
        inputs: JsonObject,
        site: str | None,
        draft: bool,
        key: str | None = None,
    ) -> str:
        """Start an execution; returns its id. The same key starts the same one, also after a crash in the middle."""

    def wake(self, execution_id: str) -> None:
        """Have a worker take the execution up again. A hint: losing one only costs time."""

    def cancel(self, execution_id: str) -> None: ...
