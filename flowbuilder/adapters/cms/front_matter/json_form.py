"""JSON front matter, and the object literal of `---js`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flowbuilder.adapters.cms.front_matter.form import Entry, ensure_size, problem, quoted

_TOKEN = re.compile(
    r"""(?P<blank>[\s\ufeff]+) | (?P<comment>//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
      | (?P<string>"(?:[^"\\\n]|\\[\s\S])*" | '(?:[^'\\\n]|\\[\s\S])*' | `(?:[^`\\$]|\\[\s\S]|\$(?!\{))*`)
      | (?P<open>[{\[(]) | (?P<close>[}\])]) | (?P<comma>,) | (?P<colon>:) | (?P<word>[^\s"'`{}\[\](),:/]+)""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True)
class _Member:
    """A member of the outermost object; its value is one token, or several."""

    key: str
    key_at: _Token
    value: tuple[_Token, ...]


@dataclass(frozen=True)
class JsonForm:
    """Implements `Form` by the places of the tokens.

    `script`: JavaScript, of which an object literal can be read and everything else is left alone. `braces`: whether
    the braces are in the text; Hexo's `;;;` has none.
    """

    script: bool = False
    braces: bool = True

    def fields(self, inner: str) -> dict[str, Any]:
        """The members; of a script those that are one text, number or word."""
        if self.script:
            return {key: self.text(inner, key) for key in self.keys(inner) if self._is_text(inner, key)}
        return dict(self._loaded(inner))

    def keys(self, inner: str) -> list[str]:
        """The names of the members; none of a script that is no object literal."""
        return [member.key for member in self._members(inner)]

    def text(self, inner: str, key: str) -> str:
        """A string's text; numbers and words as they are written."""
        if not self._is_text(inner, key):
            return ""
        token = self._value(inner, key)
        return _string(token) if token.kind == "string" else ("" if token.text == "null" else token.text)

    def replaced(self, inner: str, key: str, value: str) -> list[str]:
        """In the quotes that the value has, where they can hold the new one."""
        token = self._value(inner, key)
        ways = [quoted(value)]
        if token.text[0] in "'`" and value.isprintable() and not set(value) & set("'`\\$"):
            ways.insert(0, token.text[0] + value + token.text[0])
        return [inner[: token.start] + way + inner[token.end :] for way in ways]

    def added(self, inner: str, key: str, value: str, newline: str) -> str:
        """A member after the last one, on a line of its own where the last one is."""
        members = self._members(inner)
        if not members:
            raise problem(f"has no members; add {key} by hand first")
        last = members[-1]
        before = inner[: last.key_at.start]
        blank = before[len(before.rstrip()) :] or (" " if len(members) > 1 else "")
        end = last.value[-1].end
        return f"{inner[:end]},{blank}{quoted(key)}: {quoted(value)}{inner[end:]}"

    def entries(self, inner: str, without: str) -> Sequence[Entry]:
        """The tokens of all other members; a text that is no object literal is one entry."""
        if not self.script:
            return [(key, repr(value)) for key, value in self._loaded(inner) if key != without]
        members = [member for member in self._members(inner) if member.key != without]
        return [(member.key, tuple(token.text for token in member.value)) for member in members]

    def _loaded(self, inner: str) -> list[tuple[str, Any]]:
        ensure_size(inner)
        try:
            pairs = json.loads(inner if self.braces else f"{{{inner}}}", object_pairs_hook=list, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise problem(f"is not valid JSON: {error!s:.200}") from None
        if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
            raise problem("is not a JSON object")
        return pairs

    def _tokens(self, inner: str) -> list[_Token]:
        ensure_size(inner)
        if not self.script:
            self._loaded(inner)
        return list(_tokens(inner))

    def _members(self, inner: str) -> list[_Member]:
        try:
            tokens = self._tokens(inner)
        except _NoLiteral:
            return []
        if self.braces:
            if not tokens or tokens[0].text != "{" or not _closes_at_end(tokens):
                return []
            tokens = tokens[1:-1]
        return list(_members_of(tokens))

    def _value(self, inner: str, key: str) -> _Token:
        found = [member for member in self._members(inner) if member.key == key]
        if len(found) > 1:
            raise problem(f"has {len(found)} fields {key}: remove one of them first")
        if len(found[0].value) != 1:
            raise problem(f"has a field {key} that is not a text")
        return found[0].value[0]

    def _is_text(self, inner: str, key: str) -> bool:
        return all(len(member.value) == 1 for member in self._members(inner) if member.key == key)


class _NoLiteral(Exception):
    """A script with something else than an object literal: a regular expression, or a template with values."""


def _tokens(inner: str) -> Iterator[_Token]:
    place = 0
    while place < len(inner):
        found = _TOKEN.match(inner, place)
        if found is None:
            raise _NoLiteral
        if found.lastgroup not in ("blank", "comment"):
            yield _Token(str(found.lastgroup), found[0], place)
        place = found.end()


def _closes_at_end(tokens: list[_Token]) -> bool:
    """Whether the brace that opens is closed by the last token."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.kind == "open") - (token.kind == "close")
        if depth == 0:
            return index == len(tokens) - 1
    return False


def _members_of(tokens: list[_Token]) -> Iterator[_Member]:
    depth, part = 0, list[_Token]()
    for token in [*tokens, _Token("comma", "", tokens[-1].end if tokens else 0)]:
        depth += (token.kind == "open") - (token.kind == "close")
        if token.kind == "comma" and depth == 0:
            if len(part) > 2 and part[0].kind in ("string", "word") and part[1].kind == "colon":
                key = _string(part[0]) if part[0].kind == "string" else part[0].text
                yield _Member(key, part[0], tuple(part[2:]))
            part = []
        else:
            part.append(token)


def _string(token: _Token) -> str:
    def written(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code is None:
            return _LETTERS.get(found[4], found[4])
        number = int(code, 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"

    text = _ESCAPE.sub(written, token.text[1:-1])
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
