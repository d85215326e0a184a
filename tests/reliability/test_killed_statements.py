"""A process that is killed while a step writes to a database: the statement is never repeated by itself."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.reliability.test_killed_writes import answered, flowbuilder, resume
from tests.support.servers.fake_postgres import cutting_proxy
from tests.support.servers.postgres import Server

DOCUMENT = """
schema: flowbuilder/v1
name: order
steps:
  - {id: w, type: sql, connection: shop, query: "INSERT INTO orders VALUES (:id)", parameters: {id: 7}, effect: {}}
outputs: {n: "{{ steps.w.output.row_count }}"}
"""


@pytest.mark.postgres
@pytest.mark.parametrize(("at", "made"), [(b"COMMIT", 1), (b"INSERT", 0)], ids=["in the commit", "in the statement"])
def test_a_statement_in_doubt_is_asked_about_and_not_repeated(
    tmp_path: Path, postgres: Server, at: bytes, made: int
) -> None:
    here, gone = threading.Event(), threading.Event()

    def held() -> None:
        here.set()
        gone.wait(60)

    with postgres.database() as url, psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE TABLE orders (id int)")
        server = urlsplit(url)
        target = (str(server.hostname), int(server.port or 0))
        with cutting_proxy(target, at=at, passes_on=True, when=held) as port:
            shop = f"postgresql://{server.username}@127.0.0.1:{port}{server.path}"
            (tmp_path / "connections.yaml").write_text(f"shop: {{url: '{shop}'}}\n")
            (tmp_path / "order.yaml").write_text(DOCUMENT)
            process = flowbuilder(tmp_path, "run", str(tmp_path / "order.yaml"), "--local", "--no-input")
            assert here.wait(120)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
            gone.set()
        (tmp_path / "connections.yaml").write_text(f"shop: {{url: '{url}'}}\n")
        (execution,) = answered(flowbuilder(tmp_path, "executions", "list"))["executions"]
        resumed = resume(tmp_path, execution["execution_id"])
        assert resumed.get("status") == "waiting", resumed
        assert admin.execute("SELECT count(*) FROM orders").fetchone() == (made,)
        (review,) = answered(flowbuilder(tmp_path, "reviews", "list"))["reviews"]
        assert "Send again? shop: INSERT" in review["title"]
