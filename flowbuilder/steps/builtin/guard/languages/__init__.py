"""Which language a text is in, by its script and its commonest words, and what the rules look for in it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cache

from flowbuilder.steps.builtin.guard.languages import latin, others
from flowbuilder.steps.builtin.guard.languages.language import Language
from flowbuilder.steps.builtin.guard.words import MARKS

__all__ = ["ENGLISH", "Language", "count_of", "language_of", "languages", "spoken_in"]

ENGLISH = latin.LANGUAGES[0]
LEAST_SPACES = 8
CLEAR = 1.5
"""What speaks for the language of a sentence is so many times what speaks for the second one."""
MAX_SAMPLE = 20_000
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("cyrillic", re.compile(r"[\u0400-\u04ff]")),
    ("arabic", re.compile(r"[\u0600-\u06ff]")),
    ("latin", re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")),
)
_LATIN = dict(_SCRIPTS)["latin"]
_ASCII = "abcdefghijklmnopqrstuvwxyz"
_FAMILIES = {"cyrillic": ("ru", "uk"), "arabic": ("ar", "fa")}
_LETTERS = rf"(?:[^\W\d_]|[{MARKS}])+"
_WORD = re.compile(rf"{_LETTERS}(?:['\u2019\u200c]{_LETTERS})*")


@cache
def languages() -> dict[str, Language]:
    """The languages by code."""
    return {language.code: language for language in (*latin.LANGUAGES, *others.LANGUAGES)}


def language_of(text: str, margin: float = 1.1) -> Language | None:
    """The language of a text, by its first characters; None where too little speaks for one.

    What speaks for it is at least `margin` times what speaks for the second one.
    """
    text = text[:MAX_SAMPLE].casefold()
    if text.isascii():
        letters = {script: 0 for script, _ in _SCRIPTS} | {"latin": sum(map(text.count, _ASCII))}
    else:
        letters = {script: len(pattern.findall(text)) for script, pattern in _SCRIPTS}
    total = sum(letters.values())
    if total < 8:
        return None
    if letters["ja"] and letters["ja"] * 12 > letters["zh"] and (letters["ja"] + letters["zh"]) * 3 > total:
        return languages()["ja"]
    script = max(letters, key=lambda name: letters[name] * (1 if name in ("latin", "cyrillic") else 3))
    if script not in ("latin", "cyrillic", "arabic"):
        return languages()[script]
    family = _FAMILIES.get(script) or tuple(language.code for language in latin.LANGUAGES)
    scores = Counter[str]()
    total = 0
    for word, number in Counter(_WORD.findall(text)).items():
        total += number
        for code in _speaking().get(word, ()):
            scores[code] += 2 * number
    for letter, number in Counter(text).items():
        for code in _speaking().get(f"letter {letter}", ()):
            scores[code] += number
    (best, most), (_, second) = [
        *((code, scores[code]) for code in sorted(family, key=lambda code: -scores[code])),
        ("", 0),
    ][:2]
    return languages()[best] if most >= 4 and most >= 0.16 * total and most >= margin * second else None


def spoken_in(sentence: str, language: Language) -> Language:
    """The language of a sentence on a page: that of the page, unless the sentence is clearly in another one."""
    if _has_script(sentence, language.code):
        longer = language.spaced and language.capitals and sentence.count(" ") >= LEAST_SPACES
        return (language_of(sentence, CLEAR) if longer else None) or language
    return language_of(sentence) or (ENGLISH if _LATIN.search(sentence) else language)


def _has_script(sentence: str, code: str) -> bool:
    """Whether a sentence has a letter of the script of a language; yes of a script that is not known."""
    script = next((name for name, codes in _FAMILIES.items() if code in codes), code)
    patterns = dict(_SCRIPTS)
    if script == "ja":
        return patterns["ja"].search(sentence) is not None or patterns["zh"].search(sentence) is not None
    return patterns.get(script, _LATIN).search(sentence) is not None


@cache
def _speaking() -> dict[str, list[str]]:
    """The codes of the languages that a common word, or `letter X`, speaks for."""
    found: dict[str, list[str]] = defaultdict(list)
    for code, language in languages().items():
        for word in (*language.common_words, *(f"letter {letter}" for letter in language.letters)):
            found[word].append(code)
    return dict(found)


def count_of(text: str, words: frozenset[str], language: Language) -> Counter[str]:
    """How often each of the words occurs in a text."""
    text = text.casefold().replace("\u2019", "'")
    if not language.spaced:
        return Counter({word: number for word in words if (number := text.count(word))})
    found = Counter(word for word in _WORD.findall(text) if word in words)
    for phrase in _phrases(words):
        if (number := text.count(phrase)) > 0:
            found[phrase] = number
    return found


@cache
def _phrases(words: frozenset[str]) -> tuple[str, ...]:
    return tuple(phrase for phrase in words if " " in phrase or "-" in phrase)
