"""The diff: complete, fast for any input, and escaped."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review_app.diff import Comparison, compare
from review_app.diff_html import inline, plain_text, side_by_side, summary

TEXTS = st.text(alphabet="ab .\n-#é!\t1\r", max_size=200) | st.text(max_size=80)
HOSTILE = '<img src=x onerror="alert(1)"> <script>alert(2)</script> & </del><style>*{display:none}</style>'


def sides(comparison: Comparison) -> tuple[str, str]:
    return (
        "".join(piece.text for row in comparison.rows for piece in row.old),
        "".join(piece.text for row in comparison.rows for piece in row.new),
    )


def marked(comparison: Comparison, mark: str) -> list[str]:
    return [piece.text.strip() for row in comparison.rows for piece in (*row.old, *row.new) if piece.mark == mark]


@given(TEXTS, TEXTS)
def test_the_pieces_of_each_side_are_the_whole_text(old: str, new: str) -> None:
    assert sides(compare(old, new)) == (old, new)


@given(TEXTS, TEXTS)
def test_each_side_only_carries_its_own_mark(old: str, new: str) -> None:
    for row in compare(old, new).rows:
        assert "ins" not in {piece.mark for piece in row.old}
        assert "del" not in {piece.mark for piece in row.new}


@given(TEXTS)
def test_equal_texts_have_no_changes(text: str) -> None:
    comparison = compare(text, text)
    assert (comparison.changes, comparison.words_added, comparison.words_removed) == (0, 0, 0)


@given(st.lists(st.sampled_from(["a", "b ", "word. ", "\n\n", "- x\n"]), max_size=600), st.integers(0, 600))
@settings(deadline=None)
def test_long_repetitive_texts_are_complete(parts: list[str], cut: int) -> None:
    old, new = "".join(parts), "".join(parts[cut:] + parts[:cut])
    assert sides(compare(old, new)) == (old, new)


def test_only_the_words_that_changed_are_marked() -> None:
    comparison = compare("The quick brown fox jumps.\n\nSame here.", "The quick red fox jumps.\n\nSame here.")
    assert marked(comparison, "del") == ["brown"]
    assert marked(comparison, "ins") == ["red"]
    assert [row.kind for row in comparison.rows] == ["changed", "same"]


SCRIPTS = {
    "Chinese": ("今天天气很好，我们去{}大学散步。晚上在家吃饭。", "北京", "上海"),
    "Thai": ("ภาษาไทยเป็นภาษาที่{}มากสำหรับฉัน", "ง่าย", "ยาก"),
    "Korean": ("저는 {} 서울에 갔습니다.", "어제", "오늘"),
    "Arabic": ("ذهبت إلى {} أمس صباحًا", "المدرسة", "الجامعة"),
    "Hindi": ("मैं कल {} गया था।", "दिल्ली", "मुंबई"),
    "emoji": ("Hi {} all", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f466"),
    "marks": ("un {} court", "re\u0301sume\u0301", "resume"),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_only_the_words_that_changed_are_marked_in_every_script(script: str) -> None:
    sentence, removed, added = SCRIPTS[script]
    old, new = (f"{sentence.format(word)}\n\nSame." for word in (removed, added))
    comparison = compare(old, new)
    assert [row.kind for row in comparison.rows] == ["changed", "same"]
    assert sides(comparison) == (old, new)
    assert (marked(comparison, "del"), marked(comparison, "ins")) == ([removed], [added])


def test_in_japanese_no_more_than_the_phrase_is_marked() -> None:
    comparison = compare("私は昨日東京タワーに行きました。", "私は昨日京都タワーに行きました。")
    assert [row.kind for row in comparison.rows] == ["changed"]
    assert 0 < len("".join(marked(comparison, "del"))) <= 6


def test_a_long_paragraph_without_spaces_is_compared_by_words_too() -> None:
    places = ["北京", "上海", "广州", "深圳", "杭州", "南京", "成都", "武汉", "西安", "天津", "苏州", "重庆", "青岛"]
    verbs = ["喜欢", "参观", "离开", "经过", "记得", "寻找", "描写", "研究", "保护", "改变", "认识", "欢迎"]
    people = ["老师", "学生", "医生", "工人", "朋友", "孩子", "父亲", "母亲", "作家", "记者", "农民"]
    old = "".join(
        f"{people[n % 11]}{verbs[n % 12]}{places[n % 13]}" + ("，，。"[n // 3 % 3] if n % 3 == 2 else "")
        for n in range(300)
    )
    new = old[:2_000].replace(old[1_000:1_040], old[1_000:1_040].replace(verbs[0], "讨厌").replace(verbs[5], "忘记"))
    new += old[2_000:]
    comparison = compare(old, new)
    assert sides(comparison) == (old, new)
    assert comparison.changes == 1
    assert 1 <= comparison.words_added <= 6
    assert len("".join(marked(comparison, "ins"))) <= 16


CHARACTERS = [
    "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea", "ที่",
    "क्षि", "\u1100\u1161\u11a8", "字", " ", "a", "\n", "\ud800",
]  # fmt: skip


@given(st.lists(st.sampled_from(CHARACTERS), max_size=40), st.lists(st.sampled_from(CHARACTERS), max_size=40))
@settings(deadline=None)
def test_no_piece_begins_inside_a_character(old: list[str], new: list[str]) -> None:
    for row in compare("".join(old), "".join(new)).rows:
        for piece in (*row.old, *row.new):
            assert not re.match("[\u0301\u200d\U0001f3fd\u0e35\u0e48\u094d\u093f\u1161\u11a8]", piece.text)


def test_an_inserted_paragraph_is_added_and_its_neighbours_stay() -> None:
    comparison = compare("One is here.\n\nThree is there.", "One is here.\n\nTwo comes new.\n\nThree is there.")
    assert [row.kind for row in comparison.rows] == ["same", "added", "same"]


def test_paragraphs_are_paired_by_the_words_they_share_not_by_their_position() -> None:
    old = "Alpha beta gamma delta.\n\nRain falls on the northern hills."
    new = "Something else entirely.\n\nRain falls on the southern hills."
    kinds = [row.kind for row in compare(old, new).rows]
    assert kinds == ["removed", "added", "changed"]


def test_list_items_are_compared_one_by_one() -> None:
    comparison = compare("- one\n- two\n- three\n", "- one\n- 2\n- three\n")
    assert [row.kind for row in comparison.rows if row.kind != "same"] != []
    assert [row.kind for row in comparison.rows].count("same") == 2


def article(words: int, salt: int) -> str:
    sentence = [f"w{(index * 7919 + salt * (index % 11)) % 997}" for index in range(words)]
    return "\n\n".join(" ".join(sentence[at : at + 60]) + "." for at in range(0, words, 60))


@pytest.mark.parametrize(
    ("name", "old", "new", "seconds"),
    [
        ("an edited article of 1,500 words", article(1500, 1), article(1500, 1).replace("w1", "x", 40), 0.05),
        ("a rewritten article of 1,500 words", article(1500, 1), article(1500, 3), 0.05),
        ("one paragraph of 6,000 words", "the a of " * 2000, "the of b " * 2000, 1.0),
        ("one sentence repeated", "a. " * 6000, "a. b. " * 3000, 1.0),
        ("nine thousand equal lines", "a\n" * 9000, "b a\n" * 9000, 1.0),
        ("three thousand list items", *("".join(f"- {n + k}\n" for n in range(3000)) for k in (0, 5000)), 1.0),
        ("white space only", " " * 100_000 + "x", "\n" * 100_000, 1.0),
        ("one word of 200,000 letters", "a" * 200_000, "a" * 200_001, 1.0),
        ("200,000 letters of Thai without a space", "ภาษาไทย" * 28_000, "ภาษาไทยง่าย" * 20_000, 2.0),
        ("one Chinese letter 100,000 times", "一" * 100_000, "一二" * 50_000, 2.0),
        ("a letter with 100,000 marks", "a" + "\u0301\u0316" * 50_000, "a" + "\u0316\u0301" * 50_000, 1.0),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)
def test_it_is_fast_for_any_text(name: str, old: str, new: str, seconds: float) -> None:
    best = min(_timed(old, new) for _ in range(3))
    assert best < seconds, f"{name} took {best * 1000:.0f} ms"


def _timed(old: str, new: str) -> float:
    start = time.perf_counter()
    compare(old, new)
    return time.perf_counter() - start


def tags(html: str) -> set[str]:
    return set(re.findall(r"<\s*/?\s*([a-zA-Z]+)", html))


@pytest.mark.parametrize("old", ["", HOSTILE, "plain words"])
def test_markup_in_the_texts_is_escaped(old: str) -> None:
    comparison = compare(old, HOSTILE + " new")
    for html in (side_by_side(comparison, old=HOSTILE), inline(comparison), plain_text(HOSTILE), summary(comparison)):
        assert tags(html) <= {"div", "del", "ins", "details", "summary", "span"}
    assert "&lt;img src=x" in plain_text(HOSTILE)


@given(TEXTS, TEXTS)
def test_the_inline_view_shows_every_word_of_both_sides(old: str, new: str) -> None:
    html = inline(compare(old, new))
    text = re.sub(r"<[^>]*>", "", html)
    for word in re.findall(r"[a-z]{2,}", old + " " + new):
        assert word in text


def test_the_inline_view_keeps_a_deletion_where_it_stood() -> None:
    assert "one <del>two </del>three" in inline(compare("one two three", "one three"))


def test_unchanged_paragraphs_are_folded_except_the_nearest() -> None:
    same = "\n\n".join(f"Paragraph number {index}." for index in range(10))
    html = side_by_side(compare(same + "\n\nold end", same + "\n\nnew end"))
    assert "9 unchanged paragraphs" in html
    assert html.index("<details") < html.index("Paragraph number 9.")


def test_a_paragraph_that_replaces_another_is_shown_beside_it() -> None:
    (row,) = compare("Opening hours", "We close at noon").rows
    assert (row.kind, marked(compare("Opening hours", "We close at noon"), "del")) == ("changed", ["Opening hours"])
