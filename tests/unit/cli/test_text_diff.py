"""The diff of a review in the terminal: lines, and the words that differ in them."""

import time

import pytest
from rich.text import Text

from flowbuilder.cli.output.text_diff import text_diff


def marked(diff: Text) -> list[str]:
    return [diff.plain[span.start : span.end] for span in diff.spans if "reverse" in str(span.style)]


@pytest.mark.parametrize(
    ("sentence", "old", "new"),
    [
        ("The {} fox jumps over the fence.", "quick", "red"),
        ("今天天气很好，我们去{}大学散步。晚上在家吃饭。", "北京", "上海"),
        ("ภาษาไทยเป็นภาษาที่{}มากสำหรับฉัน", "ง่าย", "ยาก"),
        ("ذهبت إلى {} أمس صباحًا", "المدرسة", "الجامعة"),
        ("मैं कल {} गया था।", "दिल्ली", "मुंबई"),
    ],
)
def test_only_the_words_that_differ_are_marked(sentence: str, old: str, new: str) -> None:
    diff = text_diff(f"Same.\n{sentence.format(old)}\nEnd.", f"Same.\n{sentence.format(new)}\nEnd.")
    assert marked(diff) == [old, new]
    lines = diff.plain.splitlines()
    assert lines[1:] == [" Same.", f"-{sentence.format(old)}", f"+{sentence.format(new)}", " End."]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("The quick fox.", "The red fox.", "The [-quick-]{+red+} fox."),
        ("The fox runs.", "The fox runs fast.", "The fox runs{+ fast+}."),
        ("我们去北京大学散步。", "我们去上海大学散步。", "我们去[-北京-]{+上海+}大学散步。"),
        ("ภาษาไทยเป็นภาษาที่ง่ายมาก", "ภาษาไทยเป็นภาษาที่ยากมาก", "ภาษาไทยเป็นภาษาที่[-ง่าย-]{+ยาก+}มาก"),
        ("one two\nthree four five", "one 2\n3 four five", "one [-two-]{+2+}\n[-three-]{+3+} four five"),
        ("one\ntwo four five", "one two four five", "one\n{+ +}two four five"),
    ],
)
def test_where_there_is_no_style_a_line_shows_the_words_that_differ(old: str, new: str, words: str) -> None:
    lines = text_diff(f"{old}\nEnd.", f"{new}\nEnd.", plain=True).plain.split("\n")[1:]
    assert [line[1:] for line in lines if line.startswith("-")] == old.split("\n")
    assert [line[1:] for line in lines if line.startswith("+")] == new.split("\n")
    assert [line[1:] for line in lines if line.startswith("?")] == words.split("\n")
    assert "?" not in text_diff(old, new).plain


def test_rewritten_lines_and_added_lines_have_no_line_of_words() -> None:
    for old, new in (("one two three", "completely other text"), ("a\nb", "a\nnew words here\nb")):
        assert "?" not in text_diff(old, new, plain=True).plain


def test_added_lines_and_rewritten_lines_have_no_marks() -> None:
    assert marked(text_diff("a\nb", "a\nnew words here\nb")) == []
    assert marked(text_diff("one two three", "completely other text")) == []


def test_a_mark_does_not_cross_the_end_of_a_line() -> None:
    diff = text_diff("one two\nthree four five six\n", "one 2\n3 four five six\n")
    assert marked(diff) == ["two", "three", "2", "3"]


def test_nothing_is_lost_and_nothing_is_invisible() -> None:
    diff = text_diff("a\u202eb\n", "a\u200bb c\n")
    assert "\u202e" not in diff.plain
    assert "\u200b" not in diff.plain
    assert text_diff("same\n", "same\n").plain == ""


@pytest.mark.parametrize("unit", ["a ", "一", "ภาษาไทย", "\n", "x\n"])
def test_long_repeated_texts_take_little_time(unit: str) -> None:
    start = time.process_time()
    text_diff(unit * 20_000, "b" + unit * 20_001)
    assert time.process_time() - start < 3
