"""What is sent: method, headers and body of a request, checked and encoded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx

from flowbuilder.adapters.http.content_encodings import ACCEPTED
from flowbuilder.errors import StepError
from flowbuilder.ports.http import KEPT_ACROSS_ORIGINS, HttpRequest, Part

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_RESERVED_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
)


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is sent to one URL."""

    method: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def writes(self) -> bool:
        """Whether the method is neither GET nor HEAD."""
        return self.method not in ("GET", "HEAD")

    def with_headers(self, headers: Mapping[str, str]) -> Message:
        """The same with further headers."""
        return replace(self, headers={**self.headers, **headers, "accept-encoding": ACCEPTED})

    def for_another_origin(self) -> Message:
        """The same without the headers that may hold a credential."""
        return replace(self, headers={k: v for k, v in self.headers.items() if k in KEPT_ACROSS_ORIGINS})


def message_of(request: HttpRequest) -> Message:
    """The message for a request, without credentials; `StepError` (`invalid_field`) where it cannot be sent."""
    headers = {"user-agent": "flowbuilder", "accept": "*/*", "accept-encoding": ACCEPTED}
    content = request.content or b""
    if request.json is not None:
        content = json.dumps(request.json, ensure_ascii=False, allow_nan=False).encode()
        headers["content-type"] = "application/json"
    elif request.form is not None:
        content = urlencode(_pairs(request.form)).encode()
        headers["content-type"] = "application/x-www-form-urlencoded"
    elif request.multipart:
        content, headers["content-type"] = _form_with_files(request.multipart)
    elif request.content_type:
        headers["content-type"] = _header_value("content-type", request.content_type)
    kind = headers.get("content-type", "")
    headers |= checked_headers(request.headers)
    if request.multipart:
        headers["content-type"] = kind  # it names the boundary between the parts
    if request.idempotency_key:
        headers["idempotency-key"] = _header_value("idempotency-key", request.idempotency_key)
    headers["accept-encoding"] = ACCEPTED
    return Message(method=request.method.upper(), headers=headers, content=content)


def _form_with_files(parts: Iterable[Part]) -> tuple[bytes, str]:
    """The body and the type of a multipart form. The same parts make the same bytes, also when they are sent again."""
    whole = sha256()
    for part in parts:
        whole.update(part.content + repr((part.name, part.filename, part.content_type)).encode())
    kind = f"multipart/form-data; boundary=flowbuilder-{whole.hexdigest()[:32]}"
    files = []
    for part in parts:
        kinds = (_header_value("content-type", part.content_type),) if part.content_type else ()
        files.append((part.name, (part.filename, part.content, *kinds)))
    encoded = httpx.Request("POST", "http://form", files=files, headers={"content-type": kind})
    return encoded.read(), kind


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by their names in lower case; `StepError` for those that would change the message."""
    return {_header_name(name): _header_value(name, value) for name, value in headers.items()}


def _header_name(name: str) -> str:
    lower = name.lower()
    if not _HEADER_NAME.fullmatch(name) or lower in _RESERVED_HEADERS or lower.startswith("proxy-"):
        raise StepError(f"{name!r:.60} is not an allowed header", code="invalid_field", detail={"field": "headers"})
    return lower


def _header_value(name: str, value: str) -> str:
    text = str(value).strip(" \t")
    if not all(char == "\t" or " " <= char <= "~" for char in text):
        message = f"the header {name:.60} contains a line break, a control character or a character beyond ASCII"
        raise StepError(message, code="invalid_field", detail={"field": f"headers.{name:.60}"})
    return text


def with_query(rest: str, query: Mapping[str, Any] | None) -> str:
    """Path and query with further parameters."""
    if not query:
        return rest
    return rest + ("&" if "?" in rest else "?") + urlencode(_pairs(query))


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, dict | list):
                raise StepError(f"{name:.60}: an object cannot be sent in a query or a form", code="invalid_field")
            if item is not None:
                pairs.append((name, str(item).lower() if isinstance(item, bool) else str(item)))
    return pairs
