"""Checks the answers of model providers before their SDKs read them: an answer with status 200 may hold anything.

An error inside a 200 gets the status that it names, so that it is classified as any other. HTML, an empty list of
choices and an event stream that was not requested are named. Identifiers that are null or missing are filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from flowbuilder.errors import FlowbuilderError, StepError, TransientError
from flowbuilder.ports.charset import charset_in, decode, encoding_of
from flowbuilder.values import well_formed_value

_STATUSES = {
    "rate_limit_exceeded": 429, "rate_limit_error": 429, "insufficient_quota": 429, "resource_exhausted": 429,
    "throttling": 429, "overloaded_error": 529, "overloaded": 529, "unavailable": 503, "authentication_error": 401,
    "invalid_api_key": 401, "unauthenticated": 401, "permission_error": 403, "permission_denied": 403,
    "billing_error": 402, "insufficient_credits": 402, "not_found_error": 404, "model_not_found": 404,
    "not_found": 404, "invalid_request_error": 400, "context_length_exceeded": 400, "content_filter": 400,
    "invalid_argument": 400, "timeout_error": 504,
}  # fmt: skip
_WORDS = (
    (re.compile(r"rate.?limit|too many requests|\bqps\b|throttl", re.I), 429),
    (re.compile(r"(insufficient|out of|not enough).{0,10}(credit|balance|quota|fund)|\bquota\b|billing", re.I), 402),
    (
        re.compile(
            r"not authenticated|unauthori[sz]ed|(invalid|incorrect|missing|no|wrong) (api.?key|token|credential)", re.I
        ),
        401,
    ),
    (re.compile(r"\bmodel\b.{0,80}(does not exist|not found)", re.I), 404),
    (re.compile(r"overload|\bbusy\b|capacity|unavailable|try again|temporar|\bloading\b", re.I), 503),
)


class UnusableAnswer(httpx2.TransportError):
    """The answer is not what the protocol says. `failure` is the error of the step, without the model's name."""

    def __init__(self, failure: FlowbuilderError) -> None:
        super().__init__(str(failure))
        self.failure = failure


def answer_check(member: str) -> Callable[[httpx2.Response], Awaitable[None]]:
    """Event hook of a client: replaces body and status of an answer with status 200 where they need it.

    `member` is the list that an answer of the protocol has: `choices`, `content`, `candidates`, `output`. The hook
    raises `UnusableAnswer` for a body that holds neither an answer nor an error.
    """

    async def check(answer: httpx2.Response) -> None:
        if 300 <= answer.status_code < 400:
            where = answer.headers.get("location", "")[:200] or "nowhere"
            message = f"the server answered {answer.status_code} and redirects to {where}: correct base_url"
            raise UnusableAnswer(
                StepError(f"{message} (redirects are not followed, they would pass on the key)", code="model")
            )
        if not 200 <= answer.status_code < 300:
            return
        asked = _request_of(answer.request)
        kind = answer.headers.get("content-type", "").lower()
        if kind.startswith("text/event-stream") and answer.status_code == 200:
            if not _streams(answer.request, asked):
                raise _lasting("the server answered with a stream of events, which was not requested")
            return
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        body = b"".join([chunk async for chunk in answer.stream])
        await answer.stream.aclose()
        status, body = _checked(_utf_8(body, kind), member, asked)
        answer.status_code = status
        answer.headers["content-type"] = "application/json"
        answer.stream = httpx2.ByteStream(body)

    return check


def _utf_8(body: bytes, content_type: str) -> bytes:
    """The body in UTF-8: JSON is that or UTF-16, else what its header says."""
    encoding = json.detect_encoding(body)
    try:
        text = body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        declared = encoding_of(charset_in(content_type))
        if declared in (None, "utf-8"):
            return body
        text = decode(body, str(declared))
    return text.encode("utf-8", "surrogatepass")


