"""Whether the body of an answer is text, and which: the rules of browsers (WHATWG Encoding and MIME Sniffing)."""

from __future__ import annotations

from flowbuilder.ports.charset import charset_in, decode, encoding_of
from flowbuilder.ports.http.declared_encoding import declared_encoding

SNIFFED_BYTES = 1445
"""Browsers look at these first bytes to tell text from other data."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_DATA = bytes((*range(9), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)))
"""Bytes that no text has."""
_BINARY_KINDS = ("image/", "audio/", "video/", "font/")
_TEXT_KINDS = ("json", "xml", "javascript", "ecmascript", "html", "x-www-form-urlencoded", "yaml", "csv", "graphql")
_REPLACED = 3
"""The most bytes that a character cut off at the end of a text has."""


def kind_of(content_type: str) -> str:
    """The MIME type of a Content-Type header, in lower case, without parameters; empty without one."""
    return content_type.partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a MIME type is that of JSON."""
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def is_binary(body: bytes, content_type: str) -> bool:
    """Whether a body is no text: by its type, by bytes that no text has, or because its type does not say that it is
    text and it is not UTF-8 either."""
    kind = kind_of(content_type)
    if kind.endswith(_TEXT_KINDS) or not body:
        return False
    if kind.startswith(_BINARY_KINDS):
        return True
    if any(body.startswith(mark) for mark, _ in _MARKS) or charset_in(content_type):
        return False
    if body[:SNIFFED_BYTES].translate(None, _DATA) != body[:SNIFFED_BYTES]:
        return True
    return not kind.startswith("text/") and bool(kind) and not _is_utf8(body)


def text_of(body: bytes, content_type: str) -> str:
    """The text of a body: by its byte order mark, else the charset of the header (a label of browsers), else what a
    page or an XML document declares, else UTF-8; what is declared as text and is not UTF-8 is windows-1252, as in
    browsers. Bad bytes are replaced."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return decode(body[len(mark) :], encoding)
    label, kind = charset_in(content_type), kind_of(content_type)
    if label:
        return decode(body, encoding_of(label) or "utf-8")
    if kind.endswith(("html", "xml")) and (declared := declared_encoding(body)):
        return decode(body, declared)
    if kind.startswith("text/") and not _is_utf8(body):
        return decode(body, "windows-1252")
    return decode(body, "utf-8")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as problem:
        return problem.reason == "unexpected end of data" and len(body) - problem.start <= _REPLACED
    return True
