"""Connections as Prefect blocks."""

from contextlib import closing
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect_sqlalchemy import (
    AsyncDriver,
    AsyncSqlAlchemyConnector,
    ConnectionComponents,
    SqlAlchemyConnector,
    SyncDriver,
)

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.mcp.server_record import server_record
from flowbuilder.adapters.prefect_blocks import blocks
from flowbuilder.adapters.prefect_blocks.block_types import (
    KINDS,
    CmsCredentials,
    GhostCredentials,
    LlmCredentials,
    McpServer,
    SearchConsoleCredentials,
)
from flowbuilder.adapters.prefect_blocks.blocks import BlockConnections, database_url_from_block
from flowbuilder.adapters.sql import ConnectedDatabases
from flowbuilder.adapters.sql.record import database_record
from flowbuilder.errors import ConfigurationError, NotFound, Throttled
from flowbuilder.ports.sql import SqlRequest
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.ports.sql.statement import read_statement
from flowbuilder.throttling.limits import limits_of
from tests.support.servers.prefect_server import PrefectServer, free_port

pytestmark = pytest.mark.prefect


@pytest.fixture
def connections(prefect: PrefectServer, tmp_path: Path) -> BlockConnections:
    (tmp_path / "connections.yaml").write_text("in-file: {token: t}\nboth: {token: file}\n")
    return BlockConnections(FileConnections(tmp_path))


async def test_a_connection_is_the_block_of_its_name_of_any_kind(connections: BlockConnections) -> None:
    await CmsCredentials(url="https://e.example", username="ana", password="s3cret").save("wp", overwrite=True)
    await GhostCredentials(url="https://g.example", admin_api_key="id:s3cret").save("ghost", overwrite=True)
    await SearchConsoleCredentials(service_account='{"type": "x"}').save("gsc", overwrite=True)
    await McpServer(url="http://m.example", headers={"x-key": "k"}).save("mcp", overwrite=True)
    await LlmCredentials(api_key="key").save("llm", overwrite=True)
    assert await connections.get("wp") == {"url": "https://e.example", "username": "ana", "password": "s3cret"}
    assert await connections.get("ghost") == {"url": "https://g.example", "admin_api_key": "id:s3cret"}
    assert (await connections.get("gsc"))["service_account"] == '{"type": "x"}'
    assert await connections.get("mcp") == {"url": "http://m.example", "headers": {"x-key": "k"}}
    assert await connections.get("llm") == {"api_key": "key"}


async def test_the_block_of_a_program_is_a_record_that_can_be_started(connections: BlockConnections) -> None:
    block = McpServer(command="npx", args=["-y", "server@1"], env={"KEY": "k"}, tools=["search"], connect_seconds=5)
    await block.save("program", overwrite=True)
    record = server_record("program", await connections.get("program"))
    assert (record.command, record.environment) == (("npx", "-y", "server@1"), {"KEY": "k"})
    assert (record.tools, record.privileged, record.connect_seconds) == (frozenset(("search",)), False, 5.0)


async def test_the_limits_in_a_blocks_form_are_those_of_the_connection(connections: BlockConnections) -> None:
    await LlmCredentials(api_key="key", concurrency=4, rate="60/minute").save("limited", overwrite=True)
    found = await connections.get("limited")
    assert found == {"api_key": "key", "limits": {"concurrency": 4, "rate": "60/minute"}}
    assert limits_of("limited", found).concurrency == 4


async def test_blocks_come_before_the_file_and_the_file_before_an_error(connections: BlockConnections) -> None:
    await LlmCredentials(api_key="block").save("both", overwrite=True)
    assert await connections.get("both") == {"api_key": "block"}
    assert await connections.get("in-file") == {"token": "t"}
    with pytest.raises(ConfigurationError, match="no flowbuilder block 'neither'"):
        await connections.get("neither")


async def test_while_prefect_is_away_known_connections_are_used_and_unknown_ones_make_a_step_wait(
    connections: BlockConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "CACHE_SECONDS", 0.0)
    await LlmCredentials(api_key="key").save("known", overwrite=True)
    assert await connections.get("known") == {"api_key": "key"}
    away = {PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(away):
        assert await connections.get("known") == {"api_key": "key"}
        with pytest.raises(Throttled, match="the connection other cannot be read"):
            await connections.get("other")


async def test_secrets_are_masked_wherever_a_block_is_shown(prefect: PrefectServer) -> None:
    block = CmsCredentials(url="https://e.example", username="ana", password="s3cret")
    await block.save("masked", overwrite=True)
    async with get_client() as client:
        shown = await client.read_block_document_by_name("masked", "flowbuilder-cms", include_secrets=False)
    assert "s3cret" not in str(shown.data)
    assert "s3cret" not in repr(block)


def test_no_block_has_a_logo_that_a_browser_would_fetch_elsewhere() -> None:
    assert [kind for kind in KINDS if getattr(kind, "_logo_url", None)] == []


async def test_a_prefect_sqlalchemy_block_may_configure_the_database(prefect: PrefectServer) -> None:
    await SqlAlchemyConnector(connection_info="postgresql+psycopg://ana:pw@db.example/flow").save("db", overwrite=True)
    assert database_url_from_block("db") == "postgresql+psycopg://ana:pw@db.example/flow"
    with pytest.raises(NotFound, match="no prefect-sqlalchemy block 'none'"):
        database_url_from_block("none")


async def test_a_prefect_sqlalchemy_block_is_the_connection_of_a_database(
    connections: BlockConnections, tmp_path: Path
) -> None:
    parts = ConnectionComponents(
        driver=AsyncDriver.POSTGRESQL_ASYNCPG, host="db.example", port=6543, username="ana", password="p@ss/word",
        database="shop", query={"sslmode": "require"},
    )  # fmt: skip
    await AsyncSqlAlchemyConnector(connection_info=parts, connect_args={"connect_timeout": 3}).save(
        "shop", overwrite=True
    )
    record = database_record("shop", await connections.get("shop"))
    assert record.hosts == (("db.example", 6543),)
    assert dict(record.arguments) == {
        "host": "db.example", "port": "6543", "user": "ana", "password": "p@ss/word", "dbname": "shop",
        "sslmode": "require", "connect_timeout": "3",
    }  # fmt: skip
    with closing(library()[0].connect(tmp_path / "blog.db")) as made:
        made.executescript("CREATE TABLE post (title TEXT); INSERT INTO post VALUES ('Tea')")
    file = ConnectionComponents(driver=SyncDriver.SQLITE_PYSQLITE, database=str(tmp_path / "blog.db"))
    await SqlAlchemyConnector(connection_info=file).save("blog", overwrite=True)
    request = SqlRequest(connection="blog", statement=read_statement("SELECT title FROM post"))
    assert (await ConnectedDatabases(connections).execute(request)).rows == ({"title": "Tea"},)
