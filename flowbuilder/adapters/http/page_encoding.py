"""The encoding of an HTML page, as browsers find it: byte order mark, header, `<meta>`, XML declaration, a guess."""

from __future__ import annotations

from flowbuilder.ports.charset import charset_in, decode, encoding_of
from flowbuilder.ports.http.declared_encoding import PRESCAN_BYTES, declared_encoding

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
