"""Texts of every script: slugs, counts, cuts; and HTML as a browser reads it."""

import pytest

from flowbuilder.language import Expression


def value(text: str, x: object) -> object:
    return Expression(f"x | {text}").evaluate({"x": x})


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Straße nach Ærø, Łódź und Tromsø", "strasse-nach-aero-lodz-und-tromso"),
        ("Þórður Đặng İstanbul", "thordur-dang-istanbul"),
        ("北京大学", "beijing-daxue"),
        ("カタカナ と 東京", "katakana-to-dongjing"),
        ("안녕하세요 세계", "annyeonghaseyo-segye"),
        ("Объявление №5", "obyavlenie-5"),
        ("Ελληνική γλώσσα", "elliniki-glossa"),
        ("ﬁne ½ cup, １２３", "fine-1-2-cup-123"),
        ("2020\u20132024", "2020-2024"),
        ("don\u2019t stop", "dont-stop"),
        ("it's a.b_c", "it-s-a-b-c"),
        ("cafe\u0301 cr\u00e8me", "cafe-creme"),
        ("soft\u00adhyphen zero\u200dwidth", "softhyphen-zerowidth"),
        ("Party \U0001f389!", "party"),
        ("\U0001f389", "tada"),
        ("\ud800 half", "half"),
        ("...", ""),
    ],
)
def test_a_slug_has_what_a_text_says_in_every_script(text: str, slug: str) -> None:
    assert value("slugify", text) == slug


@pytest.mark.parametrize(
    "text", ["ภาษาไทยง่ายมาก", "हिन्दी में लिखना", "مرحبا بالعالم", "שלום עולם", "ქართული ენა", "አማርኛ ቋንቋ", "বাংলা ভাষা"]
)
def test_a_slug_of_no_script_is_empty(text: str) -> None:
    slug = str(value("slugify", text))
    assert slug.replace("-", "").isalnum()
    assert slug.isascii()
    assert "-" in slug


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("今天天气很好，我们去北京大学散步。", 8),
        ("ภาษาไทยเป็นภาษาที่ง่ายมาก", 7),
        ("안녕하세요 세계", 2),
        ("हिन्दी में यह एक वाक्य है।", 6),
        ("مَرْحَبًا بالعالم", 2),
        ("cafe\u0301 cr\u00e8me", 2),
        ("It's 3.14 km, don\u2019t you know", 6),
        ("\U0001f389 -- ...", 0),
        ("", 0),
        ("a\0b \ud800 c", 3),
    ],
)
def test_words_are_counted_in_every_script(text: str, number: int) -> None:
    assert value("wordcount", text) == number


def test_words_of_japanese_are_neither_characters_nor_clauses() -> None:
    text = "私は昨日東京タワーに行きました。とても楽しかったです。"
    assert 8 <= int(str(value("wordcount", text))) <= 16


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "length", "cut"),
    [
        ("今天天气很好，我们去北京大学散步。", 11, "今天天气很好，我们去"),
        ("Python 是一种广泛使用的解释型语言", 10, "Python 是一种"),
        ("ภาษาไทยเป็นภาษาที่ง่ายมาก", 12, "ภาษาไทยเป็น"),
        ("e\u0301e\u0301e\u0301", 3, "e\u0301"),
        (f"a{FAMILY}b", 4, "a"),
        (f"a{FAMILY}b", 6, f"a{FAMILY}"),
        (FAMILY, 3, ""),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 3, "\U0001f1e9\U0001f1ea"),
        ("नमस्ते दुनिया", 4, "नम"),
        ("The quick\u3000brown", 12, "The quick"),
        ("a well-known fact", 8, "a"),
        ("aaaaaaaa", 5, "aaaaa"),
    ],
)
def test_a_text_is_cut_between_words_and_never_inside_a_character(text: str, length: int, cut: str) -> None:
    assert value(f"truncate({length}, '')", text) == cut


def test_the_mark_of_a_cut_is_not_cut_inside_a_character_either() -> None:
    assert value(f"truncate(2, '{FAMILY}')", "abcdef") == ""


def test_a_combining_mark_begins_no_word() -> None:
    assert value("title", "e\u0301cole o'neil it's") == "E\u0301cole O'neil It's"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two<p>three", "one two three"),
        ("one<br>two<BR/>three<hr>four", "one two three four"),
        ("<ul><li>a<li>b</ul><dl><dt>c<dd>d</dl>", "a b c d"),
        ("<table><tr><td>1<td>2<tr><th>3</table>", "1 2 3"),
        ("<h1>One</h1>two<div>three</div>four", "One two three four"),
        ("<b>chi</b>ps H<sub>2</sub>O f<i>o</i><a href=x>o</a>", "chips H2O foo"),
        ("a<script>if (a < b) '</p>'</script>b<style>p { }</style>c", "abc"),
        ("a<script><!-- <script> </script> --></script>b", "ab"),
        ("a<template>x<template>y</template>z</template>b", "ab"),
        ("a<!-- <p> > -->b<!---->c<!-->d", "abcd"),
        ("a<!-- left open", "a"),
        ("<p title='a > b'>x</p>", "x"),
        ("<p title=\"</p>\">x", "x"),
        ("&amp;lt;p&amp;gt; &lt;b&gt; caf&eacute; &#x41;&#66; &copy 1&nbsp;000", "&lt;p&gt; <b> café AB © 1 000"),
        ("a < b and c > d, I <3 you, 1<2", "a < b and c > d, I <3 you, 1<2"),
        ("AT&T &notit; &unknown;", "AT&T \u00acit; &unknown;"),
        ("<!DOCTYPE html><html><head><meta name=x></head><body>x</body></html>", "x"),
        ("<textarea><b>x</b></textarea>", "<b>x</b>"),
        ("<p>a\n\n  b\tc</p>", "a b c"),
        ("\u6f22<ruby>\u5b57<rp>(</rp><rt>\u3058</rt><rp>)</rp></ruby>", "\u6f22\u5b57(\u3058)"),
        ("<script>never closed <p>x</p>", ""),
        ("plain", "plain"),
    ],
)  # fmt: skip
def test_html_is_read_as_a_browser_reads_it(html: str, text: str) -> None:
    assert value("strip_html", html) == text


@pytest.mark.parametrize("text", ["mail <ada@example.org> now", "x<y>z", "<https://example.org/> it"])
def test_what_looks_like_a_tag_is_one_and_no_more_is_lost(text: str) -> None:
    kept = str(value("strip_html", text)).split()
    assert kept in (["mail", "now"], ["xz"], ["it"])


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("abc", "cba"),
        ("a\r\nb", "b\r\na"),
        ("", ""),
        ("no\u0308el", "leo\u0308n"),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", "\U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea"),
        ("\U0001f44d\U0001f3fd!", "!\U0001f44d\U0001f3fd"),
        ("नमस्ते", "स्तेमन"),
    ],
)
def test_a_text_is_reversed_by_whole_characters(text: str, there: str) -> None:
    assert value("reverse", text) == there


@pytest.mark.parametrize(
    ("html", "text"),
    [("x<y>z", "xz"), ("a<o:p></o:p>b", "ab"), ("<my-card>A</my-card>B", "A B"), ("<button>A</button>B", "A B")],
)
def test_a_tag_that_html_does_not_know_separates_nothing(html: str, text: str) -> None:
    assert value("strip_html", html) == text
