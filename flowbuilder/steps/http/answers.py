"""The output of a step for the answer of an HTTP API."""

from __future__ import annotations

from typing import Any

from flowbuilder import ports
from flowbuilder.errors import StepError
from flowbuilder.ports.charset import charset_in, decode, encoding_of
from flowbuilder.ports.http.content import is_binary, is_json, kind_of
from flowbuilder.steps.http.bodies import file_value
from flowbuilder.values import JsonObject, NotJson, ensure_json, parse_json, well_formed_value

MAX_JSON_VALUES = 1_000_000
"""The most values of one JSON answer: each takes up to a hundred times the memory of its text."""


def output_of(answer: ports.HttpResponse) -> JsonObject:
    """`{status, headers, body}`; raises `StepError` where the body is not what the answer says."""
    return {"status": answer.status, "headers": _headers(answer), "body": parse_body(answer)}


def receipt_of(answer: ports.HttpResponse) -> JsonObject:
    """The output of a write that was made: the same, and never an error.

    A body that cannot be read is null, or its text where it is one, and `body_error` says why.
    """
    try:
        if answer.unread is not None:
            raise answer.unread
        output = ensure_json(output_of(answer), where="the answer", well_formed=True)
        assert isinstance(output, dict)
        return output
    except (StepError, NotJson) as problem:
        code = problem.code if isinstance(problem, StepError) else "not_json"
        body = answer.text if code == "not_json" else None
        known = {"status": answer.status, "headers": _headers(answer), "body": body}
        output = ensure_json({**known, "body_error": {"code": code, "message": str(problem)}}, well_formed=True)
        assert isinstance(output, dict)
        return output


def parse_body(answer: ports.HttpResponse) -> Any:
    """The body: JSON when the headers say so, a `file_value` of what is no text, else text; null when there is none."""
    if not answer.body:
        return None
    kind = answer.headers.get("content-type", "")
    if is_json(kind_of(kind)):
        return _json(answer, kind)
    return file_value(answer.body, kind) if is_binary(answer.body, kind) else answer.text


def _json(answer: ports.HttpResponse, content_type: str) -> Any:
    if sum(map(answer.body.count, (b",", b"[", b"{"))) > MAX_JSON_VALUES:
        raise StepError(f"{answer.url} answered more than {MAX_JSON_VALUES:,} values", code="too_large")
    try:
        value = _loaded(answer.body, content_type)
        # half of a surrogate pair is an escape, or the three bytes of its own code
        return well_formed_value(value) if b"\\u" in answer.body or b"\xed" in answer.body else value
    except (ValueError, RecursionError):
        said = answer.text.strip()
        shown = f": {said:.80}" if said else ""
        raise StepError(f"{answer.url} declared JSON and answered something else{shown}", code="not_json") from None


def _loaded(body: bytes, content_type: str) -> Any:
    try:
        return parse_json(body)
    except UnicodeDecodeError:
        # JSON is UTF-8; a server that sends another encoding says so
        encoding = encoding_of(charset_in(content_type))
        if encoding in (None, "utf-8"):
            raise
        return parse_json(decode(body, encoding))


def _headers(answer: ports.HttpResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "set-cookie"}
