"""Characters that draw nothing are shown as codes; those that the writing needs stay and raise no alarm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbuilder.cli.output.escape import escape, escape_json
from flowbuilder.model.invisible_characters import hidden_characters, visible

HIDING = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e"
    "\u2060\u2064\u2066\u2069\u206a\u2800\u3164\ufe00\ufe0f\ufeff\uffa0\ufff9\U0001d159\U000e0001\U000e0041"
    "\U000e007f\U000e0100\U000e01ef\x00\x0b\x0c\x1b\x7f\x85\x9b\ud83d\ue000"
)
SPACES = ["\u00a0", "\u1680", "\u2000", "\u2003", "\u2009", "\u200a", "\u202f", "\u205f", "\u3000"]
ORDINARY = [
    "👩\u200d💻 and ❤\ufe0f and ❤\ufe0f\u200d🔥 and 🏳\ufe0f\u200d🌈 and 1\ufe0f\u20e3",  # emoji sequences
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # the flag of Scotland
    "می\u200cخواهم",  # Persian: a non-joiner between letters
    "क्\u200dष and ന്\u200d",  # Hindi and Malayalam: a joiner after a virama
    "葛\U000e0100城市",  # a variant of an ideograph in a Japanese name
    "10\u00a0km, « oui\u00a0», 20\u202f%, 1\u2009000 €, ça va\u00a0?",  # typographic spaces
    "吾輩は\u3000猫である",
    "naïve Straße Ελλάδα עברית العربية हिन्दी ไทย 한국어 日本語\n\tindented",
]


@pytest.mark.parametrize("character", HIDING)
def test_a_hidden_character_is_shown_as_its_code_and_counted(character: str) -> None:
    code = f"⟨U+{ord(character):04X}⟩"
    assert visible(f"Opening{character}hours") == f"Opening{code}hours"
    assert list(hidden_characters(f"Opening{character}hours")) == [(7, character)]
    assert escape(f"Opening{character}hours") == visible(f"Opening{character}hours")


@pytest.mark.parametrize("character", SPACES)
def test_a_space_of_an_odd_kind_is_shown_but_hides_nothing(character: str) -> None:
    assert visible(f"Opening{character}hours") == f"Opening⟨U+{ord(character):04X}⟩hours"
    assert list(hidden_characters(f"Opening{character}hours")) == []


@pytest.mark.parametrize("text", ORDINARY)
def test_characters_that_the_writing_needs_stay_and_are_no_alarm(text: str) -> None:
    assert visible(text) == text
    assert list(hidden_characters(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "❤\ufe0f\ufe0f\ufe0f",  # more selectors than an emoji has
        "葛\U000e0100\U000e0101",
        "🏴\U000e0061\U000e0062\U000e007f",  # a flag of tags that is no flag
        "می\u200c\u200cخواهم",
        "a\u200db",
        "word\u00a0\u00a0word",
    ],
)
def test_more_of_them_than_the_writing_needs_are_shown(text: str) -> None:
    assert "⟨U+" in visible(text)


@given(st.text())
def test_what_is_shown_holds_no_character_that_hides(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert list(hidden_characters(shown)) == []


@given(st.text())
def test_json_for_the_terminal_keeps_its_value_and_holds_no_hidden_character(text: str) -> None:
    document = escape_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(document) == {"text": text}
    assert list(hidden_characters(document)) == []
