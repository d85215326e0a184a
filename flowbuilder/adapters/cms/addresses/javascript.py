"""JavaScript configuration files, as far as they are data: object literals are read, nothing is run.

Texts, numbers, lists, objects and named constants are read; what has to be computed is left out. A call such as
`starlight({...})` is an object `{"call": "starlight", "arguments": [...]}`.
"""

from __future__ import annotations

import re
from typing import Any, Final

_MAX_DEPTH: Final = 60
_MAX_CHARACTERS: Final = 512 * 1024
_MAX_CONSTANTS: Final = 2_000
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)+")
_NAME = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*")
_NUMBER = re.compile(r"-?\d[\d_]*(?:\.\d+)?")
_MAIN = re.compile(r"^[ \t]*(?:\([ \t]*)?(?:export\s+default\b|module\.exports\s*=)", re.MULTILINE)
_TYPED = re.compile(r"\s+(?:as|satisfies)\s+[\w.<>\[\], ]+")
_CONSTANT = re.compile(r"^(?:export[ \t]+)?(?:const|let|var)[ \t]+([\w$]+)[^=\n]*=(?!=)", re.MULTILINE)
_GENERIC = re.compile(r"<[\w.<>\[\], ]+>(?=\s*\()")
_BEFORE_REGEX = re.compile(r"(?:[(,=:\[!&|?{};>+]|\breturn)\s{0,9}\Z")
_REGEX = re.compile(r"/(?![*/])(?:[^\\/\[\n]{1,50}+|\\.|\[(?:[^\\\]\n]{1,50}+|\\.){0,10}+\]){1,40}+/[a-z]*")
_QUOTED = re.compile(r"'(?:[^'\\\n]|\\[\s\S])*+'|\"(?:[^\"\\\n]|\\[\s\S])*+\"")
_INSERTED = re.compile(r"\$\{\s{0,9}([A-Za-z_$][\w$]{0,99})\s{0,9}\}")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\n": ""}
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_UNKNOWN: Final = None


