"""Configuration of an MCP server: how to reach it, which tools are allowed, which answers mean failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from flowbuilder.adapters.mcp.presets import NO_PRESET, PRESETS, Preset
from flowbuilder.adapters.record_fields import Field, read_fields
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports.credentials import ClientCredentials, credentials_of
from flowbuilder.values import JsonObject

MAX_ANSWER = 4 * 1024 * 1024
MAX_BYTES = 64 * 1024 * 1024
MAX_CONNECT_SECONDS = 600.0
Verdict = Literal["failed", "busy", "exhausted"]
PROGRAM_ONLY, ADDRESS_ONLY = ("environment", "folder"), ("headers", "token", "oauth2")


@dataclass(frozen=True, kw_only=True)
class ServerRecord:
    """A server's connection: `{preset?, command or url, ...}`. `command` is an argv list, not a shell command line."""

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    oauth2: ClientCredentials | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: str | None = None
    tools: frozenset[str] | None = None
    resources: frozenset[str] | None = None
    prompts: frozenset[str] | None = None
    privileged: bool = False
    connect_seconds: float = 20.0
    max_bytes: int = MAX_ANSWER
    failures: tuple[Pattern, ...] = ()
    busy: tuple[Pattern, ...] = ()
    exhausted: tuple[Pattern, ...] = ()
    answers: Mapping[str, Pattern] = field(default_factory=dict)
    preset: Preset = NO_PRESET

    @property
    def sends_credentials(self) -> bool:
        """Whether requests carry credentials."""
        return self.oauth2 is not None or any(
            name.lower() in ("authorization", "cookie") or "key" in name.lower() for name in self.headers
        )

    def allows(self, tool: str) -> bool:
        """Whether a tool may be called: as the record lists, else the preset; privileged ones need `privileged`."""
        if self.needs_privilege(tool):
            return False
        allowed = self.tools if self.tools is not None else self.preset.allowed
        return allowed is None or tool in allowed

    def needs_privilege(self, tool: str) -> bool:
        """Whether a tool may be called only with `privileged: true`, which the record does not say."""
        return tool in self.preset.privileged and not self.privileged

    def refused(self, tool: str, offered: Sequence[str]) -> StepError:
        """The error for a tool that is not among those that the server offers and this record allows."""
        message = f"MCP server {self.name} has no allowed tool {tool!r:.60} (allowed: {', '.join(offered) or 'none'})"
        if self.needs_privilege(tool):
            message += f"; {tool} is a privileged tool: it needs privileged: true in the connection {self.name}"
        elif self.tools is not None and tool not in self.tools:
            message += f"; the list tools in the connection {self.name} says which are allowed"
        return StepError(message, code="mcp_unknown_tool", definitive=True)

    def ensure_listed(self, kind: Literal["resource", "prompt"], name: str) -> None:
        """Raise `StepError` for a resource or a prompt that the record does not allow.

        It allows those that it lists, where `*` at the end stands for any end; without a list all, unless it limits the
        tools: what an administrator limits stays limited.
        """
        listed = self.resources if kind == "resource" else self.prompts
        is_limited = self.tools is not None or self.preset.allowed is not None
        if listed is None and not is_limited:
            return
        if any(name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in listed or ()):
            return
        message = f"the connection {self.name} does not allow the {kind} {name!r:.100}: list it under {kind}s there"
        raise StepError(message, code=f"mcp_unknown_{kind}", definitive=True)

    def judge(self, tool: str, text: str) -> Verdict | None:
        """What an answer means that reports success and is none; None where it is one."""
        kinds: tuple[tuple[Verdict, tuple[Pattern, ...]], ...] = (
            ("exhausted", self.exhausted),
            ("busy", self.busy),
            ("failed", self.failures),
        )
        for verdict, patterns in kinds:
            if any(pattern.is_in(text) for pattern in patterns):
                return verdict
        expected = self.answers.get(tool)
        return "failed" if expected is not None and not expected.is_in(text) else None


