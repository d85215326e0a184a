"""Translates errors of the MCP SDK, which are nested exception groups, into flowbuilder's errors."""

from __future__ import annotations

from collections.abc import Iterator

from mcp import MCPError

from flowbuilder.adapters.mcp.server_text import readable
from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, TransientError
from flowbuilder.ports import HttpResponse

TIMED_OUT, CLOSED, INVALID, UNKNOWN_METHOD = -32001, -32000, -32602, -32601


def mcp_failure(problem: BaseException, server: str, wrote: str = "") -> FlowbuilderError:
    """The error to raise for an exception of the SDK. `wrote` is what the server wrote to stderr, for the message."""
    leaves = list(_leaves(problem))
    for leaf in leaves:
        if isinstance(leaf, FlowbuilderError):
            return leaf
    for leaf in leaves:
        if isinstance(leaf, FileNotFoundError | PermissionError):
            return ConfigurationError(f"MCP server {server} cannot be started: {leaf.strerror}: {leaf.filename}{wrote}")
    for leaf in leaves:
        if isinstance(leaf, TimeoutError):
            return TransientError(f"MCP server {server} did not answer in time{wrote}", reason="timeout")
        if isinstance(leaf, MCPError):
            return _protocol_error(leaf, server, wrote)
        if (rejected := _http_rejection(leaf, server)) is not None:
            return rejected
    first = leaves[0] if leaves else problem
    # an httpx2 error, a closed stream, an invalid message: the session cannot be used any more
    said = readable(f"{type(first).__name__}: {first}")
    return TransientError(f"MCP server {server}: {said}{wrote}", reason="connection")


def _protocol_error(problem: MCPError, server: str, wrote: str) -> FlowbuilderError:
    code, message = problem.error.code, f"MCP server {server}: {readable(problem.error.message)}"
    if code == CLOSED:
        message += wrote
    if code == TIMED_OUT:
        return TransientError(message, reason="timeout")
    if code in (INVALID, UNKNOWN_METHOD):
        return StepError(message, code="mcp_refused")
    return TransientError(message, reason="connection")


def _http_rejection(problem: BaseException, server: str) -> TransientError | None:
    """A rejection by HTTP: too many requests, or unavailable."""
    response = getattr(problem, "response", None)
    status = getattr(response, "status_code", None)
    if response is None or status not in (429, 503):
        return None
    answer = HttpResponse(
        status=status, headers={str(k).lower(): str(v) for k, v in response.headers.items()}, body=b"", url=""
    )
    return TransientError(
        f"MCP server {server} answered {status}",
        reason="rate_limit" if status == 429 else "server_error",
        retry_after=answer.retry_after,
    )


def _leaves(problem: BaseException) -> Iterator[BaseException]:
    if isinstance(problem, BaseExceptionGroup):
        for inner in problem.exceptions:
            yield from _leaves(inner)
    else:
        yield problem
