"""Configuration of an MCP server: how to reach it, which tools are allowed, which answers mean failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.errors import ConfigurationError
from flowbuilder.values import JsonObject

MAX_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Defaults for a kind of server.

    `allowed` are its harmless tools, `privileged` those that need `privileged: true` in the record. `failures` are
    patterns of answers that mean failure although the server reports success, `busy` of those that mean too many
    requests. `hidden` are arguments that no schema declares.
    """

    allowed: frozenset[str] | None = None
    privileged: frozenset[str] = frozenset()
    failures: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    hidden: Mapping[str, JsonObject] = field(default_factory=dict)


PRESETS = {
    # the documentation server reports a failed search as success with an error text
    "context7": Preset(
        allowed=frozenset(("resolve-library-id", "query-docs")),
        failures=(r"^Error ", r"not found or not finalized", r"^Invalid API key"),
        busy=(r"^Rate limited",),
    ),
    # a running development application: running code in it is privileged
    "tidewave": Preset(
        privileged=frozenset(("project_eval", "execute_sql_query")),
        hidden={"project_eval": {"json": True}},
    ),
}


@dataclass(frozen=True, kw_only=True)
class ServerRecord:
    """A server's connection: `{preset?, command or url, ...}`. `command` is an argv list, not a shell command line."""

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: str | None = None
    tools: frozenset[str] | None = None
    privileged: bool = False
    connect_seconds: float = 20.0
    max_bytes: int = MAX_ANSWER
    preset: Preset = Preset()

    @property
    def sends_credentials(self) -> bool:
        """Whether requests carry credentials."""
        return any(name.lower() in ("authorization", "cookie") or "key" in name.lower() for name in self.headers)

    def allows(self, tool: str) -> bool:
        """Whether a tool may be called: as the record lists, else the preset; privileged ones need `privileged`."""
        if tool in self.preset.privileged and not self.privileged:
            return False
        allowed = self.tools if self.tools is not None else self.preset.allowed
        return allowed is None or tool in allowed

    def failure_in(self, text: str) -> bool:
        """Whether an answer's text means that the tool failed."""
        return any(re.search(pattern, text) for pattern in self.preset.failures)

    def busy_in(self, text: str) -> bool:
        """Whether an answer's text means too many requests."""
        return any(re.search(pattern, text) for pattern in self.preset.busy)


def server_record(name: str, connection: JsonObject) -> ServerRecord:
    """The record in a connection; `ConfigurationError` says what is missing or wrong in it."""
    known = set(ServerRecord.__dataclass_fields__) - {"name"} | {"token", "limits"}
    unknown = next((key for key in connection if key not in known), None)
    if unknown is not None:
        raise _wrong(name, f"has no field {unknown!r:.40}; the fields are {', '.join(sorted(known))}")
    preset = connection.get("preset")
    if preset is not None and preset not in PRESETS:
        raise _wrong(name, f"has no preset {preset!r:.40}; the presets are {', '.join(PRESETS)}")
    command, url = connection.get("command"), connection.get("url")
    if (command is None) == (url is None):
        raise _wrong(name, "needs a command (a list) or a url, and not both")
    if command is not None and not (isinstance(command, list) and command and all(isinstance(x, str) for x in command)):
        raise _wrong(name, "needs its command as a list of strings: [npx, -y, package@1.2.3]")
    headers = {str(key): str(value) for key, value in _mapping(name, connection, "headers").items()}
    if connection.get("token"):
        headers["authorization"] = f"Bearer {connection['token']}"
    tools = connection.get("tools")
    return ServerRecord(
        name=name,
        command=tuple(command or ()),
        url=str(url or ""),
        headers=headers,
        environment={str(key): str(value) for key, value in _mapping(name, connection, "environment").items()},
        folder=str(connection["folder"]) if connection.get("folder") else None,
        tools=frozenset(map(str, tools)) if isinstance(tools, list) else None,
        privileged=connection.get("privileged") is True,
        connect_seconds=float(connection.get("connect_seconds") or 20.0),
        max_bytes=int(connection.get("max_bytes") or MAX_ANSWER),
        preset=PRESETS[str(preset)] if preset else Preset(),
    )


def _mapping(name: str, connection: JsonObject, key: str) -> Mapping[str, Any]:
    value = connection.get(key) or {}
    if not isinstance(value, Mapping):
        raise _wrong(name, f"needs {key} as a mapping of names to values")
    return value


def _wrong(name: str, message: str) -> ConfigurationError:
    return ConfigurationError(f"MCP server {name} {message}")
