"""Why a text is not YAML, said to its author."""

from __future__ import annotations

import yaml

from flowbuilder.diagnostics import Diagnostic, Span

_OPEN_QUOTE = "found unexpected end of stream"
_SAID = (
    ("found character that cannot start any token", "a text may not begin with this character"),
    ("could not find expected ':'", "a colon is missing after this name"),
    ("mapping values are not allowed", "a colon followed by a space may not stand here"),
    ("did not find expected key", "a name was expected here; is the indentation right?"),
    ("did not find expected '-' indicator", "an item beginning with - was expected here; is the indentation right?"),
    (_OPEN_QUOTE, "this quoted text has no end"),
    ("found unknown escape character", "this escape does not exist in a text in double quotes"),
    ("found undefined tag handle", "tags are not known here"),
    ("found incompatible YAML document", "this version of YAML is not known; leave the line out"),
    ("block sequence entries are not allowed", "an item beginning with - may not stand here"),
    ("did not find expected ',' or", "a comma or a closing bracket was expected here"),
)


def syntax_complaint(error: yaml.MarkedYAMLError, text: str) -> Diagnostic:
    """The complaint for a text that the parser gave up on, at the place where it did."""
    mark = error.problem_mark or error.context_mark
    if error.problem == _OPEN_QUOTE and error.context_mark:
        mark = error.context_mark  # where the quote opens tells more than where the file ends
    lines = text.splitlines() or [""]
    line, column = (min(mark.line, len(lines) - 1), mark.column) if mark else (0, 0)
    problem = error.problem or "this is not YAML"
    message = next((said for known, said in _SAID if problem.startswith(known)), problem)
    return _at(line, column, message, _hint(lines[line], column))


def unreadable_complaint(text: str) -> Diagnostic:
    """The complaint for a text with a character that may not stand in a document."""
    bad = next((at for at, char in enumerate(text) if not _readable(char)), 0)
    line = text.count("\n", 0, bad)
    column = bad - (text.rfind("\n", 0, bad) + 1)
    name = f"U+{ord(text[bad]):04X}"
    kind = "half of a surrogate pair" if 0xD800 <= ord(text[bad]) <= 0xDFFF else "the control character"
    return _at(line, column, f"{kind} {name} may not stand in a document", "remove it, or write it as an escape")


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
    if line[column : column + 1] in ("@", "`", "%") or (": " in value and value[0] not in "'\"|>"):
        return "put the text in quotes"
    return ""


def _readable(char: str) -> bool:
    point = ord(char)
    return char in "\t\n\r\x85" or (point >= 0x20 and not 0x7F <= point <= 0x9F and not 0xD800 <= point <= 0xDFFF)
