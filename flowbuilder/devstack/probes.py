"""Ports and the answers behind them."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from ipaddress import ip_address

from flowbuilder.errors import ConfigurationError
from flowbuilder.values import Json, JsonObject

HOST = "127.0.0.1"
PREFECT_PORT, REVIEW_PORT, SITE_PORT = 4200, 8501, 8765
"""Where things listen unless said otherwise: Prefect's and Streamlit's own defaults, and the sample site."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address to listen on; an empty one means all addresses."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def ensure_free(port: int, *, what: str, option: str) -> None:
    """`ConfigurationError` when something listens on a port already; it says what to do."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            raise ConfigurationError(
                f"port {port}, meant for {what}, cannot be used ({problem.strerror}): "
                f"stop what listens there, or choose another with {option} PORT"
            ) from None


@dataclass(frozen=True)
class Reply:
    """What an API answered: a JSON value, and the time on its clock as the Date header has it."""

    value: Json
    date: str


def ask(url: str, body: JsonObject | None = None, *, timeout: float = 3.0) -> Reply | None:
    """GET a JSON value, or POST `body` for one; None where there is no success."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310
    try:
        with _OPENER.open(request, timeout=timeout) as reply:
            return Reply(json.loads(reply.read() or b"null"), reply.headers.get("Date", ""))
    except (urllib.error.URLError, OSError, ValueError):
        return None


def answers(url: str, *, timeout: float = 2.0) -> bool:
    """Whether a GET is answered with a success."""
    try:
        with _OPENER.open(url, timeout=timeout) as reply:
            return 200 <= int(reply.status) < 300
    except (urllib.error.URLError, OSError, ValueError):
        return False
