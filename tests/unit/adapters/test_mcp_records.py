"""The connection of an MCP server: each field is checked, and what is not understood allows nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.adapters.mcp.presets import PRESETS
from flowbuilder.adapters.mcp.server_record import FIELDS, Pattern, server_record
from flowbuilder.errors import ConfigurationError
from flowbuilder.steps.builtin.mcp import Mcp

PROGRAM, ADDRESS = {"command": ["server"]}, {"url": "https://mcp.example/mcp"}
OPERATING = Path(__file__).parents[3] / "docs/operating.md"


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({**PROGRAM, "tools": "search"}, "needs tools as a list of the names"),
        ({**PROGRAM, "tools": {"search": True}}, "needs tools as a list"),
        ({**PROGRAM, "tools": ["search", 1]}, "needs tools as a list"),
        ({**PROGRAM, "tools": [""]}, "needs tools as a list"),
        ({**PROGRAM, "tools": False}, "needs tools as a list"),
        ({**PROGRAM, "privileged": "yes"}, "needs privileged as true or false"),
        ({**PROGRAM, "privileged": 1}, "needs privileged as true or false"),
        ({"command": []}, "needs command as a list of strings"),
        ({"command": [""]}, "needs command as a list of strings"),
        ({"command": ["npx", 1]}, "needs command as a list of strings"),
        ({"command": {"a": 1}}, "needs command as a list of strings"),
        ({"url": "mcp.example/mcp"}, "needs url as an address that begins with http:// or https://"),
        ({"url": "file:///etc/passwd"}, "needs url as an address"),
        ({"url": ["https://a"]}, "needs url as an address"),
        ({**ADDRESS, "token": 5}, "needs token as a text"),
        ({**ADDRESS, "token": ""}, "needs token as a text"),
        ({**ADDRESS, "headers": ["a: b"]}, "needs headers as a mapping of names to texts"),
        ({**ADDRESS, "headers": {"a": "b\r\nc: d"}}, "'a' has a line break"),
        ({**ADDRESS, "headers": {"a": None}}, "the value of 'a' is no text"),
        ({**PROGRAM, "environment": {"DEBUG": True}}, "the value of 'DEBUG' is no text"),
        ({**PROGRAM, "environment": "A=1"}, "needs environment as a mapping"),
        ({**PROGRAM, "folder": 3}, "needs folder as the path of a folder"),
        ({**PROGRAM, "connect_seconds": "soon"}, "needs connect_seconds as a number of seconds up to 600"),
        ({**PROGRAM, "connect_seconds": 0}, "needs connect_seconds as a number"),
        ({**PROGRAM, "connect_seconds": float("inf")}, "needs connect_seconds as a number"),
        ({**PROGRAM, "max_bytes": 1.5}, "needs max_bytes as a whole number"),
        ({**PROGRAM, "max_bytes": True}, "needs max_bytes as a whole number"),
        ({**PROGRAM, "failures": "^Error"}, "needs failures as a list of regular expressions"),
        ({**PROGRAM, "failures": ["("]}, "needs failures as a list of regular expressions ("),
        ({**PROGRAM, "busy": ["(?=x)"]}, "needs busy as a list of regular expressions ("),
        ({**PROGRAM, "preset": ["context7"]}, "needs preset as one of context7, tidewave"),
        ({**PROGRAM, "headers": {"a": "b"}}, "is a program: headers has no meaning there; use environment"),
        ({**ADDRESS, "oauth2": "secret"}, "needs oauth2 as a mapping"),
        ({**PROGRAM, "oauth2": {"token_url": "https://t"}}, "is a program: oauth2 has no meaning there"),
        ({**PROGRAM, "token": "t"}, "is a program: token has no meaning there; use environment"),
        ({**ADDRESS, "environment": {"A": "b"}}, "is an address: environment has no meaning there"),
        ({**PROGRAM, "tool": ["search"]}, "has no field 'tool'; the fields are busy, command,"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_needs(connection: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        server_record("docs", connection)
    assert str(caught.value).startswith("MCP server docs ")
    assert said in str(caught.value).replace("\n", " ")


def test_a_secret_in_a_wrong_field_is_not_quoted() -> None:
    for connection in ({**ADDRESS, "token": ["hunter2-secret"]}, {**ADDRESS, "headers": {"x-key": ["hunter2-secret"]}}):
        with pytest.raises(ConfigurationError) as caught:
            server_record("docs", connection)
        assert "hunter2" not in str(caught.value)


def test_what_a_record_may_hold_is_understood() -> None:
    record = server_record(
        "docs",
        {
            "command": ["npx", "-y", "package@1", ""],
            "environment": {"PORT": 80, "A": ""},
            "tools": ["search"],
            "connect_seconds": 5,
            "max_bytes": 4096,
            "limits": {"rate": "5/minute"},
            "url": None,
            "headers": None,
        },
    )
    assert (record.command[-1], record.environment, record.connect_seconds) == ("", {"PORT": "80", "A": ""}, 5.0)
    assert record.allows("search")
    assert not record.allows("other")
    assert not server_record("docs", {**PROGRAM, "tools": []}).allows("search")
    assert server_record("docs", PROGRAM).allows("anything")


def test_patterns_of_ones_own_are_added_to_those_of_the_preset() -> None:
    record = server_record(
        "docs", {**ADDRESS, "preset": "context7", "failures": ["(?i)^nothing"], "busy": ["slow down"]}
    )
    assert record.judge("query-docs", "Nothing was found") == "failed"
    assert record.judge("query-docs", "Error searching libraries: fetch failed") == "failed"
    assert record.judge("query-docs", "please slow down") == "busy"
    assert record.judge("query-docs", "Rate limited") == "busy"
    assert record.judge("query-docs", "There is nothing") is None


FOUND, NOT_FOUND = "Available Libraries:\n\n- Title: React", "No libraries found matching the provided name."
DOCS = "### Errors that are not found\n\nSource: https://x.example\n\nAn internal server error has the status 500.\n"


@pytest.mark.parametrize(
    ("tool", "text", "verdict"),
    [
        ("resolve-library-id", FOUND, None),
        ("resolve-library-id", NOT_FOUND, None),
        ("resolve-library-id", "Something that its API said", "failed"),
        ("resolve-library-id", "Request failed with status 500. Please try again later.", "failed"),
        ("query-docs", DOCS, None),
        ("query-docs", "### Rate limits\n\nToo many requests are answered by 429; a quota is monthly.", None),
        ("query-docs", "Error handling in Express is done by middleware.\n\n```js\n```", None),
        ("query-docs", "Request failed with status 503. Please try again later.", "failed"),
        ("query-docs", "The library you are trying to access does not exist. Please try another.", "failed"),
        ("query-docs", "Documentation not found or not finalized for this library. This might", "failed"),
        ("query-docs", "Invalid API key. Please check your API key.", "failed"),
        ("query-docs", "Internal server error", "failed"),
        ("query-docs", "Error fetching library context. Please try again later. TypeError", "failed"),
        ("query-docs", "Rate limited or quota exceeded. Create a free API key", "exhausted"),
        ("query-docs", "Monthly quota exceeded", "exhausted"),
        ("query-docs", "Too many requests, slow down", "busy"),
    ],
)
def test_what_context7_reports_as_success_is_judged(tool: str, text: str, verdict: str | None) -> None:
    assert server_record("docs", {**ADDRESS, "preset": "context7"}).judge(tool, text) == verdict


def test_a_pattern_takes_linear_time() -> None:
    begun = time.thread_time()
    assert not Pattern("(a+)+$").is_in("a" * 100_000 + "b")
    assert time.thread_time() - begun < 1


def test_the_message_about_a_privileged_tool_names_what_is_missing() -> None:
    record = server_record("app", {**ADDRESS, "preset": "tidewave"})
    problem = record.refused("project_eval", ["get_logs"])
    assert "it needs privileged: true in the connection app" in str(problem)
    assert "privileged" not in str(record.refused("other", ["get_logs"]))
    closed = server_record("app", {**ADDRESS, "tools": ["get_logs"]})
    assert "the list tools in the connection app says which are allowed" in str(closed.refused("other", ["get_logs"]))


def test_every_field_is_in_the_documentation_and_in_steps_mcp() -> None:
    page = OPERATING.read_text(encoding="utf-8")
    for name in (*FIELDS, "limits"):
        assert f"| `{name}` |" in page, name
        assert f"`{name}`" in str(Mcp.__doc__), name
    for name in PRESETS:
        assert name in page
