"""The reason that a server gives for a failure: one line of bounded length, and its body, without secrets."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from flowbuilder.ports.secret_forms import sounds_secret
from flowbuilder.values import Json, parse_json, well_formed

MAX_REASON = 300
"""Characters of the line."""
MAX_BODY = 2_000
"""Characters of a body that is kept, as JSON or text."""
MAX_READ = 64 * 1024
"""Bytes of a body that are looked at for a reason; a larger one is taken as text, and cut."""
HIDDEN = "[hidden]"
_SAID = ("message", "error_description", "detail", "msg", "error_message", "reason", "description", "faultstring")
_AROUND = ("error", "errors", "fault", "title", "violations", "data")
_WHERE = ("field", "param", "parameter", "property", "propertyPath", "loc", "path", "pointer", "source", "in", "name")
_NAMED = re.compile(
    # not the words that stand in the place of a known secret already: `[secret of connection shop-2024]`
    r"""((?!(?<=\[)(?:secret|token)[ ]of[ ])"""
    r"""(?:key|token|secret|passw(?:or)?d|pwd|authorization|signature|bearer|basic)\b"""
    r"""[^\w\s:=]{0,3}(?:[ ][^\W\d_]{1,20}(?=[\s:=])){0,3}[ ]?[:=]?\s{0,2}["'(<]?)(?!\[(?:secret|token)[ ]of[ ])"""
    r"""((?=[^\s"')>&,;]{0,60}\d|[^\s"')>&,;]{24})[^\s"')>&,;]{6,})""",
    re.IGNORECASE,
)
_PREFIXED = re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abprs]|AKIA|AIza)[-_]?[A-Za-z0-9_-]{10,}")
_SURELY = re.compile("passw|pwd|passphrase|secret|token", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,400})", re.IGNORECASE)
_MARKUP = re.compile(r"\s{0,9}<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)


def reason_of(text: str) -> tuple[str, Json]:
    """The line that says why, empty where the body says nothing; and the body as JSON or text, both bounded."""
    text = well_formed(text[:MAX_READ].replace("\0", " ")).strip().removeprefix("\ufeff")
    if not text:
        return "", None
    try:
        value = parse_json(text) if text[0] in '{["' else None
    except (ValueError, RecursionError):
        value = None
    if value is None:
        shown = _without_secrets(_shown_text(text))
        return _line(shown), shown[:MAX_BODY]
    try:
        value = _hidden(value, 0)
        line = _line("; ".join(dict.fromkeys(_sentences(value, 0))))
        compact = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):  # a number that JSON does not have
        return "", None
    return line, value if len(compact) <= MAX_BODY else compact[:MAX_BODY]


def _shown_text(text: str) -> str:
    """A text as it is; of a page its title."""
    if not _MARKUP.match(text):
        return text
    title = _TITLE.search(text)
    return html.unescape(title[1]) if title else ""


def _line(text: str) -> str:
    """One line of visible characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 8 * MAX_REASON]).split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1].rstrip() + "\u2026"


def _sentences(value: Any, depth: int) -> Iterator[str]:
    """What the usual members of an error object say, the most telling first."""
    if depth > 4:
        return
    if isinstance(value, str):
        yield value[:MAX_REASON]
    elif isinstance(value, list):
        for item in value[:5]:
            yield from _sentences(item, depth + 1)
    elif isinstance(value, dict):
        members = {str(name).lower(): inner for name, inner in value.items()}
        said = [found for name in _SAID for found in _sentences(members.get(name), depth + 1)]
        around = [found for name in _AROUND for found in _sentences(members.get(name), depth + 1)]
        if said:
            yield from (f"{_place(members)}{sentence}" for sentence in said)
            yield from around
        elif around:
            yield from around
        else:
            # names of fields with what is wrong with each
            for name, inner in list(value.items())[:5]:
                yield from (f"{name:.60}: {sentence}" for sentence in _sentences(inner, depth + 1))


def _place(members: dict[str, Any]) -> str:
    found = next((members[name] for name in _WHERE if members.get(name)), None)
    if isinstance(found, dict):
        found = next((inner for inner in found.values() if isinstance(inner, str)), None)
    if isinstance(found, list):
        found = ".".join(str(part) for part in found[:8])
    return f"{found:.100}: " if isinstance(found, str) else ""


def _hidden(value: Any, depth: int, name: str = "") -> Any:
    """The value of the member of this name without what looks like a secret."""
    if depth > 32:
        return None
    if isinstance(value, dict):
        return {
            _without_secrets(str(key)): _hidden(inner, depth + 1, str(key) if sounds_secret(str(key)) else "")
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_hidden(inner, depth + 1, name) for inner in value]
    if isinstance(value, str | int | float) and not isinstance(value, bool) and name and _is_secret(name, str(value)):
        return HIDDEN
    if isinstance(value, str):
        return _without_secrets(value)
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _is_secret(name: str, value: str) -> bool:
    if " " in value.strip():  # a complaint about the field of that name
        return False
    return _SURELY.search(name) is not None or len(value) >= 16 or any(char.isdigit() for char in value)


def _without_secrets(text: str) -> str:
    return _PREFIXED.sub(HIDDEN, _NAMED.sub(rf"\1{HIDDEN}", text))
