"""Glob patterns of configuration files: `**`, `*`, `?`, `[a-z]`, `{a,b}`. None of them can take long to match."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from functools import lru_cache

_MAX_LENGTH = 300
_MAX_ALTERNATIVES = 64
_BRACES = re.compile(r"\{([^{}]*)\}")


def matches(path: str, pattern: str) -> bool:
    """Whether a path is what a glob names; `*` does not cross a slash, `**` does. Upper and lower case differ."""
    parts = path.split("/")
    return any(_fits(parts, one) for one in _alternatives(pattern.removeprefix("./")))


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
        is_kept = pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        start = "" if "/" in pattern.rstrip("/") else "**/"
        inner = start + pattern.strip("/")
        if matches(path, inner + "/**") or (not pattern.endswith("/") and matches(path, inner)):
            found = not is_kept
    return found


def _fits(parts: list[str], pattern: tuple[re.Pattern[str] | None, ...]) -> bool:
    """Whether the parts of a path fit a pattern's. None is `**`: any number of parts, at the end at least one."""
    reached = {0}
    for index, one in enumerate(pattern):
        if one is None:
            first = min(reached, default=len(parts) + 1) + (index == len(pattern) - 1)
            reached = set(range(first, len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and one.match(parts[at])}
    return len(parts) in reached


@lru_cache(maxsize=2_000)
def _alternatives(pattern: str) -> tuple[tuple[re.Pattern[str] | None, ...], ...]:
    """The pattern without braces, each in parts; nothing for one that is too long."""
    if len(pattern) > _MAX_LENGTH:
        return ()
    expanded = list(_expanded([pattern]))
    if len(expanded) > _MAX_ALTERNATIVES:
        return ()
    return tuple(
        tuple(None if part == "**" else re.compile(translate(part)) for part in one.split("/")) for one in expanded
    )


def _expanded(patterns: list[str]) -> Iterator[str]:
    while patterns and len(patterns) <= _MAX_ALTERNATIVES:
        one = patterns.pop()
        found = _BRACES.search(one)
        if found is None:
            yield one
        else:
            patterns += [one[: found.start()] + part + one[found.end() :] for part in found[1].split(",")]
