"""Ports and the answers behind them."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

from flowbuilder.errors import ConfigurationError

HOST = "127.0.0.1"
PREFECT_PORT, REVIEW_PORT, SITE_PORT = 4200, 8501, 8765
"""Where things listen unless said otherwise: Prefect's and Streamlit's own defaults, and the sample site."""


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


def answers(url: str, *, timeout: float = 2.0) -> bool:
    """Whether a GET is answered with a success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as reply:
            return 200 <= int(reply.status) < 300
    except (urllib.error.URLError, OSError, ValueError):
        return False
