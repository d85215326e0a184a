"""Translates errors of the MCP SDK, which are nested exception groups, into flowbuilder's errors: what happened, and
whether a second call may help. Only a connection that broke before the call was sent is passing."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal
from urllib.parse import urljoin, urlsplit

import httpx2
from mcp import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REQUEST_TIMEOUT,
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolResult,
)
from pydantic import ValidationError

from flowbuilder.adapters.bounded_answers import TooLarge, Unacceptable
from flowbuilder.adapters.mcp.server_record import ServerRecord
from flowbuilder.adapters.mcp.server_text import Ending, readable
from flowbuilder.adapters.mcp.wire import Exchange, Rejection
from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, TransientError
from flowbuilder.ports import HttpResponse

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""Errors of HTTP after which the request has certainly not left."""
Named = Literal["resource", "prompt"]
"""What a server has by name, beside its tools."""
REFUSALS = (INVALID_PARAMS, METHOD_NOT_FOUND, INVALID_REQUEST)
_SESSION = re.compile(r"\bsession\b", re.IGNORECASE)
"""What servers write in a 400 for a session that they do not know, as after a restart; the protocol says 404."""
TIMED_OUT, CLOSED_MESSAGES = "Request ", ("Connection closed", "SSE stream")
"""What the messages of the SDK itself begin with: servers use the same codes for errors of theirs."""


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What is known beside the exception. `sent`: the call of a tool has left, and may have been made. `wrote` is what
    the server's program wrote to stderr, as the end of a message, `noise` a line of it that was no message, `seconds`
    the time that it had."""

    record: ServerRecord
    sent: bool = False
    connecting: bool = False
    exchange: Exchange = field(default_factory=Exchange)
    ending: Ending | None = None
    wrote: str = ""
    noise: str = ""
    seconds: float | None = None


def mcp_failure(problem: BaseException, known: Circumstances) -> FlowbuilderError:
    """The error to raise for an exception of the SDK."""
    leaves = list(_leaves(problem))
    for leaf in leaves:
        if isinstance(leaf, FlowbuilderError):
            return leaf
    if (found := _of_transport(leaves, known)) is not None:
        return found
    server, wrote = f"MCP server {known.record.name}", known.wrote
    for leaf in leaves:
        if isinstance(leaf, FileNotFoundError | PermissionError | NotADirectoryError):
            return ConfigurationError(f"{server} cannot be started: {leaf.strerror}: {leaf.filename}{wrote}")
        if isinstance(leaf, TimeoutError | httpx2.ReadTimeout | httpx2.WriteTimeout):
            return timed_out(known)
        if isinstance(leaf, MCPError):
            return _protocol_error(leaf, known)
        if isinstance(leaf, ValidationError):
            return _unusable_answer(known, _invalid_part(leaf))
        if isinstance(leaf, RuntimeError) and "protocol version" in str(leaf):
            return _unusable(known, f"speaks a version of the protocol that is not supported ({readable(str(leaf))})")
    if known.sent or known.ending is not None:
        return ended(known)
    first_leaf = leaves[0] if leaves else problem
    said = readable(f"{type(first_leaf).__name__}: {first_leaf}")
    return TransientError(f"{server} cannot be reached: {said}{wrote}", reason="connection")


def timed_out(known: Circumstances) -> TransientError:
    """The server did not answer in time."""
    noise = f"; it wrote a line that is no message: {known.noise}" if known.noise else ""
    limit = "in time" if known.seconds is None else f"within {known.seconds:g} s"
    return TransientError(
        f"MCP server {known.record.name} did not answer {limit}{noise}{known.wrote}", reason="timeout"
    )


def ended(known: Circumstances) -> StepError:
    """The connection is closed: passing before the call, unless the program has exited at its start; in doubt after."""
    ending, server = known.ending, f"MCP server {known.record.name}"
    how = ending.how if ending else "ended the connection"
    if known.sent:
        message = f"{server} {how} during the call; it is not known what the call has done{known.wrote}"
        return StepError(message, code="mcp_ended")
    if ending and ending.kind == "exit" and known.connecting:
        noise = f"; its output was no message: {known.noise}" if known.noise else ""
        message = f"{server} {how} before it was ready{noise}{known.wrote}"
        return StepError(message, code="mcp_unusable", definitive=True)
    found = TransientError(f"{server} {how}{known.wrote}", reason="connection")
    found.definitive = True
    return found


async def unknown_name(
    problem: StepError, kind: Named, name: str, server: str, known: Callable[[Named], Awaitable[dict[str, str]]]
) -> StepError:
    """The error for a resource or a prompt that could not be had: with the known names where it is not among them,
    else with what `known` says of it.

    Servers say "there is none" with several codes, and some in words only, so their list decides.
    """
    if problem.code not in ("mcp_refused", "mcp_failed"):
        return problem
    try:
        names = await known(kind)
    except FlowbuilderError:  # such as a server that has none of this kind
        names = {}
    if name in names:
        return StepError(f"{problem}{names[name]}", code=problem.code)
    shown = ", ".join(readable(one, 100) for one in list(names)[:20])
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    message = f"MCP server {server} gives no {kind} {readable(name, 100)!r} (known: {shown or 'none'}{more}): {problem}"
    return StepError(message[:1500], code=f"mcp_unknown_{kind}")


def incomplete(tool: str, result: CallToolResult, record: ServerRecord) -> StepError:
    """The server has answered a call with something that is no result of the tool."""
    if result.result_type == "complete":
        what = "content: Field required"
    elif result.result_type == "input_required":
        what = f"{tool} asks for further input, and a step gives none: pass all that it needs as arguments"
    else:
        what = f"it is of the type {readable(result.result_type, 40)!r}, which is not known"
    return StepError(f"the answer of MCP server {record.name} cannot be used: {what}", code="mcp_protocol")


def broken(known: Circumstances, reason: str) -> StepError:
    """The server has sent an answer that cannot be read, or to no request."""
    return _unusable_answer(known, reason)


def _of_transport(leaves: list[BaseException], known: Circumstances) -> FlowbuilderError | None:
    """The error for what the transport met, where it tells more than the exception; None where it met nothing."""
    record, ending, exchange = known.record, known.ending, known.exchange
    server = f"MCP server {record.name}"
    if any(isinstance(leaf, TooLarge) for leaf in (*leaves, exchange.problem)) or (
        ending and ending.kind == "too_long"
    ):
        return StepError(f"{server} sent an answer of more than {record.max_bytes:,} bytes", code="too_large")
    unread = exchange.problem or next((leaf for leaf in leaves if isinstance(leaf, Unacceptable)), None)
    if unread is not None:
        return _unusable_answer(known, readable(str(unread)))
    if ending and ending.kind == "cannot_start":
        command = readable(record.command[0])
        return ConfigurationError(f"{server} cannot be started: {ending.how}: {command}{known.wrote}")
    unsent = next((leaf for leaf in leaves if isinstance(leaf, NOT_SENT)), None)
    if unsent is not None:
        found = TransientError(f"{server} cannot be reached: {readable(str(unsent))}", reason="connection")
        found.definitive = True
        return found
    answer = exchange.rejection
    if answer is None or (answer.status in (400, 404) and answer.code in (*REFUSALS, PARSE_ERROR)):
        return None
    return _rejected(answer, known)


def _protocol_error(problem: MCPError, known: Circumstances) -> FlowbuilderError:
    code, said = problem.error.code, readable(problem.error.message)
    message = f"MCP server {known.record.name}: {said}"
    if code == REQUEST_TIMEOUT and said.startswith(TIMED_OUT):
        return timed_out(known)
    if code == CONNECTION_CLOSED and said.startswith(CLOSED_MESSAGES):
        return ended(known)
    if code == UNSUPPORTED_PROTOCOL_VERSION:
        return _unusable(known, f"speaks versions of the protocol that are not supported ({said})")
    if code == PARSE_ERROR:
        return _unusable_answer(known, "it is no JSON-RPC message")
    if code in REFUSALS:
        return StepError(message, code="mcp_refused")
    return StepError(f"{message} (error {code})", code="mcp_failed")


def _rejected(answer: Rejection, known: Circumstances) -> StepError:
    """The error for an HTTP answer that holds no message."""
    status, name = answer.status, known.record.name
    phrase = f"{status} {HTTPStatus(status).phrase}" if status in {item.value for item in HTTPStatus} else str(status)
    said = f" ({answer.reason})" if answer.reason else ""
    message = f"MCP server {name} answered {phrase}{said}"
    if status in (429, 503):
        retry_after = HttpResponse(status=status, headers=answer.headers, body=b"", url="").retry_after
        reason = "rate_limit" if status == 429 else "server_error"
        return TransientError(message, reason=reason, retry_after=retry_after)  # type: ignore[arg-type]
    if status >= 500:
        if known.sent:
            return StepError(f"{message}; it is not known what the call has done", code="mcp_failed")
        return TransientError(message, reason="server_error")
    if not known.connecting and (status == 404 or (status == 400 and _SESSION.search(answer.reason))):
        found = TransientError(f"{message}: it has ended the session", reason="connection")
        found.definitive = True
        return found
    refused = 300 <= status < 500 or not known.sent
    if status == 400 and answer.code is not None and not answer.is_sse:
        return StepError(f"{message} (error {answer.code})", code="mcp_refused", definitive=True)
    hint = _hint(answer, known.record)
    return StepError(f"{message}: {hint}", code="mcp_unusable", detail={"status": status}, definitive=refused)


def _hint(answer: Rejection, record: ServerRecord) -> str:
    status = answer.status
    if answer.is_sse or (status in (400, 404, 405) and record.url.partition("?")[0].rstrip("/").endswith("/sse")):
        return "this is an address of the older SSE transport. SSE is not supported; give its streamable HTTP address"
    if status == 401:
        given = "the credentials are not accepted; correct" if record.sends_credentials else "it needs credentials; set"
        return f"{given} token, oauth2 or headers in the connection {record.name}"
    if status == 403:
        return f"the credentials of the connection {record.name} give no access, or the server refuses this client"
    if 300 <= status < 400:
        where = readable(answer.headers.get("location", ""), 200)
        what = "redirects are not followed" if _leads_elsewhere(record.url, where) else "it redirects in a circle"
        return f"{what}; give the address itself as url ({where})"
    if answer.is_page:
        return "this is a web page and no MCP server; look at the url, which often ends in /mcp"
    if status in (404, 405):
        return f"there is no MCP server at this address; look at the url of the connection {record.name}"
    return "this is no answer of an MCP server; look at the url"


def _leads_elsewhere(url: str, location: str) -> bool:
    try:
        return urlsplit(urljoin(url, location)).netloc != urlsplit(url).netloc
    except ValueError:
        return True


def _unusable(known: Circumstances, what: str) -> StepError:
    return StepError(f"MCP server {known.record.name} {what}{known.wrote}", code="mcp_unusable", definitive=True)


def _unusable_answer(known: Circumstances, what: str) -> StepError:
    message = f"the answer of MCP server {known.record.name} cannot be used: {what}{known.wrote}"
    return StepError(message, code="mcp_protocol", definitive=not known.sent)


def _invalid_part(problem: ValidationError) -> str:
    first = problem.errors()[0]
    place, value = first["loc"], first.get("input")
    if len(place) > 1 and place[0] == "content" and isinstance(value, dict):
        return f"block {place[1]} of its content is no valid block of type {readable(str(value.get('type')), 40)!r}"
    return f"{'.'.join(str(part) for part in place)}: {readable(first['msg'])}"


def _leaves(problem: BaseException) -> Iterator[BaseException]:
    if isinstance(problem, BaseExceptionGroup):
        for inner in problem.exceptions:
            yield from _leaves(inner)
    else:
        yield problem
