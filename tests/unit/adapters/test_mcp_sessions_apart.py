"""Sessions with several MCP servers that are opened at once do not end each other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flowbuilder.adapters.mcp.shared_sessions import SharedSessions
from flowbuilder.errors import StepError


class Session:
    is_usable = True
    stopped = False

    def stop(self) -> None:
        self.stopped = True

    async def ended(self) -> None:
        """There is nothing to wait for."""


class Servers:
    """`bad` fails while `good`, whose session was begun after it, still connects."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.both = asyncio.Event()

    async def start(self, server: str, opened: Any) -> Session:
        session = self.sessions[server] = Session()
        opened(session)
        if len(self.sessions) == 2:
            self.both.set()
        await self.both.wait()
        if server == "bad":
            raise StepError("no such command", code="mcp_failed")
        await asyncio.sleep(0.05)
        return session

    def limited(self, server: str, session: Session) -> Session:
        return session


async def test_a_server_that_cannot_be_opened_ends_no_other() -> None:
    servers = Servers()
    shared = SharedSessions(servers)  # type: ignore[arg-type]

    async def use(server: str) -> Any:
        async with shared.open(server) as session:
            return session

    failed, used = await asyncio.gather(use("bad"), use("good"), return_exceptions=True)
    assert isinstance(failed, StepError)
    assert servers.sessions["bad"].stopped
    assert used is servers.sessions["good"]
    assert not servers.sessions["good"].stopped
    with pytest.raises(StepError):
        await use("bad")
