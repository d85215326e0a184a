"""Pages are decoded as browsers decode them."""

from __future__ import annotations

import time

import pytest

from flowbuilder.adapters.http.page_encoding import declared_encoding, decode_page
from flowbuilder.ports import HttpResponse
from flowbuilder.ports.charset import MAX_RECOVERED, charset_in, decode, encoding_of

LABELS = {
    "latin1": "windows-1252", "ISO-8859-1": "windows-1252", "us-ascii": "windows-1252", " ascii\n": "windows-1252",
    "cp1252": "windows-1252", "gb2312": "gbk", "GBK": "gbk", "gb18030": "gb18030", "chinese": "gbk", "big5": "big5",
    "big5-hkscs": "big5", "x-sjis": "shift_jis", "windows-31j": "shift_jis", "ms_kanji": "shift_jis",
    "ks_c_5601-1987": "euc-kr", "windows-949": "euc-kr", "x-euc-jp": "euc-jp", "utf8": "utf-8", "UTF-8": "utf-8",
    "unicode-1-1-utf-8": "utf-8", "utf-16": "utf-16le", "ucs-2": "utf-16le", "unicode": "utf-16le",
    "utf-16be": "utf-16be", "x-user-defined": "x-user-defined", "iso-2022-kr": "replacement",
    "hz-gb-2312": "replacement", "tis-620": "windows-874", "dos-874": "windows-874", "koi8-ru": "koi8-u",
    "x-mac-roman": "macintosh", "logical": "iso-8859-8-i", "x-x-big5": "big5", "latin5": "windows-1254",
    "iso-8859-9": "windows-1254", "iso-8859-11": "windows-874",
}  # fmt: skip


@pytest.mark.parametrize("label", LABELS)
def test_labels_are_those_of_browsers(label: str) -> None:
    assert encoding_of(label) == LABELS[label]


@pytest.mark.parametrize("label", ["", "utf-7", "idna", "punycode", "unicode_escape", "rot13", "base64", "nonsense",
                                   "utf_8_sig", "mbcs", "cp037", "latin-1-x", "ISO\u20118859"])  # fmt: skip
def test_what_browsers_do_not_know_is_no_label(label: str) -> None:
    assert encoding_of(label) is None


