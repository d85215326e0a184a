"""Kinds of MCP servers that are known: their harmless and privileged tools, and which of their answers mean failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Defaults for a kind of server.

    `allowed` are its harmless tools, `privileged` those that need `privileged: true` in the record. `failures` are
    patterns of answers that mean failure although the server reports success, `busy` of those that mean too many
    requests. `hidden` are arguments that no schema declares. `probe` is a call that changes nothing, for a test.
    """

    allowed: frozenset[str] | None = None
    privileged: frozenset[str] = frozenset()
    failures: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    hidden: Mapping[str, JsonObject] = field(default_factory=dict)
    probe: tuple[str, JsonObject] | None = None


NO_PRESET = Preset()

PRESETS = {
    # the documentation server reports a failed search as success with an error text
    "context7": Preset(
        allowed=frozenset(("resolve-library-id", "query-docs")),
        failures=(r"^Error ", r"not found or not finalized", r"^Invalid API key"),
        busy=(r"^Rate limited",),
        probe=("resolve-library-id", {"query": "routing", "libraryName": "react"}),
    ),
    # a running development application: running code in it is privileged
    "tidewave": Preset(
        privileged=frozenset(("project_eval", "execute_sql_query")),
        hidden={"project_eval": {"json": True}},
    ),
}
