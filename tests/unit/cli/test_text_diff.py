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