# what Python's codec of that name reads otherwise, or not at all
TEXTS: dict[str, tuple[bytes, str]] = {
    "windows-1252": (b"\x80 \x93quoted\x94 \x81\x9d \xe9", "€ “quoted” \x81\x9d é"),
    "windows-1254": (b"\xfd\xde\x8e", "ıŞ\x8e"),
    "windows-1255": (b"\xf9\xc8\xca\xd9", "ש\u05b8\u05ba\ufffd"),
    "windows-1253": (b"\xc1\xaa\x98", "Α\ufffd\x98"),
    "windows-874": (b"\xa1\xdb\x80\x81", "ก\ufffd€\x81"),
    "koi8-u": (b"\xa4\xae\xbe", "єўЎ"),
    "ibm866": (b"\x8f\xe0", "Пр"),
    "macintosh": (b"\xdb\xa5", "€•"),
    "gbk": (b"\x80\xc4\xe3\xa8\xbc\xfe\x59", "€你ḿ龴"),
    "gb18030": (b"\xc4\xe3\x81\x30\x81\x30\x94\x39\xda\x33", "你\x80💩"),
    "big5": (b"\xa7\x41\xa1\x45\xa3\xe1\xc6\xa1\xfa\x40", "你‧€①\U00020547"),
    "euc-jp": (b"\xc6\xfc\xad\xa1\xa1\xc1\xa1\xdd\x8e\xb1\x8f\xb0\xa2\xad\xea", "日①～－ｱ丄㈱"),
    "shift_jis": (b"\x93\xfa\x87\x40\x81\x60\xb1\xfc\x4b\xa0", "日①～ｱ黑\ufffd"),
    "euc-kr": (b"\xc7\xd1\x81\x41\xc6\x52", "한갂힣"),
    "iso-2022-jp": (b"a\x1b$BF|-!\x1b(I1\x1b(Bz", "a日①ｱz"),
    "x-user-defined": (b"a\x80\xff", "a\uf780\uf7ff"),
    "utf-16le": (b"\xff\xfet\x00\xe9\x00", "té"),
    "utf-16be": (b"\x00t\x00\xe9", "té"),
    "utf-8": (b"\xef\xbb\xbf\xc3\xa9\xff", "é\ufffd"),
    "replacement": (b"\x1b$)C<script>", "\ufffd"),
    "iso-8859-8-i": (b"\xf9", "ש"),
    "x-mac-cyrillic": (b"\x80\xff", "А€"),
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_text_reads_as_in_a_browser(encoding: str) -> None:
    data, text = TEXTS[encoding]
    assert decode(data, encoding) == text


def test_markup_after_a_broken_character_stays() -> None:
    for encoding in ("shift_jis", "euc-jp", "euc-kr", "gbk", "big5"):
        assert decode(b"\x85<b>", encoding).endswith("<b>"), encoding
        assert decode(b"\xfe<b>", encoding).endswith("<b>"), encoding


@pytest.mark.parametrize("encoding", sorted({name for name in LABELS.values() if name != "replacement"}))
@pytest.mark.parametrize("data", [b"\xff", b"\x8f\x1b$B\x80", b"\x1b(B", b"\xca", b"\xa1"])
def test_no_bytes_take_long(encoding: str, data: bytes) -> None:
    begun = time.process_time()
    decode(data * (1_000_000 // len(data)), encoding)
    assert time.process_time() - begun < 2


def test_many_broken_places_are_decoded_too() -> None:
    assert len(decode(b"\xffa" * (MAX_RECOVERED + 5), "euc-jp")) == 2 * (MAX_RECOVERED + 5)


@pytest.mark.parametrize(
    ("header", "label"),
    [
        ("text/html; charset=utf-8", "utf-8"), ('text/html; Charset="UTF-8"; x=1', "UTF-8"), ("text/html", ""),
        ("text/html;charset='gbk'", "gbk"), ("text/html; charset = big5 ; a", "big5"), ("text/html; charset=", ""),
        ("", ""), ("text/html, text/html; charset=utf-8", "utf-8"),
    ],
)  # fmt: skip
def test_the_charset_of_a_header(header: str, label: str) -> None:
    assert charset_in(header) == label


DECLARED: dict[bytes, str | None] = {
    b"<meta charset=iso8859-2>": "iso-8859-2",
    b"<META CHARSET = 'big5' >": "big5",
    b'<meta/charset="euc-kr"/>': "euc-kr",
    b"<meta\ncharset=\tgbk>": "gbk",
    b'<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">': "shift_jis",
    b"<meta content='text/html; charset=\"koi8-r\"' http-equiv=CONTENT-TYPE>": "koi8-r",
    b'<meta http-equiv="content-type" content="text/html; charsetx charset = windows-1251;x">': "windows-1251",
    b'<meta content="text/html; charset=gbk">': None,
    b'<meta http-equiv="refresh" content="0; charset=gbk">': None,
    b"<metacharset=gbk>": None,
    b"<meta name=charset content=gbk>": None,
    b"<meta charset=utf-16>": "utf-8",
    b"<meta charset=UTF-16BE>": "utf-8",
    b"<meta charset=x-user-defined>": "windows-1252",
    b"<meta charset=nonsense><meta charset=gbk>": "gbk",
    b"<meta charset=utf-7>": None,
    b"<meta charset=gbk charset=big5>": "gbk",
    b"<!-- <meta charset=gbk> --><meta charset=big5>": "big5",
    b"<!--><meta charset=gbk>": "gbk",
    b"<!-- <meta charset=gbk>": None,
    b"<? <meta charset=gbk>": None,
    b"<!doctype <meta charset=gbk>": None,
    b"<a title='<meta charset=gbk>'><meta charset=big5>": "big5",
    b"<a title='<meta charset=gbk>": None,
    b"<script>'<meta charset=gbk>'</script>": "gbk",
    b"<meta charset=gbk": None,
    b"<meta charset='gbk>": None,
    b" " * 1000 + b"<meta charset=gbk>": "gbk",
    b" " * 1020 + b"<meta charset=gbk>": None,
    b"<?xml version='1.0' encoding='euc-jp'?><html>": "euc-jp",
    b'<?xml version="1.0" encoding="UTF-16"?><html>': "utf-8",
    b'<?xml encoding="gbk"?><meta charset=big5>': "big5",
    "<?xml".encode("utf-16le"): "utf-16le",
    "<?xml".encode("utf-16be"): "utf-16be",
    b"": None,
    b"<": None,
    b"</meta charset=gbk>": None,
}


@pytest.mark.parametrize("page", DECLARED)
def test_a_declaration_is_found_where_browsers_find_it(page: bytes) -> None:
    assert declared_encoding(page) == DECLARED[page]


HEAD = "<!doctype html><html><head>{}<title>{}</title></head><body><p>{}</p></body></html>"
FRENCH = "Où est la crème brûlée aujourd’hui, mon ami très cher"
RUSSIAN = "Зелёный чай полезен, а чёрный бодрит по утрам"
JAPANESE = "これは日本語の段落です。内容はとても短いです。"


@pytest.mark.parametrize(
    ("header", "meta", "codec", "text", "said"),
    [
        ("text/html; charset=iso-8859-1", "", "cp1252", FRENCH, ""),
        ("text/html", "<meta charset=windows-1252>", "cp1252", FRENCH, ""),
        ("text/html", "<meta charset=latin1>", "cp1252", FRENCH, ""),
        ("text/html; charset=utf-8", "<meta charset=iso-8859-1>", "utf-8", FRENCH, "it was read as utf-8"),
        ("text/html; charset=nonsense", "", "utf-8", FRENCH, "which browsers do not know"),
        ("text/html; charset=nonsense", "<meta charset=cp1251>", "cp1251", RUSSIAN, "which browsers do not know"),
        ("text/html; charset=windows-1251", "", "utf-8-sig", RUSSIAN, ""),
        ("text/html; charset=utf-8", "", "utf-16", JAPANESE, ""),
        ("text/html", "", "utf-8", JAPANESE, "utf-8 was guessed"),
        ("text/html", "", "cp1252", FRENCH, "windows-1252 was guessed"),
        ("text/html", "", "cp1251", RUSSIAN, "windows-1251 was guessed"),
        ("text/html", "", "shift_jis", JAPANESE, "shift_jis was guessed"),
        ("text/html", "", "euc_jp", JAPANESE, "euc-jp was guessed"),
        ("text/html", "", "iso2022_jp", JAPANESE, "iso-2022-jp was guessed"),
        ("text/html", "", "cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy", "windows-1250 was guessed"),
        ("text/html", "<meta charset=Shift_JIS>", "cp932", JAPANESE + "①㈱", ""),
        ("text/html", "<meta charset=gb2312>", "gb18030", "绿茶是一种不经发酵制成的茶€", ""),
        ("text/html", "<meta charset=euc-kr>", "cp949", "녹차는 똠방각하", ""),
        ("text/html", "<!--" + "x" * 2000 + "--><meta charset=cp1251>", "cp1251", RUSSIAN, "after its first 1,024"),
        ("text/html; charset=us-ascii", "", "cp1252", FRENCH, ""),
        ("application/xhtml+xml", "", "utf-8", "plain", ""),
    ],
)  # fmt: skip
def test_a_page_is_decoded_and_says_what_was_guessed(header: str, meta: str, codec: str, text: str, said: str) -> None:
    page, warnings = decode_page(HEAD.format(meta, text, text).encode(codec), content_type=header)
    assert page == HEAD.format(meta, text, text)
    assert [said] == [said for warning in warnings if said in warning] if said else warnings == []


def test_a_header_that_lies_is_obeyed_and_named() -> None:
    page, warnings = decode_page(
        HEAD.format("<meta charset=utf-8>", "é", "é").encode(), content_type="text/html; charset=iso-8859-1"
    )
    assert "Ã©" in page
    assert any("the page utf-8; it was read as windows-1252" in warning for warning in warnings)


def test_invalid_bytes_are_counted() -> None:
    page, warnings = decode_page(b"<meta charset=utf-8><p>caf\xe9 \xff \xef\xbf\xbd</p>")
    assert page.endswith("<p>caf\ufffd \ufffd \ufffd</p>")
    assert warnings == ["2 places of the page are not valid utf-8"]


@pytest.mark.parametrize("head", [b"<meta a='" * 100_000, b"<a " * 300_000, b"<!--" * 200_000, b"<!" * 400_000,
                                  b"<meta x=\"" * 100_000 + b"'", b"<?xml encoding" + b" " * 900_000])  # fmt: skip
def test_no_page_takes_long_to_look_through(head: bytes) -> None:
    begun = time.process_time()
    decode_page(head)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    ("header", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"\x80\xe9", "€é"),
        ("text/plain; charset=gb2312", b"\xc4\xe3\x80", "你€"),
        ("text/plain; charset=unicode_escape", b"\\u0041", "\\u0041"),
        ("text/plain", b"\xef\xbb\xbf\xc3\xa9", "é"),
        ("text/plain; charset=nonsense", "é".encode(), "é"),
    ],
)
def test_the_text_of_an_answer_follows_the_same_labels(header: str, body: bytes, text: str) -> None:
    assert HttpResponse(status=200, headers={"content-type": header}, body=body, url="https://e.example/").text == text
