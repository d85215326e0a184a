"""Reads connections and database URLs from Prefect blocks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from flowbuilder.adapters.prefect_blocks.block_types import KINDS
from flowbuilder.errors import ConfigurationError, NotFound, Throttled, TransientError, Unavailable
from flowbuilder.ports import Connections
from flowbuilder.values import Json, JsonObject, ensure_json

CACHE_SECONDS = 20.0
"""Seconds for which a block is cached: a rotated secret takes effect after at most this time."""
RETRY_SECONDS = 5.0
"""Seconds after which a step asks again for a block that could not be read."""
LIMITS = ("concurrency", "rate", "burst")
"""Fields of a block that are under `limits` in a connection."""
_OWN_KINDS = tuple(kind.get_block_type_slug() for kind in KINDS)
DATABASE_KINDS = ("sqlalchemy-connector", "async-sqlalchemy-connector", "database-credentials")


class BlockConnections:
    """Implements `ports.Connections`: a block of that name, of any of our types or of prefect-sqlalchemy; else the
    connection of `fallback`.

    While Prefect does not answer, the last known values are used; without any, `Throttled` makes the step wait.
    """

    def __init__(self, fallback: Connections) -> None:
        self._fallback = fallback
        self._cache: dict[str, tuple[float, JsonObject]] = {}

    async def get(self, name: str) -> JsonObject:
        """The block's values with clear secrets; `ConfigurationError` when there is neither block nor fallback."""
        known = self._cache.get(name)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            found = await self._block(name) if PREFECT_API_URL.value() else None
        except TransientError as problem:
            if known is not None:
                return known[1]
            message = f"the connection {name} cannot be read: {problem}"
            raise Throttled(message, connection=name, retry_after=RETRY_SECONDS) from None
        if found is not None:
            self._cache[name] = (time.monotonic() + CACHE_SECONDS, found)
            return found
        try:
            return await self._fallback.get(name)
        except ConfigurationError as problem:
            raise ConfigurationError(f"there is no flowbuilder block {name!r} in Prefect, and {problem}") from None

    async def _block(self, name: str) -> JsonObject | None:
        try:
            async with get_client() as client:
                found = await asyncio.gather(
                    *(client.read_block_document_by_name(name, slug) for slug in (*_OWN_KINDS, *DATABASE_KINDS)),
                    return_exceptions=True,
                )
        except httpx.HTTPError as problem:
            raise TransientError(f"Prefect's blocks: {problem}", reason="connection") from None
        for index, item in enumerate(found):
            if isinstance(item, ObjectNotFound):
                continue
            if isinstance(item, BaseException):
                raise TransientError(f"Prefect's blocks: {type(item).__name__}: {item}", reason="connection") from None
            return _values(item.data) if index < len(_OWN_KINDS) else _database(item.data, name)
        return None


def database_url_from_block(name: str) -> str:
    """The database URL in a block of prefect-sqlalchemy. `NotFound` when there is no such block, `Unavailable` when
    Prefect does not answer."""
    try:
        with get_client(sync_client=True) as client:
            for kind in DATABASE_KINDS:
                try:
                    document = client.read_block_document_by_name(name, kind)
                except ObjectNotFound:
                    continue
                return _url(document.data, name)
    except (httpx.HTTPError, ValueError) as problem:
        raise Unavailable(f"the Prefect block {name} with the database URL cannot be read: {problem}") from None
    raise NotFound(f"there is no prefect-sqlalchemy block {name!r} (FLOWBUILDER_DATABASE_BLOCK)")


def _url(data: Mapping[str, Any], name: str) -> str:
    info = data.get("connection_info", data)
    if isinstance(info, str):
        return info
    if not isinstance(info, Mapping):
        raise ConfigurationError(f"the block {name} has no connection_info")
    if info.get("url"):
        return str(info["url"])
    family = str(info.get("driver") or "").partition("+")[0]
    user = quote(str(info.get("username") or ""), safe="")
    password = f":{quote(str(info['password']), safe='')}" if info.get("password") else ""
    port = f":{info['port']}" if info.get("port") else ""
    place = f"{user}{password}@" * bool(user) + f"{info.get('host') or ''}{port}"
    query = f"?{urlencode(info['query'])}" if info.get("query") else ""
    return f"{family}://{place}/{info.get('database') or ''}{query}"


def _database(data: Mapping[str, Any], name: str) -> JsonObject:
    """The connection of a database in a block of prefect-sqlalchemy."""
    options = {key: str(value) for key, value in (data.get("connect_args") or {}).items()}
    return {"url": _url(data, name), **({"connect_args": options} if options else {})}


def _values(data: Mapping[str, Any]) -> JsonObject:
    values: Json = ensure_json(
        {name: value for name, value in data.items() if value not in (None, [], {}) and name != "block_type_slug"},
        where="the block",
    )
    assert isinstance(values, dict)
    if isinstance(values.get("command"), str):  # of an MCP server
        values["command"] = [values["command"], *values.pop("args", [])]
    if "env" in values and "command" in values:
        values["environment"] = values.pop("env")
    limits = {name: values.pop(name) for name in LIMITS if name in values}
    return {**values, "limits": limits} if limits else values
