"""The encoding that a page declares of itself, as browsers look for it: `<meta>`, or an XML declaration."""

from __future__ import annotations

import re

from flowbuilder.ports.charset import encoding_of

PRESCAN_BYTES = 1024
"""Browsers look for a declaration in these first bytes."""
_SPACE = b"\t\n\x0c\r "
_ATTRIBUTE = re.compile(
    rb"""[\t\n\x0c\r /]*+(?P<name>[^\t\n\x0c\r />][^\t\n\x0c\r />=]*+)[\t\n\x0c\r ]*+"""
    rb"""(?:=[\t\n\x0c\r ]*+(?:"(?P<a>[^"]*+)"|'(?P<b>[^']*+)'"""
    rb"""|(?P<c>[^\t\n\x0c\r >"'][^\t\n\x0c\r >]*+)|(?P<open>["'])|))?"""
)
_TAG = re.compile(rb"</?[a-z][^\t\n\x0c\r >]*+", re.IGNORECASE)
_IN_CONTENT = re.compile(
    rb"""charset[\t\n\x0c\r ]*+=[\t\n\x0c\r ]*+(?:"([^"]*)"|'([^']*)'|([^\t\n\x0c\r ;"'][^\t\n\x0c\r ;]*))""",
    re.IGNORECASE,
)
_IN_XML = re.compile(rb"""<\?xml[^>]*?encoding[\t\n\x0c\r ]*=[\t\n\x0c\r ]*(?:"([^"]+)"|'([^']+)')""", re.IGNORECASE)


def declared_encoding(data: bytes, size: int = PRESCAN_BYTES) -> str | None:
    """The encoding that a page declares of itself in its first `size` bytes; None without a declaration."""
    head = data[:size]
    if head.startswith(b"<\x00?\x00x\x00"):
        return "utf-16le"
    if head.startswith(b"\x00<\x00?\x00x"):
        return "utf-16be"
    position = 0
    while (position := head.find(b"<", position)) >= 0:
        if head.startswith(b"<!--", position):
            end = head.find(b"-->", position + 2)
            if end < 0:
                break
            position = end + 3
        elif head[position : position + 5].lower() == b"<meta" and head[position + 5 : position + 6] in _BREAKS:
            attributes, position = _attributes(head, position + 5)
            if found := _of_meta(attributes):
                return found
        elif tag := _TAG.match(head, position):
            _, position = _attributes(head, tag.end())
        elif head[position + 1 : position + 2] in (b"!", b"/", b"?"):
            end = head.find(b">", position)
            if end < 0:
                break
            position = end + 1
        else:
            position += 1
    xml = _IN_XML.match(head)
    return _readable(xml[1] or xml[2]) if xml else None


_BREAKS = tuple(bytes((byte,)) for byte in _SPACE + b"/")


def _attributes(head: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """The attributes of a tag, the first of each name, and the position after the tag; cut off, the tag has none."""
    found: dict[bytes, bytes] = {}
    while attribute := _ATTRIBUTE.match(head, position):
        position = attribute.end()
        if attribute["open"]:
            return {}, len(head)
        value = attribute["a"] or attribute["b"] or attribute["c"] or b""
        found.setdefault(attribute["name"].lower(), value.lower())
    end = head.find(b">", position)
    return (found, end + 1) if end >= 0 else ({}, len(head))


def _of_meta(attributes: dict[bytes, bytes]) -> str | None:
    if b"charset" in attributes:
        return _readable(attributes[b"charset"])
    if attributes.get(b"http-equiv") == b"content-type":
        content = _IN_CONTENT.search(attributes.get(b"content", b""))
        if content:
            return _readable(content[1] or content[2] or content[3] or b"")
    return None


def _readable(label: bytes) -> str | None:
    """The encoding of a label in a page: what could be read as ASCII is not UTF-16."""
    encoding = encoding_of(label.decode("latin-1"))
    if encoding in ("utf-16le", "utf-16be"):
        return "utf-8"
    return "windows-1252" if encoding == "x-user-defined" else encoding
