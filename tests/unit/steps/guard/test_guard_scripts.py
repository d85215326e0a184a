"""Texts in other scripts than Latin: their words, the language of a sentence, and names among their letters."""

from __future__ import annotations

import pytest

from flowbuilder.steps.builtin.guard.comparison import findings_of
from flowbuilder.steps.builtin.guard.words import words_of

FILLER = {
    "ja": "緑茶のお湯は熱いほうがいいですが、とても長く待つ必要があります。",
    "zh": "泡绿茶的水应该很热，大多数人在京都每天都喝绿茶。",
    "ko": "녹차용 물은 뜨거워야 하고 오래 기다려야 합니다.",
    "hi": "हरी चाय के लिए पानी बहुत गर्म होना चाहिए और यह अच्छा है।",
    "he": "המים של התה הירוק צריכים להיות חמים גם אם היום חם.",
}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("大多数人每天都喝绿茶", ["大", "多数", "人", "每天", "都", "喝", "绿茶"]),
        ("お茶は Vue.js です", ["お茶", "は", "vue", "js", "です"]),
        ("ไม่ควรต้มน้ำ", ["ไม่", "ควร", "ต้ม", "น้ำ"]),
        ("यह हिन्दी में नहीं है", ["यह", "हिन्दी", "में", "नहीं", "है"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("Don't pay 3.5", ["don't", "pay", "3", "5"]),
    ],
)
def test_words_are_those_of_the_script(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_chinese_paragraph_is_measured_in_words() -> None:
    page = f"{FILLER['zh']}\n\n请把水烧热，等两分钟。\n"
    (finding,) = [one for one in findings_of(page, f"{FILLER['zh']}\n", {}) if one["rule"] == "lost_text"]
    assert finding["severity"] == "info"
    assert "6 words" in finding["evidence"]


@pytest.mark.parametrize("code", FILLER)
def test_a_sentence_in_another_language_than_the_page_is_read_in_its_own(code: str) -> None:
    page = f"{FILLER[code]}\n\nDo not boil the water again today, says Yamada.\n"
    found = {one["rule"] for one in findings_of(page, page.replace("not ", ""), {})}
    assert "negations" in found
    assert "names" in {one["rule"] for one in findings_of(page, page.replace("Yamada", "Tanaka"), {})}


@pytest.mark.parametrize(
    ("page", "old", "new"),
    [
        ("この構文は JavaScript の式をサポートしますので、とても便利です。", "JavaScript", "Javascript"),
        ("请在浏览器中使用JavaScript的表达式，这很方便。", "JavaScript", "Javascript"),
        ("이 문서는 HTML은 물론이고 다른 것도 다룹니다.", "HTML", "Html"),
        ("茶叶来自Uji的一家小店，那里很美。", "Uji", "Nara"),
    ],
)
def test_a_name_in_latin_letters_is_compared_without_spaces_around_it(page: str, old: str, new: str) -> None:
    found = [one for one in findings_of(page, page.replace(old, new), {}) if one["rule"] == "names"]
    assert {one["severity"] for one in found} == {"warning"}


def test_the_negation_of_hindi_is_a_word_and_no_letter() -> None:
    page = f"{FILLER['hi']} पानी को फिर से नहीं उबालें।\n"
    assert "negations" in {one["rule"] for one in findings_of(page, page.replace("नहीं ", ""), {})}
    other = page.replace("अच्छा", "न्यारा")  # a word that begins with the letter of a negation
    assert "negations" not in {one["rule"] for one in findings_of(page, other, {})}


def test_a_line_of_another_language_inside_a_sentence_is_noticed() -> None:
    page = "The water for green tea should be hot,\nbut it must not boil,\nand you wait for two minutes with it.\n"
    other = page.replace(
        "but it must not boil,", "aber das Wasser darf nicht kochen, denn sonst wird es bitter und du magst es nicht,"
    )
    assert "language" in {one["rule"] for one in findings_of(page, other, {})}
