"""Character encodings as browsers read them: the labels and decoders of the WHATWG Encoding standard."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from threading import local

MAX_RECOVERED = 10_000
"""The places of one text at which Python's codec is corrected; with more, it is a text of another encoding."""
_ERRORS = "flowbuilder.whatwg"
_recovered = local()
# where Python's codec of the same name is another one, or knows fewer characters
_CODECS = {"gbk": "gb18030", "big5": "big5hkscs", "euc-jp": "euc_jp", "koi8-u": "koi8_u", "windows-1255": "cp1255"}
_CORRECTED: dict[str, dict[int, int]] = {
    "koi8-u": str.maketrans("\u255d\u256c", "\u045e\u040e"),
    "shift_jis": str.maketrans("\uf8f0\uf8f1\uf8f2\uf8f3", "\ufffd" * 4),
    "euc-jp": str.maketrans("\u301c\u2016\u2212\u00a2\u00a3\u00ac", "\uff5e\u2225\uff0d\uffe0\uffe1\uffe2"),
    "big5": str.maketrans(
        "\u2022\uff64\u203e\u223c\u2641\u2609\u00a5\u00a2\u00a3",
        "\u2027\ufe51\u00af\uff5e\u2295\u2299\uffe5\uffe0\uffe1",
    ),
    "gbk": str.maketrans(
        "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\ue81e\ue826\ue82b\ue82c\ue832\ue843"
        "\ue854\ue864",
        "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9"
        "\u9fba\u9fbb",
    ),
}
_CORRECTED["gb18030"] = _CORRECTED["gbk"]
_CHARSET = re.compile(r"""charset\s*=\s*(?:"([^"]*)"|'?([^\s;"',]+))""", re.IGNORECASE)
_JIS_ESCAPE = re.compile(rb"\x1b(\([BJI]|\$[@B])")


def charset_in(content_type: str) -> str:
    """The label that a Content-Type header gives as its charset; empty without one."""
    found = _CHARSET.search(content_type)
    return found[1] or found[2] if found else ""


def encoding_of(label: str) -> str | None:
    """The standard's name of an encoding, in lower case, for one of its labels; None for an unknown one.

    `latin-1`, `iso-8859-1` and `ascii` are `windows-1252`, `gb2312` is `gbk`; there is no `utf-7`.
    """
    # here: only a text whose encoding is named needs it
    import webencodings  # type: ignore[import-untyped]

    found = webencodings.lookup(label)
    return str(found.name) if found else None


def decode(data: bytes, encoding: str) -> str:
    """The text of bytes in an encoding of the standard (`encoding_of`); what is invalid becomes U+FFFD.

    A byte order mark of UTF-8 or UTF-16 is left out. Takes time that grows with the size.
    """
    if encoding == "replacement":  # encodings that can hide markup
        return "\ufffd" if data else ""
    if encoding in ("utf-8", "utf-16le", "utf-16be"):
        return data.decode(encoding, "replace").removeprefix("\ufeff")
    if encoding == "x-user-defined":
        return data.decode("latin-1").translate(_USER_DEFINED)
    if encoding == "iso-2022-jp":
        return _iso_2022_jp(data)
    if encoding == "windows-1255":
        # Python's codec has no holam haser
        text = "\u05ba".join(_decode(part, "cp1255") for part in data.split(b"\xca", MAX_RECOVERED))
    else:
        text = _decode(data, _codec(encoding))
    return text.translate(_CORRECTED[encoding]) if encoding in _CORRECTED else text


def _decode(data: bytes, codec: str) -> str:
    _recovered.count = 0
    try:
        return data.decode(codec, _ERRORS)
    except UnicodeDecodeError:  # this is no text of that encoding
        return data.decode(codec, "replace")


def _codec(encoding: str) -> str:
    import webencodings

    found = _CODECS.get(encoding) or webencodings.lookup(encoding).codec_info.name
    return str(found)


def _recover(error: UnicodeError) -> tuple[str, int]:
    """What a browser reads where Python's codec reads nothing, and the position after it."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    _recovered.count += 1
    if _recovered.count > MAX_RECOVERED:
        raise error
    data, at = error.object, error.start
    lead, trail = data[at], data[at + 1] if at + 1 < len(data) else 0
    if error.encoding == "charmap":
        return chr(lead) if lead < 0xA0 else "\ufffd", at + 1
    if error.encoding == "gb18030" and lead == 0x80:
        return "\u20ac", at + 1
    if error.encoding == "big5hkscs":
        with suppress(UnicodeDecodeError):
            return data[at : at + 2].decode("cp950"), at + 2
    if error.encoding == "euc_jp" and lead >= 0xA1 <= trail:
        # rows 13 and 89 to 92 of JIS X 0208, with the vendors' characters, as Shift_JIS has them
        row, cell = lead - 0xA1, trail - 0xA1
        high = row // 2 + (0x81 if row < 62 else 0xC1)
        low = cell + (0x9F if row % 2 else 0x40 if cell < 63 else 0x41)
        found = bytes((high, low)).decode("cp932", "ignore")
        return (found, at + 2) if len(found) == 1 else ("\ufffd", at + 2)
    if error.encoding == "euc_jp" and lead == 0x8F and trail >= 0xA1:
        return "\ufffd", min(at + (3 if data[at + 2 : at + 3] >= b"\x80" else 2), len(data))
    # a second byte that is ASCII is not part of the character, and may be markup
    first = 0xA1 if error.encoding == "euc_jp" else 0x81
    return "\ufffd", at + (2 if trail >= 0x80 and first <= lead < 0xFF else 1)


def _iso_2022_jp(data: bytes) -> str:
    """The text, by way of EUC-JP, which has the same characters."""
    parts = _JIS_ESCAPE.split(data)
    found = bytearray(parts[0].translate(_ASCII))
    for escape, part in zip(parts[1::2], parts[2::2], strict=True):
        if escape == b"(I":
            found += b"".join(b"\x8e%c" % (byte | 0x80) for byte in part)
        else:
            found += part.translate(_HIGH if escape.startswith(b"$") else _ASCII)
    return decode(bytes(found), "euc-jp")


_ASCII = bytes(byte if byte < 0x80 else 0xFF for byte in range(256))
_HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else _ASCII[byte] for byte in range(256))
_USER_DEFINED = {byte: 0xF700 + byte for byte in range(0x80, 0x100)}
codecs.register_error(_ERRORS, _recover)
