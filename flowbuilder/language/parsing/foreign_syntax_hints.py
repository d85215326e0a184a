"""Errors with hints for syntax of Liquid, n8n, GitHub Actions, JavaScript and Python."""

from __future__ import annotations

import re
from collections.abc import Collection

from flowbuilder.diagnostics import nearest
from flowbuilder.errors import LanguageError
from flowbuilder.language.names import fault

_OTHER_NAMES = {
    "upcase": "upper", "downcase": "lower", "touppercase": "upper", "tolowercase": "lower", "strip": "trim",
    "lstrip": "trim", "rstrip": "trim", "truncatewords": "truncate", "size": "length", "append": "~",
    "prepend": "~", "plus": "+", "minus": "-", "times": "*", "divided_by": "/", "modulo": "%", "uniq": "unique",
    "json_encode": "json", "to_json": "json", "tojsonstring": "json", "tojson": "json", "fromjson": "",
    "url_encode": "urlencode",
    "handleize": "slugify", "handle": "slugify", "striptags": "strip_html", "strip_tags": "strip_html",
    "escape": "escape_html", "e": "escape_html", "select": "where", "selectattr": "where", "filter": "where",
    "rejectattr": "reject", "list": "", "safe": "", "str": "string", "text": "string", "number": "float",
    "includes": "contains", "indexof": "contains", "startswith_": "startswith", "starts_with": "startswith",
    "ends_with": "endswith", "newline_to_br": "replace", "strftime": "date", "format_date": "date",
    "dictsort": "items", "avg": "sum", "compact": "where", "ceil": "round", "floor": "int", "substring": "slice",
    "find": "where", "isempty": "is_empty", "exists": "is_defined", "defined": "is_defined",
}  # fmt: skip
_NO_SUCH = {
    "list": "leave it out: lists are lists already",
    "safe": "leave it out: text is never escaped here",
    "attr": "write value.key or value[key]",
    "format": "join texts with ~ in a template, with + in an expression",
    "fromjson": "leave it out: the output of a step is parsed already",
    "always": "write on_error: continue in the step that may fail; then test steps.name.status",
    "success": 'test steps.name.status == "completed"',
    "failure": 'test steps.name.status == "failed"',
    "now": "use execution.started_at, the time of the execution",
    "today": "use execution.started_at | date, the day of the execution",
    "print": "write {{ value }}: a template prints its values",
}
FOREIGN_NAMES = {
    "forloop": "it is called loop here: loop.index, loop.first, loop.last",
    "secrets": "secrets are never in scope: a step names a connection",
    "env": "the environment is never in scope: use inputs, site, or a connection",
    "github": "use inputs, steps, site and execution",
    "json": "write steps.name.output, or value | json for the text",
    "vars": "use inputs or site",
}
"""Names of other systems, and what to write instead."""
_TAGS = {
    "Macro": "a macro", "CallBlock": "a call block", "Include": "`include`", "Import": "`import`",
    "FromImport": "`import`", "Extends": "`extends`", "Block": "a block", "FilterBlock": "a filter block",
    "With": "`with`", "AssignBlock": "`set` with a body", "Scope": "`autoescape`",
    "ExprStmt": "`do`", "Pow": "the operator **", "NSRef": "setting a member", "Pos": "a plus sign before a value",
}  # fmt: skip
_TAG_HINTS = {
    "AssignBlock": "write {% set name = a ~ b %}",
    "With": "use {% set %}",
    "Include": "put shared texts into the site, or into a step of their own",
    "FilterBlock": "use filters on values: {{ value | upper }}",
    "Pow": "multiply, or use a code step",
    "NSRef": "a name set inside a loop does not exist after it; use filters such as sum, map and where",
}
_METHODS = {
    "upper": "upper", "lower": "lower", "strip": "trim", "trim": "trim", "split": "split", "join": "join",
    "replace": "replace", "title": "title", "capitalize": "capitalize", "startswith": "startswith",
    "endswith": "endswith", "startsWith": "startswith", "endsWith": "endswith", "toUpperCase": "upper",
    "toLowerCase": "lower", "includes": "contains", "keys": "keys", "values": "values", "items": "items",
    "slice": "slice", "map": "map", "filter": "where", "toString": "string", "length": "length", "get": "default",
    "count": "length", "sort": "sort", "reverse": "reverse", "toFixed": "round", "index": "contains",
}  # fmt: skip
_LIQUID_TAGS = {
    "assign": "write {% set name = value %}",
    "capture": "write {% set name = a ~ b %}",
    "unless": "write {% if not ... %}",
    "case": "write {% if x == ... %}{% elif ... %}",
    "when": "write {% elif x == ... %}",
    "elsif": "write {% elif %}",
    "else if": "write {% elif %}",
    "endunless": "write {% endif %}",
    "comment": "write {# ... #}",
    "render": "put shared texts into the site, or into a step of their own",
    "break": "loop over a slice: {% for item in list[:10] %}",
    "continue": "put an {% if %} around the rest of the loop's body",
    "tablerow": "write {% for %}",
    "increment": "use loop.index",
    "cycle": "compare loop.index: {% if loop.index is even %}",
    "do": "values cannot be changed; make new ones with {% set %}",
    "while": "loop over a list: {% for item in list %}",
}


def unknown_function(name: str, start: int, end: int, known: Collection[str]) -> LanguageError:
    """FB202 for an unknown function, with the name that it has in this language."""
    message = f"there is no filter or function {name}"
    wanted = _OTHER_NAMES.get(name.lower())
    if name.lower() in _NO_SUCH:
        hint = _NO_SUCH[name.lower()]
    elif wanted is not None and wanted in known:
        hint = f"it is called {wanted} here: value | {wanted}"
    elif wanted:
        hint = f"write the operator: a {wanted} b"
    else:
        close = nearest(name, known)
        hint = f"did you mean {close}?" if close else "`flowbuilder explain FB202` lists the filters"
    return fault("FB202", message, start, end, hint)