def read_object(text: str) -> dict[str, Any]:
    """The object that a configuration file exports; empty where it is not a literal."""
    reader = _Reader(text[:_MAX_CHARACTERS])
    try:
        for main in _MAIN.finditer(reader.text):
            found = reader.object_at(main.end())
            if found:
                return found
    except (IndexError, RecursionError):
        return {}
    return {}


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self._resolving: set[str] = set()
        self._constants = {found[1]: found.end() for found in _CONSTANT.finditer(text)}
        self._work = 0

    def object_at(self, at: int) -> dict[str, Any]:
        """The first object that an expression is, is called with, or returns."""
        value, end = self._value(at, 0)
        while isinstance(value, dict) and "call" in value:
            value = next((one for one in value["arguments"] if isinstance(one, dict)), None)
        if isinstance(value, dict):
            return value
        for found in re.finditer(r"\breturn\s*\(?\s*(?=\{)|=>\s*\(\s*(?=\{)", self.text[at : max(end, at)]):
            value, _ = self._value(at + found.end(), 0)
            if isinstance(value, dict) and value:
                return value
        return {}

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _value(self, at: int, depth: int) -> tuple[Any, int]:
        """A value and where it ends; None for what is not data."""
        at = self._skip(at)
        if at >= len(self.text) or depth > _MAX_DEPTH:
            return _UNKNOWN, self._rest(at)
        value, end = self._primary(at, depth)
        typed = _TYPED.match(self.text, end)
        end = self._skip(typed.end() if typed else end)
        if end < len(self.text) and self.text[end] not in ",;)]}" and not self._is_next_line(end):
            return _UNKNOWN, self._rest(end)
        return value, end

    def _is_next_line(self, at: int) -> bool:
        return "\n" in self.text[self.text.rfind("\n", 0, at) - 0 : at] and bool(
            re.match(r"(?:const|let|var|export|import|function|module|async)\b", self.text[at : at + 10])
        )

    def _primary(self, at: int, depth: int) -> tuple[Any, int]:
        char = self.text[at]
        if char in "'\"`":
            return self._string(at)
        if char == "{":
            return self._object(at, depth)
        if char == "[":
            return self._list(at, depth)
        if char == "(":
            value, end = self._value(at + 1, depth + 1)
            return (value, end + 1) if self.text[end : end + 1] == ")" else (_UNKNOWN, self._rest(at))
        number = _NUMBER.match(self.text, at)
        if number:
            return number[0].replace("_", ""), number.end()
        name = _NAME.match(self.text, at)
        if name is None:
            return _UNKNOWN, self._rest(at)
        typed = _GENERIC.match(self.text, name.end())
        end = self._skip(typed.end() if typed else name.end())
        if name[0] in ("true", "false"):
            return name[0], name.end()
        if name[0] in ("null", "undefined"):
            return "", name.end()
        if name[0] in ("async", "function", "await", "new", "class", "typeof"):
            return _UNKNOWN, self._rest(at)
        if self.text[end : end + 1] == "(":
            arguments, after = self._items(end, ")", depth)
            return {"call": name[0], "arguments": arguments}, after
        return self._constant(name[0], depth), name.end()

    def _constant(self, name: str, depth: int) -> Any:
        self._work += 1
        if name in self._resolving or len(self._resolving) > 20 or self._work > _MAX_CONSTANTS:
            return _UNKNOWN
        start = self._constants.get(name)
        if start is None:
            return _UNKNOWN
        self._resolving.add(name)
        value, _ = self._value(start, depth + 1)
        self._resolving.discard(name)
        return value

    def _string(self, at: int) -> tuple[Any, int]:
        quote, parts, start = self.text[at], [], at + 1
        at = start
        while self.text[at] != quote:
            if self.text[at] == "\\":
                parts += [self.text[start:at], _ESCAPES.get(self.text[at + 1], self.text[at + 1])]
                at += 2
                start = at
            else:
                at += 1
        value = "".join([*parts, self.text[start:at]])
        return (self._filled(value) if quote == "`" and "${" in value else value), at + 1

    def _filled(self, template: str) -> Any:
        """A template in which each `${NAME}` is a constant that is a text; None for any other."""
        names = _INSERTED.findall(template)
        values = {name: self._constant(name, 0) for name in names}
        if template.count("${") > len(names) or not all(isinstance(one, str) for one in values.values()):
            return _UNKNOWN
        return _INSERTED.sub(lambda found: values[found[1]], template)[:_MAX_CHARACTERS]

    def _list(self, at: int, depth: int) -> tuple[Any, int]:
        return self._items(at, "]", depth)

    def _items(self, at: int, closing: str, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        at = self._skip(at + 1)
        while self.text[at] != closing:
            if self.text[at] == ",":
                at = self._skip(at + 1)
                continue
            if self.text[at] in ")]};":
                break
            value, at = self._value(at, depth + 1)
            items.append(value)
        return items, at + 1

    def _object(self, at: int, depth: int) -> tuple[Any, int]:
        found: dict[str, Any] = {}
        at = self._skip(at + 1)
        while self.text[at] != "}":
            if self.text[at] in ",;":
                at = self._skip(at + 1)
                continue
            key, end = self._key(at)
            if key is not None and self.text[end] == ":":
                found[key], at = self._value(end + 1, depth + 1)
            elif key is not None and self.text[end] in ",}":
                found[key], at = self._constant(key, depth), end
            else:
                at = self._rest(at)
            if self.text[at] in ")]":
                break
        return found, at + 1

    def _key(self, at: int) -> tuple[str | None, int]:
        if self.text[at] in "'\"":
            key, end = self._string(at)
            return key, self._skip(end)
        name = _NAME.match(self.text, at) or _NUMBER.match(self.text, at)
        return (name[0], self._skip(name.end())) if name else (None, at)

    def _regex(self, at: int) -> int:
        """Where a regular expression ends that begins here; 0 for a division or a comment. Its quotes quote nothing."""
        found = _REGEX.match(self.text, at) if _BEFORE_REGEX.search(self.text, max(0, at - 10), at) else None
        return found.end() if found else 0

    def _rest(self, at: int) -> int:
        """Where an expression that is not data ends: at a comma or closing bracket of its own level."""
        open_brackets: list[str] = []
        while at < len(self.text):
            char = self.text[at]
            if char == "`":
                at = self._string(at)[1]
                continue
            if char in "'\"\\":  # an apostrophe of a text in JSX opens nothing
                quoted = _QUOTED.match(self.text, at)
                at = quoted.end() if quoted else at + (2 if char == "\\" else 1)
                continue
            if char == "/" and (regex := self._regex(at)):
                at = regex
                continue
            if self.text.startswith(("//", "/*"), at):
                at = max(self._skip(at), at + 1)
                continue
            if char in _PAIRS:
                open_brackets.append(_PAIRS[char])
            elif char in ")]}":
                if not open_brackets:
                    return at
                open_brackets.pop()
            elif char in ",;" and not open_brackets:
                return at
            at += 1
        return at
