"""Databases behind connections: each statement has a connection and a transaction of its own."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from ipaddress import ip_address

from flowbuilder.adapters.egress import is_public
from flowbuilder.adapters.sql.record import DatabaseRecord, database_record
from flowbuilder.adapters.sql.running import run_query
from flowbuilder.errors import StepError, TransientError
from flowbuilder.ports import Connections, NoThrottle, Throttle
from flowbuilder.ports.allowed_hosts import current_hosts, ensure_host
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.sql import SqlAnswer, SqlRequest
from flowbuilder.ports.url import PUBLIC, is_named, refused


class ConnectedDatabases:
    """Implements `ports.Databases`. Which server a connection names is the administrator's word, as with an MCP server;
    the `hosts` of a workflow hold for it as well."""

    def __init__(
        self, connections: Connections, throttle: Throttle | None = None, secrets: KnownSecrets | None = None
    ) -> None:
        self._connections = connections
        self._throttle = throttle or NoThrottle()
        self._secrets = secrets or KnownSecrets()

    async def execute(self, request: SqlRequest) -> SqlAnswer:
        """Run the statement, as `ports.Databases.execute`."""
        connection = await self._connections.get(request.connection)
        self._secrets.add_connection(request.connection, connection)
        record = database_record(request.connection, connection)
        async with self._throttle.acquire(request.connection):
            if record.family == "sqlite":
                from flowbuilder.adapters.sql import sqlite

                opener = sqlite.file_opener(record.file, writes=request.writes)
                work = partial(sqlite.execute, request, open_with=opener)
            else:
                arguments = {**record.arguments, **await _addresses(record)}
                from flowbuilder.adapters.sql import postgres  # here: its driver takes a while to load

                work = partial(postgres.execute, request, arguments=arguments)
            return await run_query(request.connection, work, seconds=request.seconds)


async def _addresses(record: DatabaseRecord) -> dict[str, str]:
    """The addresses to connect to in place of names, where only the word `public` allows the hosts of a database; none
    where each host is allowed by name. `StepError` (`egress`) for a host that is not allowed."""
    hosts, found = current_hosts(), []
    for host, port in record.hosts:
        ensure_host(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        if PUBLIC in hosts and not is_named(host.lower(), hosts):
            found.append(await _public_address(host, port))
    given = record.arguments.get("hostaddr")
    if hosts and given:
        raise refused(f"database {record.name} names an address (hostaddr) beside its host; leave one of them out")
    if found and len(found) != len(record.hosts):
        raise refused(
            f"some hosts of database {record.name} are not among the hosts of this workflow; name all of them"
        )
    return {"hostaddr": ",".join(found)} if found else {}


async def _public_address(host: str, port: int) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise TransientError(f"{host} cannot be found: {problem}", reason="connection") from None
    addresses = [str(item[4][0]) for item in found]
    if not all(is_public(ip_address(address)) for address in addresses):
        raise StepError(f"{host} is not a public host; add it to hosts in the workflow or in the site", code="egress")
    return addresses[0]