def _checked(body: bytes, member: str, asked: dict[str, Any]) -> tuple[int, bytes]:
    """The status and the body that the SDK should read."""
    text = body.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        what = "a page of HTML" if re.match(r"\s*<(!doctype|html|head|body)", text, re.I) else "text"
        shown = " ".join(re.sub(r"<[^>]{0,500}>", " ", text[:2000]).split())[:120]
        message = f"the server answered with {what} where JSON was expected: {shown or '(nothing)'}"
        raise UnusableAnswer(TransientError(message, reason="server_error")) from None
    if not isinstance(value, dict):
        raise _lasting(f"the server answered with {type(value).__name__} where an object was expected")
    if "\\ud" in text.lower():
        value = well_formed_value(value)
        body = json.dumps(value).encode()
    listed = value.get(member)
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    error = value.get("error") or (first.get("error") if not _content_of(first) else None)
    if error and (value.get("error") or not listed or first.get("error")):
        return _status_of(error), json.dumps({"type": "error", "error": _as_object(error)}).encode()
    if value.get("promptFeedback"):
        return 200, body
    if member not in value:
        return _without_answer(value, member)
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise _lasting(f"the {member} of the answer are not a list of objects")
    if not listed and member not in ("content", "output"):  # these may be empty, and say why
        raise UnusableAnswer(TransientError(f"the answer has an empty list of {member}", reason="server_error"))
    return (200, json.dumps(_completed(value, asked)).encode()) if member == "choices" else (200, body)


def _without_answer(value: dict[str, Any], member: str) -> tuple[int, bytes]:
    """An object that is no answer: an error where it says so in words, else of an unknown form."""
    said = next((value[name] for name in ("message", "detail", "msg", "error_msg", "errmsg") if value.get(name)), None)
    if said is None:
        names = ", ".join(sorted(map(str, value))[:6]) or "nothing"
        raise _lasting(f"the answer has no {member}; it has {names:.120}")
    error = {"message": str(said), "code": value.get("code") or value.get("error_code")}
    return _status_of(error), json.dumps({"error": error}).encode()


def _status_of(error: Any) -> int:
    """The HTTP status that an error names: by its number, its code, its words; else 500."""
    given = _as_object(error)
    for name in ("code", "status", "type"):
        value = given.get(name)
        if isinstance(value, int | str) and str(value).isdigit() and 400 <= int(value) < 600:
            return int(value)
        if isinstance(value, str) and value.lower() in _STATUSES:
            return _STATUSES[value.lower()]
    message = str(given.get("message", ""))[:2000]
    return next((status for words, status in _WORDS if words.search(message)), 500)


def _as_object(error: Any) -> dict[str, Any]:
    return error if isinstance(error, dict) else {"message": str(error)}


def _content_of(choice: dict[str, Any]) -> Any:
    message = choice.get("message")
    return message and isinstance(message, dict) and (message.get("content") or message.get("tool_calls"))


def _completed(value: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """A chat completion of OpenAI's form, with what servers leave out: identifiers, roles, numbers of tokens."""
    value = {**value, "id": str(value.get("id") or ""), "object": "chat.completion"}
    value["model"] = value.get("model") or asked.get("model") or ""
    value["choices"] = [_completed_choice(choice, n) for n, choice in enumerate(value["choices"])]
    usage = value.get("usage")
    if isinstance(usage, dict):
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        value["usage"] = {**usage, **{name: _number(usage.get(name)) for name in names}}
    elif usage is not None:
        value["usage"] = None
    return value


def _completed_choice(choice: dict[str, Any], number: int) -> dict[str, Any]:
    ended = choice.get("finish_reason")
    choice = {**choice, "index": _number(choice.get("index"), number), "finish_reason": str(ended) if ended else None}
    message = choice.get("message")
    if isinstance(message, dict):
        message = {**message, "role": "assistant"}
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            message["tool_calls"] = [_completed_call(call, n) if isinstance(call, dict) else call
                                     for n, call in enumerate(calls)]  # fmt: skip
        choice["message"] = message
    return choice


def _completed_call(call: dict[str, Any], number: int) -> dict[str, Any]:
    function = call.get("function")
    if isinstance(function, dict) and not isinstance(function.get("arguments"), str):
        function = {**function, "arguments": json.dumps(function.get("arguments") or {})}
    return {**call, "id": str(call.get("id") or f"call_{number}"), "type": "function", "function": function}


def _number(value: Any, default: int = 0) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**53 else default


def _lasting(message: str) -> UnusableAnswer:
    return UnusableAnswer(StepError(message, code="invalid_answer"))


def _request_of(request: httpx2.Request) -> dict[str, Any]:
    try:
        asked = json.loads(request.content)
    except (ValueError, httpx2.RequestNotRead):
        return {}
    return asked if isinstance(asked, dict) else {}


def _streams(request: httpx2.Request, asked: dict[str, Any]) -> bool:
    return bool(asked.get("stream")) or "stream" in request.url.path.lower()
