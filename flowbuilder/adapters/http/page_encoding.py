"""The encoding of an HTML page, as browsers find it: byte order mark, header, `<meta>`, XML declaration, a guess."""

from __future__ import annotations

import re

from flowbuilder.ports.charset import charset_in, decode, encoding_of

PRESCAN_BYTES = 1024
"""Browsers look for a declaration in these first bytes."""
LATE_BYTES = 1_000_000
GUESS_BYTES = 200_000
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
# encodings of pages that declare none, by the names of Python's codecs
_GUESSED = {
    "big5hkscs": "big5", "cp932": "shift_jis", "cp949": "euc-kr", "euc_jis_2004": "euc-jp", "gb18030": "gb18030",
    "iso2022_jp_2": "iso-2022-jp", "koi8-r": "koi8-r", "koi8-u": "koi8-u", "cp874": "windows-874",
    "iso8859-2": "iso-8859-2",
    **{f"cp125{number}": f"windows-125{number}" for number in range(9)},
}  # fmt: skip
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


def decode_page(data: bytes, *, content_type: str = "", host: str = "") -> tuple[str, list[str]]:
    """The text of a page as a browser shows it, and warnings: what was guessed, what contradicts itself."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _checked(data[len(mark) :], encoding, [])
    warnings: list[str] = []
    if label := charset_in(content_type):
        encoding = encoding_of(label) or ""
        if encoding:
            return _by_header(data, encoding, label)
        warnings.append(f"the Content-Type header names the encoding {label!r:.40}, which browsers do not know")
    if declared := declared_encoding(data):
        return _checked(data, declared, warnings)
    if declared := declared_encoding(data, LATE_BYTES):
        # browsers read the page again when they meet it
        warnings.append(f"the page declares its encoding, {declared}, after its first {PRESCAN_BYTES:,} bytes")
        return _checked(data, declared, warnings)
    return _guessed(data, warnings)


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


def _by_header(data: bytes, encoding: str, label: str) -> tuple[str, list[str]]:
    text, warnings = _checked(data, encoding, [])
    declared = declared_encoding(data)
    if declared and declared != encoding:
        warnings.append(
            f"the Content-Type header says {label:.40}, the page {declared}; it was read as {encoding}, as by browsers"
        )
    return text, warnings


def _checked(data: bytes, encoding: str, warnings: list[str]) -> tuple[str, list[str]]:
    text = decode(data, encoding)
    invalid = text.count("\ufffd") - data.count("\ufffd".encode()) * (encoding == "utf-8")
    if invalid > 0:
        warnings.append(f"{invalid:,} places of the page are not valid {encoding}")
    return text, warnings


def _guessed(data: bytes, warnings: list[str]) -> tuple[str, list[str]]:
    encoding = "utf-8"
    try:
        if data.isascii():
            if b"\x1b$B" not in data and b"\x1b$@" not in data:
                return decode(data, "utf-8"), warnings
            encoding = "iso-2022-jp"
        data.decode("utf-8")
    except UnicodeDecodeError:
        from chardet import detect  # here: few pages need it

        found = detect(data[:GUESS_BYTES], include_encodings=_GUESSED, prefer_superset=True, compat_names=False)
        encoding = _GUESSED.get(str(found["encoding"]), "windows-1252")
    text, warnings = _checked(data, encoding, warnings)
    return text, [*warnings, f"the page declares no encoding; {encoding} was guessed"]
