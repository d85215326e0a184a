"""Glob patterns of configuration files: `**`, `*`, `?`, `[a-z]`, `{a,b}`. None of them can take long to match."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_MAX_LENGTH = 300
_MAX_STARS = 6
_NEVER = re.compile(r"(?!)")
_PART = re.compile(r"\*\*/?|[*?{},]|\[!?[\w-]+\]|.", re.DOTALL)


def matches(path: str, pattern: str) -> bool:
    """Whether a path is what a glob names; `*` does not cross a slash, `**` does. Upper and lower case differ."""
    return bool(_compiled(pattern.removeprefix("./")).fullmatch(path))


def any_matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns names the path."""
    return any(matches(path, pattern) for pattern in patterns)


def ignored(path: str, patterns: Iterable[str]) -> bool:
    """Whether lines of a `.gitignore`, of which the last that fits decides, leave a path out."""
    found = False
    for line in patterns:
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        kept = pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        start = "" if "/" in pattern.rstrip("/") else "**/"
        inner = start + pattern.strip("/")
        if matches(path, inner + "/**") or (not pattern.endswith("/") and matches(path, inner)):
            found = not kept
    return found


@lru_cache(maxsize=2_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    if len(pattern) > _MAX_LENGTH or pattern.count("*") > 2 * _MAX_STARS:
        return _NEVER
    depth, parts = 0, []
    for found in _PART.finditer(pattern):
        part = found[0]
        if part == "**/":
            parts.append("(?:[^/]+/)*")
        elif part == "**":
            parts.append(".*")
        elif part == "*":
            parts.append("[^/]*")
        elif part == "?":
            parts.append("[^/]")
        elif part == "{":
            depth += 1
            parts.append("(?:")
        elif part == "}" and depth:
            depth -= 1
            parts.append(")")
        elif part == "," and depth:
            parts.append("|")
        elif part[0] == "[" and len(part) > 1:
            parts.append("[^" + part[2:] if part[1] == "!" else part)
        else:
            parts.append(re.escape(part))
    try:
        return re.compile("".join(parts), re.DOTALL) if not depth else _NEVER
    except re.error:
        return _NEVER
