"""Which errors of PostgreSQL, and of what stands before it, pass and which last."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flowbuilder.adapters.sql.failures import not_connected, of_postgres
from flowbuilder.errors import TransientError

BY_POOLER = [
    ("transaction blocks not allowed in statement pooling mode", "sql_unusable", "set pool_mode to transaction"),
    ("query_wait_timeout", "connection", "query_wait_timeout"),
    ("server login has been failing, try again later (server_login_retry)", "connection", "server_login_retry"),
]


@pytest.mark.parametrize(("said", "code", "shown"), BY_POOLER)
def test_a_pooler_that_has_no_transactions_is_not_a_connection_that_broke(said: str, code: str, shown: str) -> None:
    diagnosis = SimpleNamespace(message_primary=said, message_hint=None, statement_position=None)
    problem = of_postgres("shop", SimpleNamespace(sqlstate="08P01", diag=diagnosis), writes=False)
    assert (problem.code, isinstance(problem, TransientError)) == (code, code == "connection")
    assert shown in str(problem)


@pytest.mark.parametrize(
    "said",
    [
        "server does not support SSL, but SSL was required",
        'server certificate for "other.example" does not match host name "localhost"',
        "SSL error: certificate verify failed",
        'root certificate file "/nowhere" does not exist',
    ],
)
def test_what_tls_rejects_lasts(said: str) -> None:
    problem = not_connected("shop", OSError(f"connection failed: {said}"))
    assert (problem.code, problem.definitive, isinstance(problem, TransientError)) == ("tls", True, False)