def tag_error(kind: str, start: int, end: int) -> LanguageError:
    """FB203 for a construct of jinja2 that this language does not have."""
    what = _TAGS.get(kind, f"`{kind.lower()}`")
    hint = _TAG_HINTS.get(kind, "a template has {{ }}, if, for, set and comments")
    return fault("FB203", f"{what} is not in the language", start, end, hint)


def method_error(name: str, start: int, end: int) -> LanguageError:
    """FB203 for `value.upper()`."""
    wanted = _METHODS.get(name)
    hint = f"write value | {wanted}" if wanted else "use a filter: value | name"
    return fault("FB203", f"values have no methods: .{name}()", start, end, hint)


def template_error(source: str, start: int, message: str) -> LanguageError:
    """FB201 for a syntax error in a template; `message` is that of jinja2."""
    end = min(start + 1, len(source))
    tag = re.search(r"unknown tag '(\w+)'", message)
    if tag:
        name = tag[1]
        end = start + len(name)
        return fault("FB203", f"there is no tag {name}", start, end, _LIQUID_TAGS.get(name, _tag_hint(name)))
    message = message[:1].lower() + message[1:].rstrip(".")
    message = re.sub(r" at \d+$", "", message)
    hint = ""
    before = source[:start].rstrip()
    filtered = re.search(r"\|\s*(\w+)$", before)
    if filtered and source[start : start + 1] == ":":
        hint = f"write arguments in brackets: value | {filtered[1]}(...)"
    elif source[start : start + 1] in "\"'" and before[-1:] in ("f", "r", "b"):
        hint = "texts have no prefix; join them with ~"
    elif "&" in message or "'|'" in message or "unexpected char '&'" in message:
        hint = "in a template write `and`, `or`, `not`"
    elif "char '!'" in message:
        hint = "in a template write `not`"
    elif "char '?'" in message:
        hint = "in a template write `then if test else otherwise`"
    elif "char '$'" in message or source[max(0, start - 1) : start + 1].startswith("$"):
        hint = "names have no $: write inputs.name or steps.name.output"
    elif source[:start].count("{{") > source[:start].count("}}") + 1:
        hint = "close the tag before with }}"
    return fault("FB201", message, start, end, hint)


def expression_error(source: str, start: int, end: int, message: str) -> LanguageError:
    """FB201 for a syntax error in an expression."""
    return fault("FB201", message, start, end, _expression_hint(source, start))


def _tag_hint(name: str) -> str:
    close = nearest(name, ("if", "elif", "else", "endif", "for", "endfor", "set"))
    return f"did you mean {close}?" if close else "a template has {{ }}, if, for, set and comments"


def _expression_hint(source: str, start: int) -> str:
    rest, before = source[start:], source[:start]
    called = re.search(r"\.\s*(\w+)\s*$", before)
    method = _METHODS.get(called[1]) if called else None
    checks: tuple[tuple[bool, str], ...] = (
        (source.lstrip().startswith(("${{", "{{", "{%")), "this field is an expression already: leave out the braces"),
        ("$" in rest[:1], "names have no $: write inputs.name or steps.name.output"),
        (rest.startswith("if ") or " if " in before, "write test ? then : otherwise"),
        (rest.startswith("=") and before.endswith(("==", "!=")), "write == or !="),
        (rest.startswith(">") and before.endswith("<"), "write !="),
        (rest.startswith("(") and method is not None, f"values have no methods: write value | {method}"),
        (before.rstrip().endswith("lambda"), "functions cannot be defined here; use map, where or sort"),
        (rest[:1].isdigit() and before.endswith("."), f"write [{rest[:1]}] for an item of a list"),
        (rest.startswith(",") and before.count("(") > before.count(")"), "write a list in square brackets: [1, 2]"),
        (rest.startswith(":") and "[" in before, "a slice has no step: write a[low:high]"),
        (rest.startswith(('"', "'")) and before.rstrip()[-1:] in ('"', "'"), "join texts with +"),
        (rest.startswith("=>") or before.endswith("="), "functions cannot be defined here; use map, where or sort"),
        (rest.startswith("=") and not before.endswith(("=", "!", "<", ">")), "to compare, write =="),
        (rest.startswith("==="), "write =="),
        (before.endswith("==") or before.endswith("!="), "write == or != with a value on each side"),
        (rest.startswith("**") or before.endswith("*"), "there is no power operator"),
        (rest.startswith("&"), "write && or and"),
        (rest.startswith("??"), "write value | default(other)"),
        (rest.startswith("?.") or before.endswith("?"), "write value.key | default(null)"),
        (rest.startswith("`"), "quote texts with \" or '; join them with +"),
        (before[-1:] in ("f", "r", "b") and rest.startswith(('"', "'")), "texts have no prefix; join them with +"),
        (rest.startswith("(") and "." in before, "values have no methods: write value | filter"),
        (rest.startswith("for "), 'use map and where: list | map("key")'),
        (rest.startswith("//"), "there are no comments in an expression"),
        (rest.startswith(("and", "or")) is False and rest.startswith(("AND", "OR")), "write and, or in small letters"),
        (rest.startswith("<") or rest.startswith(">"), "comparisons cannot be chained: write a < b && b < c"),
        (rest.startswith("~"), "join texts with +"),
        (rest.startswith(('"', "'")), "close the text with the same quote"),
    )
    return next((hint for holds, hint in checks if holds), "")
