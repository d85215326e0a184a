"""Addresses by patterns that a site states: `{files: "_posts/{date}-{slug}.md", url: "/blog/{slug}/"}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.index import Address, Rank, declared
from flowbuilder.errors import ConfigurationError

_PLACEHOLDER = re.compile(r"\{(\*?[A-Za-z_][\w.]*)\}")
_MEANINGS = {
    "date": r"\d{4}-\d{1,2}-\d{1,2}",
    "year": r"\d{4}",
    "month": r"\d{1,2}",
    "day": r"\d{1,2}",
    "number": r"\d+",
}
_MAX_PLACEHOLDERS = 8
_MAX_FREE = 3


@dataclass(frozen=True)
class Pattern:
    """A pattern of file names, and the address of each."""

    files: re.Pattern[str]
    url: str
    folder: str

    def address(self, source: Source) -> str | None:
        """The address of a file; None for one that is not meant, or has not the fields that the address takes."""
        found = self.files.fullmatch(source.path)
        if found is None:
            return None
        values = dict(found.groupdict())
        if "date" in values:
            values |= dict(zip(("year", "month", "day"), values["date"].split("-"), strict=True))
        parts, at = [], 0
        for one in _PLACEHOLDER.finditer(self.url):
            name = one[1].lstrip("*")
            value = source.text(name.removeprefix("page.")) if name.startswith("page.") else values.get(name)
            if value is None or (not value and name.startswith("page.")):
                return None
            parts += [self.url[at : one.start()], declared(value) if name.startswith("page.") else value]
            at = one.end()
        path = "/" + "".join([*parts, self.url[at:]])
        return re.sub("/+", "/", re.sub(r"(?:^|(?<=/))index(?=/$|$)", "", path))


def read_patterns(value: Any) -> list[Pattern]:
    """The patterns of a site's record; `ConfigurationError` names the one that is wrong."""
    return [_pattern(one) for one in (value if isinstance(value, list) else [])]


def pattern_addresses(folder: Folder, patterns: Sequence[Pattern]) -> Iterator[Address]:
    """The address of each file that a pattern means."""
    for pattern in patterns:
        for path in folder.names(pattern.folder):
            if pattern.files.fullmatch(path):
                source = folder.source(path)
                address = pattern.address(source)
                if address is not None:
                    is_public = not source.says("draft") and not source.denies("published")
                    yield Address(address, path, Rank.PAGE if is_public else Rank.UNPUBLISHED)


def _pattern(given: Any) -> Pattern:
    files, url = (given.get("files"), given.get("url")) if isinstance(given, dict) else (None, None)
    if not isinstance(files, str) or not isinstance(url, str) or not url.startswith("/"):
        raise ConfigurationError(
            'an entry of addresses needs files and url: {files: "blog/{slug}.md", url: "/blog/{slug}/"}'
        )
    files = files.removeprefix("./").lstrip("/")
    found = list(_PLACEHOLDER.finditer(files))
    names = [one[1].lstrip("*") for one in found]
    if len(found) > _MAX_PLACEHOLDERS or len(set(names)) < len(names) or sum(one[1][0] == "*" for one in found) > 1:
        raise ConfigurationError(
            f"{files:.100}: use each placeholder once, at most {_MAX_PLACEHOLDERS}, and one with *"
        )
    dates = {"year", "month", "day"} if "date" in names else set()
    for one in _PLACEHOLDER.finditer(url):
        name = one[1].lstrip("*")
        if name not in {*names, *dates} and not name.startswith("page."):
            message = f"{url:.100}: {{{name}}} is not in {files:.100}; a field of the front matter is {{page.{name}}}"
            raise ConfigurationError(message)
    for segment in files.split("/"):
        free = [one for one in _PLACEHOLDER.findall(segment) if one not in _MEANINGS]
        if len(free) > _MAX_FREE or re.search(r"\}\{", segment):
            raise ConfigurationError(f"{segment:.100}: write a text between two placeholders, of at most {_MAX_FREE}")
    parts, at = [], 0
    for one in found:
        name = one[1].lstrip("*")
        meaning = _MEANINGS.get(name, ".+" if one[1][0] == "*" else "[^/]+?")
        parts += [re.escape(files[at : one.start()]), f"(?P<{name}>{meaning})"]
        at = one.end()
    before = files[: found[0].start()] if found else files
    return Pattern(re.compile("".join([*parts, re.escape(files[at:])])), url, before.rpartition("/")[0])
