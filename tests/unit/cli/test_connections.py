"""`flowbuilder connections test`: with a real program as the server, and with real databases."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from flowbuilder import bootstrap
from flowbuilder.cli import main
from flowbuilder.ports.sql.sqlite_library import library
from tests.support.servers.fake_postgres import rejecting_server, rejection
from tests.support.servers.postgres import Server

PROGRAM = Path(__file__).parents[2] / "support/servers/small_mcp_program.py"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWBUILDER_HOME", str(tmp_path))
    bootstrap.settings.cache_clear()
    return tmp_path


def define(home: Path, **connections: Any) -> None:
    (home / "connections.yaml").write_text(yaml.safe_dump(connections))
    (home / "connections.yaml").chmod(0o600)


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["connections", "test", *words]) == code
    read = capsys.readouterr()
    return read.out + read.err


def server(*words: str, **more: Any) -> dict[str, Any]:
    return {"command": [sys.executable, "-S", str(PROGRAM), *words], **more}


def test_a_healthy_server_is_listed_with_pins_and_called(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    define(home, tools=server(tools=["shout", "surroundings"], environment={"API_TOKEN": "TOK-4711-ABCDEFGH"}))
    text = said(capsys, "tools")
    assert "2 tools allowed" in text
    assert "  shout  sha256:" in text
    assert "Called surroundings in " in text  # it needs no arguments, and the server says that it only reads
    assert "Called shout in " in said(capsys, "tools", "--tool", "shout", "--arguments", '{"text": "tea"}')
    found = json.loads(said(capsys, "tools", "--tool", "shout", "--arguments", '{"text": "tea"}', "--format", "json"))
    assert (found["ok"], found["call"]["text"]) == (True, "TEA")
    assert [tool["name"] for tool in found["tools"]] == ["shout", "surroundings"]
    shown = said(capsys, "tools", "--tool", "shout", "--arguments", '{"text": "TOK-4711-ABCDEFGH"}')
    assert "4711" not in shown.partition("Called shout")[2]


def test_what_a_server_says_of_its_tools_is_shown_as_its_word(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    define(home, tools=server(tools=["start", "surroundings", "leave_files"]))
    found = json.loads(said(capsys, "tools", "--format", "json"))
    assert {tool["name"]: tool["reads_only"] for tool in found["tools"]} == {
        "start": None,
        "surroundings": True,
        "leave_files": False,
    }
    lines = said(capsys, "tools").splitlines()
    assert [line.partition("(the server says: ")[2].partition(")")[0] for line in lines if "  sha256:" in line] == [
        "only reads",
        "may write",
        "",
    ]


def test_without_a_harmless_tool_none_is_called(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    define(home, tools=server(tools=["shout", "die"]))
    assert "Not called: no tool reads only" in said(capsys, "tools")


@pytest.mark.parametrize(
    ("record", "code", "message"),
    [
        (server("exits at start"), 1, "Failed (mcp_unusable): MCP server it exited with code 3"),
        ({"url": "http://127.0.0.1:9/mcp"}, 1, "Failed (connection)"),
        ({"command": ["/nowhere/server"]}, 2, "cannot be started: No such file or directory: /nowhere/server"),
        (server(tools="shout"), 2, "needs tools as a list"),
        ({"base_url": "https://a.example"}, 2, "connection it is no MCP server"),
    ],
)
def test_what_is_wrong_is_said(
    home: Path, capsys: pytest.CaptureFixture[str], record: dict[str, Any], code: int, message: str
) -> None:
    define(home, it=record)
    assert message in said(capsys, "it", code=code)


def test_arguments_must_be_a_json_object(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    define(home, tools=server())
    for text in ("{", "[1]"):
        assert "--arguments" in said(capsys, "tools", "--arguments", text, code=2)
    assert "there is no connection" in said(capsys, "nowhere", code=2)


def test_a_file_of_sqlite_is_opened_and_described(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(library()[0].connect(home / "blog.db")) as made:
        made.execute("CREATE TABLE post (title TEXT)")
    define(home, blog={"url": f"sqlite:///{home}/blog.db"}, none={"url": f"sqlite:///{home}/none.db"})
    text = said(capsys, "blog")
    assert "sqlite 3." in text
    assert "1 table" in text
    read = json.loads(said(capsys, "blog", "--format", "json"))
    assert (read["ok"], read["database"]["tables"]) == (True, 1)
    assert "Failed (sql_unusable)" in said(capsys, "none", code=1)
    assert "is a database, which has no tools" in said(capsys, "blog", "--tool", "say", code=2)


@pytest.mark.postgres
def test_a_role_that_may_run_programs_is_warned_of(
    home: Path, capsys: pytest.CaptureFixture[str], postgres: Server
) -> None:
    with postgres.database() as url:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
        define(home, all={"url": url}, few={"url": url, "username": "reader"})
        text = said(capsys, "all")
        assert "postgresql 1" in text
        assert "as postgres in test_" in text
        assert "Warning: postgres may run programs and write files on the server" in text
        assert "Warning" not in said(capsys, "few")


def test_the_reason_of_a_server_has_no_password(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with rejecting_server(lambda password: rejection("28P01", f"password authentication failed: {password}")) as port:
        define(home, shop={"url": f"postgresql://ana:p%40ss-w0rd@127.0.0.1:{port}/shop"})
        text = said(capsys, "shop", code=1)
    assert "Failed (auth)" in text
    assert "password authentication failed: [secret of connection shop]" in text
