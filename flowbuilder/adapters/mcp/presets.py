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
    requests, `exhausted` of those that mean that no more are allowed for long; `answers` has the patterns of what a
    tool answers when it succeeds. `hidden` are arguments that no schema declares. `probe` is a call that changes
    nothing, for a test.
    """

    allowed: frozenset[str] | None = None
    privileged: frozenset[str] = frozenset()
    failures: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    exhausted: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, JsonObject] = field(default_factory=dict)
    probe: tuple[str, JsonObject] | None = None


NO_PRESET = Preset()


def _line(words: str) -> str:
    """The pattern of a text of one line that has these words: documentation has more lines."""
    return rf"(?i)\A[^\n]{{0,300}}\b(?:{words})\b[^\n]{{0,500}}\z"


PRESETS = {
    # the documentation server (4.1.1) reports what its API rejects as success, with the API's message or one of its own
    "context7": Preset(
        allowed=frozenset(("resolve-library-id", "query-docs")),
        failures=(
            r"\AError (?:searching|fetching) ",
            r"\ARequest failed with status \d+",
            r"not found or not finalized",
            _line("not found|does not exist|not finalized|invalid api key|unauthorized|forbidden"),
            _line(
                "internal (?:server )?error|something went wrong|(?:temporarily )?unavailable|bad gateway|timed? ?out"
            ),
        ),
        busy=(_line("rate limit(?:ed|s)?|too many requests"),),
        # one message for both in 4.1.1; a step that waited for a quota would wait for days
        exhausted=(_line("quota|(?:monthly|daily|plan) limit"),),
        answers={"resolve-library-id": r"\A(?:Available Libraries|No (?:documentation )?libraries found)"},
        probe=("resolve-library-id", {"query": "routing", "libraryName": "react"}),
    ),
    # a running development application: running code in it is privileged
    "tidewave": Preset(
        privileged=frozenset(("project_eval", "execute_sql_query")),
        hidden={"project_eval": {"json": True}},
    ),
}
