"""Constructs that templates and expressions share: literals, `value[key]`, `value is test`, and calls of functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from flowbuilder.diagnostics import nearest
from flowbuilder.language.evaluation.functions import FUNCTIONS, check_arguments
from flowbuilder.language.names import check_key, fault
from flowbuilder.language.nodes import Call, Constant, Expr, Item, Member, Negative, Not, walk
from flowbuilder.language.parsing import foreign_syntax_hints
from flowbuilder.values import MAX_INT

_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'"}
_TESTS: Final = {
    "defined": "is_defined", "null": "is_null", "none": "is_null", "None": "is_null", "text": "is_text",
    "string": "is_text", "number": "is_number", "integer": "is_integer", "boolean": "is_boolean", "list": "is_list",
    "sequence": "is_list", "object": "is_object", "mapping": "is_object", "even": "is_even", "odd": "is_odd",
    "empty": "is_empty",
}  # fmt: skip
"""The word after `is`, and the function that it calls."""


def read_number(text: str, start: int, end: int) -> int | float:
    """An integer within 64 bits or a finite float; raises FB201 for a larger number."""
    if text.isdigit():
        if len(text) <= 19:
            value = int(text)
            if value <= MAX_INT:
                return value
        raise fault("FB201", "the number is beyond 64 bit", start, end)
    real = float(text)
    if real == float("inf"):
        raise fault("FB201", "the number is too large", start, end)
    return real


def read_text(quoted: str, start: int) -> str:
    r"""The text inside quotes, with JSON's escapes and `\'` resolved; raises FB201 for any other escape."""
    if "\\" not in quoted:
        return quoted[1:-1]

    def replace(match: re.Match[str]) -> str:
        escaped = match[1]
        if len(escaped) == 5:
            return chr(int(escaped[1:], 16))
        if escaped in _ESCAPED:
            return _ESCAPED[escaped]
        at = start + 1 + match.start()
        hint = "the escapes are those of JSON; a backslash itself is written twice"
        raise fault("FB201", f"\\{escaped} is not an escape in a text", at, at + 2, hint)

    joined = _ESCAPE.sub(replace, quoted[1:-1])
    # a pair of surrogates written as two escapes is one character; a single surrogate is an error
    try:
        return joined.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise fault("FB201", "half a surrogate pair is not a character", start, start + len(quoted)) from None


def make_item(value: Expr, key: Expr, start: int, end: int) -> Expr:
    """The node of `value[key]`: a `Member` where the key is a literal text or integer, an `Item` otherwise."""
    if isinstance(key, Negative) and isinstance(key.value, Constant) and type(key.value.value) is int:
        return Member(start, end, value, -key.value.value)
    if isinstance(key, Constant):
        literal = key.value
        if type(literal) is str:
            check_key(literal, key.start, key.end)
            return Member(start, end, value, literal)
        if type(literal) is int:
            return Member(start, end, value, literal)
        raise fault("FB203", "a key is a text or a whole number", key.start, key.end)
    return Item(start, end, value, key)


def make_is_test(name: str, value: Expr, start: int, end: int) -> Expr:
    """The call that `value is name` stands for; raises FB202 for an unknown test."""
    if name == "undefined":
        return Not(start, end, Call(start, end, "is_defined", (value,)))
    if name not in _TESTS:
        close = nearest(name, _TESTS)
        hint = f"did you mean `is {close}`?" if close else "`is` is followed by one of: " + ", ".join(_TESTS)
        raise fault("FB202", f"there is no test {name}", start, end, hint)
    return Call(start, end, _TESTS[name], (value,))


def check_calls(trees: Iterable[Expr], source: str) -> int:
    """Check every call in these expressions; raises FB202 for an unknown function, FB206 for wrong arguments.

    Returns the version of the language in which the last of the called functions got its present meaning.
    """
    since = 1
    for tree in trees:
        for node in walk(tree):
            if not isinstance(node, Call):
                continue
            function = FUNCTIONS.get(node.name)
            if function is None:
                start = _name_start(node, source)
                raise foreign_syntax_hints.unknown_function(node.name, start, start + len(node.name), FUNCTIONS)
            check_arguments(function, node)
            since = max(since, function.since)
    return since


def _name_start(call: Call, source: str) -> int:
    """The offset of the function's name."""
    start = call.arguments[0].end if call.piped else call.start
    return max(source.find(call.name, start), call.start)
