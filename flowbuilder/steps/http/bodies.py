"""Bodies of requests: raw text, the bytes that an earlier step was answered, and the parts of a form with files."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.errors import StepError
from flowbuilder.ports import Part
from flowbuilder.ports.charset import charset_in, encoding_of
from flowbuilder.ports.http.content import kind_of
from flowbuilder.values import MAX_BYTES, Json, JsonObject

_OF_FILE = frozenset({"base64", "content_type", "size", "sha256", "filename"})
_OF_PART = frozenset({"content", "filename", "content_type"})


def file_value(body: bytes, content_type: str) -> JsonObject:
    """The bytes of an answer as a JSON value: `{content_type, size, sha256, base64}`. Sent again, it is these bytes."""
    return {
        "content_type": kind_of(content_type) or "application/octet-stream",
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "base64": b64encode(body).decode(),
    }


def is_file(value: Any) -> bool:
    """Whether a value stands for bytes."""
    return isinstance(value, Mapping) and isinstance(value.get("base64"), str) and set(value) <= _OF_FILE


def content_of(body: Any, headers: Mapping[str, str]) -> tuple[bytes, str]:
    """The bytes of a `body`, and their type where the author's headers name none. `StepError` (`invalid_field`)."""
    if is_file(body):
        return bytes_of(body, "body"), str(body.get("content_type") or "application/octet-stream")
    given = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if isinstance(body, str):
        if (encoding_of(charset_in(given) or "utf-8") or "") != "utf-8":
            raise _wrong("headers", f"a text is sent as UTF-8, and the content-type says {charset_in(given):.40}")
        return body.encode(), "text/plain; charset=utf-8"
    raise _wrong("body", "it is a text, or the body of a binary answer; send every other value as json")


def parts_of(multipart: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts of a form, in the order of the fields; a field with a list has a part for each item, one with null has
    none. `StepError` (`invalid_field`) names the part that is wrong."""
    parts = tuple(
        part
        for name, value in multipart.items()
        for item in (value if isinstance(value, list | tuple) else [value])
        if item is not None
        for part in _parts(str(name), item)
    )
    if sum(len(part.content) for part in parts) > MAX_BYTES:
        raise _wrong("multipart", f"its parts have more than {MAX_BYTES:,} bytes")
    return parts


def shown(value: Any) -> Json:
    """The value as it is shown and compared: files by what they are, with the hash of their bytes."""
    if is_file(value):
        content = bytes_of(value, "body")
        known = {name: inner for name, inner in value.items() if name != "base64"}
        return {**known, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if isinstance(value, Mapping):
        return {str(name): shown(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shown(inner) for inner in value]
    return value  # type: ignore[no-any-return]


def _parts(name: str, value: Any) -> Iterator[Part]:
    place = f"multipart.{name:.60}"
    if is_file(value):
        yield _file(name, value, place, {})
    elif isinstance(value, Mapping):
        if "content" not in value or not set(value) <= _OF_PART:
            raise _wrong(place, "an object has content, and may have filename and content_type")
        if is_file(value["content"]):
            yield _file(name, value["content"], place, value)
        else:
            content = _text(value["content"], place).encode()
            filename, kind = value.get("filename"), value.get("content_type")
            kind = str(kind) if kind else ("text/plain; charset=utf-8" if filename else None)
            yield Part(name=name, content=content, filename=str(filename) if filename else None, content_type=kind)
    else:
        yield Part(name=name, content=_text(value, place).encode())


def _file(name: str, value: Mapping[str, Any], place: str, given: Mapping[str, Any]) -> Part:
    import mimetypes  # here: validating a document sends nothing

    kind = str(given.get("content_type") or value.get("content_type") or "application/octet-stream")
    filename = given.get("filename") or value.get("filename") or f"file{mimetypes.guess_extension(kind_of(kind)) or ''}"
    return Part(name=name, content=bytes_of(value, place), filename=str(filename), content_type=kind)


def _text(value: Any, place: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise _wrong(place, "it is neither a text nor the body of a binary answer")


def bytes_of(value: Mapping[str, Any], place: str) -> bytes:
    """The bytes that a `file_value` stands for. `StepError` (`invalid_field`) where it was changed on the way."""
    try:
        content = b64decode(value["base64"], validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(place, "its base64 cannot be read") from None
    if value.get("size", len(content)) != len(content) or (
        "sha256" in value and value["sha256"] != hashlib.sha256(content).hexdigest()
    ):
        raise _wrong(place, "its bytes are not those of its size and sha256: it was changed")
    return content


def _wrong(place: str, reason: str) -> StepError:
    # definitive: nothing has been sent yet
    return StepError(
        f"{place} cannot be sent: {reason}", code="invalid_field", detail={"field": place}, definitive=True
    )
