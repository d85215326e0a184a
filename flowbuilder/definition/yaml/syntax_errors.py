"""Explains YAML syntax errors in terms of the document."""

from __future__ import annotations

import re

import yaml

from flowbuilder.diagnostics import Diagnostic, Span

_OPEN_QUOTE = "found unexpected end of stream"
_MESSAGES = (
    ("found character that cannot start any token", "a text cannot begin with this character"),
    ("could not find expected ':'", "a colon is missing after this name"),
    ("mapping values are not allowed", "a colon followed by a space is not allowed here"),
    ("did not find expected key", "a name was expected here; is the indentation right?"),
    ("did not find expected '-' indicator", "an item beginning with - was expected here; is the indentation right?"),
    (_OPEN_QUOTE, "unterminated quoted text"),
    ("found unknown escape character", "unknown escape sequence in a double-quoted text"),
    ("found undefined tag handle", "tags are not supported"),
    ("found incompatible YAML document", "unsupported YAML version; remove the line"),
    ("block sequence entries are not allowed", "an item beginning with - is not allowed here"),
    ("did not find expected ',' or", "a comma or a closing bracket was expected here"),
    ("did not find expected alphabetic or numeric character", "& begins an anchor in YAML, and * an alias"),
    ("did not find expected hexdecimal number", "the digits of this escape are missing"),
    ("found invalid Unicode character escape code", "this escape is half of a surrogate pair, not a character"),
)
_ESCAPES = (
    ("found unknown escape character", r"in double quotes write \\ for a backslash; in single quotes it needs nothing"),
    ("found invalid Unicode character escape code", r"write the character itself, or its code point as in \U0001F600"),
    ("did not find expected hexdecimal number", r"write two digits after \x, four after \u, eight after \U"),
)
"""Hints for the escapes of a double-quoted text."""
_SPACES = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_WRONG_SPACE = re.compile(rf"^[ -]*([{_SPACES}])|^[^\"'#]*?[:-]([{_SPACES}])")
"""A space of another kind where YAML needs a space: before the first character of a line, or behind `:` or `-`."""
_LINES_BEFORE = 5
"""How many lines before the place where the parser stopped may hold the wrong space."""


def syntax_diagnostic(error: yaml.MarkedYAMLError, text: str) -> Diagnostic:
    """The diagnostic for a syntax error, at the place where the parser stopped."""
    mark = error.problem_mark or error.context_mark
    if error.problem == _OPEN_QUOTE and error.context_mark:
        mark = error.context_mark  # the opening quote is more helpful than the end of the file
    lines = text.splitlines() or [""]
    line, column = (min(mark.line, len(lines) - 1), mark.column) if mark else (0, 0)
    problem = error.problem or "this is not YAML"
    for above in range(line, max(-1, line - _LINES_BEFORE), -1):
        if found := _WRONG_SPACE.match(lines[above]):
            at = max(found.start(1), found.start(2))
            message = f"the space here is U+{ord(lines[above][at]):04X}; YAML knows only the usual space"
            return _at(above, at, message, "delete it and type a space; it came with copied text")
    message = next((explanation for prefix, explanation in _MESSAGES if problem.startswith(prefix)), problem)
    hint = next((hint for prefix, hint in _ESCAPES if problem.startswith(prefix)), "")
    return _at(line, column, message, hint or _hint(lines[line], column))


def character_diagnostic(text: str) -> Diagnostic:
    """The diagnostic for a character that YAML does not allow in a document."""
    bad = next((at for at, char in enumerate(text) if not _readable(char)), 0)
    line = text.count("\n", 0, bad)
    column = bad - (text.rfind("\n", 0, bad) + 1)
    name = f"U+{ord(text[bad]):04X}"
    kind = "half of a surrogate pair" if 0xD800 <= ord(text[bad]) <= 0xDFFF else "the control character"
    return _at(line, column, f"{kind} {name} is not allowed in a document", "remove it, or write it as an escape")


def _at(line: int, column: int, message: str, hint: str) -> Diagnostic:
    span = Span(line=line + 1, column=column + 1, end_line=line + 1, end_column=column + 2)
    return Diagnostic(code="FB001", message=message, span=span, hint=hint)


def _hint(line: str, column: int) -> str:
    before, found, rest = line.partition(":")
    value = rest.strip()
    if found and "{{" in value and value[0] not in "'\"|>":
        return f'put a text with a template in quotes: {before.strip()}: "{value}"'
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces; YAML does not allow tabs"
    if quoted := text_needs_quotes(value or line.strip().removeprefix("- ")):
        return quoted
    if line[column : column + 1] in ("@", "`", "%") or (": " in value and value[0] not in "'\"|>"):
        return "put the text in quotes"
    return ""


def text_needs_quotes(written: str) -> str:
    """The hint for a text, as in `when: !inputs.done`, whose first character means something else in YAML; or ``."""
    return f"put the text in quotes: {_quoted(written)}" if written[:1] in ("!", "&", "*") else ""


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _readable(char: str) -> bool:
    point = ord(char)
    return char in "\t\n\r\x85" or (point >= 0x20 and not 0x7F <= point <= 0x9F and not 0xD800 <= point <= 0xDFFF)
