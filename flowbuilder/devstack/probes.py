"""Probes of local ports and HTTP endpoints."""

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
"""The default ports: those of Prefect and Streamlit, and one for the sample site."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address to listen on; an empty one means all addresses."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def ensure_free(port: int, *, what: str, option: str) -> None:
    """Raise `ConfigurationError` when a port cannot be bound; `what` and `option` are for its message."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            raise ConfigurationError(
                f"cannot use port {port} for {what} ({problem.strerror}): "
                f"stop the program that uses it, or choose another port with {option} PORT"
            ) from None


@dataclass(frozen=True)
class Reply:
    """The response of an API: a JSON value, and its Date header."""

    value: Json
    date: str


def fetch_json(url: str, body: JsonObject | None = None, *, timeout: float = 3.0) -> Reply | None:
    """GET a JSON value, or POST `body` for one; None without a successful response. `timeout` is in seconds."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310
    try:
        with _OPENER.open(request, timeout=timeout) as reply:
            return Reply(json.loads(reply.read() or b"null"), reply.headers.get("Date", ""))
    except (urllib.error.URLError, OSError, ValueError):
        return None


def responds(url: str, *, timeout: float = 2.0) -> bool:
    """Whether a GET gets a 2xx response within `timeout` seconds."""
    try:
        with _OPENER.open(url, timeout=timeout) as reply:
            return 200 <= int(reply.status) < 300
    except (urllib.error.URLError, OSError, ValueError):
        return False