class Pattern:
    """A regular expression that takes linear time. `ValueError` when it is none; lookarounds and backreferences are
    not known."""

    def __init__(self, source: str) -> None:
        from pydantic_core import SchemaError, SchemaValidator, core_schema

        try:
            self._validator = SchemaValidator(core_schema.str_schema(pattern=source, regex_engine="rust-regex"))
        except SchemaError as problem:
            raise ValueError(str(problem).splitlines()[-1].strip()) from None
        self.source = source

    def is_in(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        return self._validator.isinstance_python(text)


def server_record(name: str, connection: JsonObject) -> ServerRecord:
    """The record in a connection; `ConfigurationError` names the field that is missing or wrong, and what it needs."""

    def wrong(message: str) -> ConfigurationError:
        return ConfigurationError(f"MCP server {name} {message}")

    given = read_fields(f"MCP server {name}", connection, FIELDS)
    command, url = given.get("command", ()), given.get("url", "")
    if bool(command) == bool(url):
        raise wrong("needs a command (a list) or a url, and not both")
    for key in ADDRESS_ONLY if command else PROGRAM_ONLY:
        if given.get(key):
            kind, instead = ("a program", "environment") if command else ("an address", "headers or token")
            raise wrong(f"is {kind}: {key} has no meaning there; use {instead}")
    preset = PRESETS[given["preset"]] if "preset" in given else NO_PRESET
    if "oauth2" in given:
        given["oauth2"] = credentials_of({"url": url, "oauth2": given["oauth2"]}).client
    if token := given.pop("token", ""):
        given["headers"] = {**given.get("headers", {}), "authorization": f"Bearer {token}"}
    for key in ("failures", "busy"):
        given[key] = (*map(Pattern, getattr(preset, key)), *given.get(key, ()))
    given["exhausted"] = tuple(map(Pattern, preset.exhausted))
    given["answers"] = {tool: Pattern(source) for tool, source in preset.answers.items()}
    return ServerRecord(**{**given, "name": name, "preset": preset})


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(map(_text, value))


def _names(value: Any) -> frozenset[str]:
    return frozenset(_texts(value))


def _command(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise TypeError
    _text(value[0])
    return tuple(value)


def _url(value: Any) -> str:
    parts = urlsplit(_text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    return str(value)


def _named_texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    for key, item in value.items():
        if not isinstance(item, str | int | float) or isinstance(item, bool):
            raise ValueError(f"the value of {key!r:.40} is no text")
        if any(character in f"{key}{item}" for character in "\0\r\n") or not key:
            raise ValueError(f"{key!r:.40} has a line break or no name")
    return {str(key): str(item) for key, item in value.items()}


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _preset(value: Any) -> str:
    if not isinstance(value, str) or value not in PRESETS:
        raise ValueError(f"there is no preset {value!r:.40}")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _number(least: float, most: float, kind: type[float] | type[int]) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError
        if kind is int and not isinstance(value, int):
            raise ValueError
        return kind(value)

    return read


def _patterns(value: Any) -> tuple[Pattern, ...]:
    return tuple(map(Pattern, _texts(value)))


FIELDS: Mapping[str, Field] = {
    "preset": (_preset, f"one of {', '.join(PRESETS)}"),
    "command": (_command, "a list of strings: [npx, -y, package@1.2.3]"),
    "url": (_url, "an address that begins with http:// or https://"),
    "token": (_text, "a text"),
    "oauth2": (_mapping, "a mapping: {token_url, client_id, client_secret}"),
    "headers": (_named_texts, "a mapping of names to texts"),
    "environment": (_named_texts, "a mapping of names to texts"),
    "folder": (_text, "the path of a folder"),
    "tools": (_names, "a list of the names of allowed tools: [search, read]"),
    "resources": (_names, "a list of the URIs of allowed resources: ['docs://guide', 'docs://pages/*']"),
    "prompts": (_names, "a list of the names of allowed prompts: [review]"),
    "privileged": (_flag, "true or false"),
    "connect_seconds": (_number(0.1, MAX_CONNECT_SECONDS, float), f"a number of seconds up to {MAX_CONNECT_SECONDS:g}"),
    "max_bytes": (_number(1024, MAX_BYTES, int), f"a whole number from 1,024 to {MAX_BYTES:,}"),
    "failures": (_patterns, "a list of regular expressions"),
    "busy": (_patterns, "a list of regular expressions"),
}
"""The fields of a connection: what reads the value, and what the message says that it needs."""
