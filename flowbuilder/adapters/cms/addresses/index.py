"""The index of a site: which file is at which address, by the rules of the generator that makes the site."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import unquote

from flowbuilder.adapters.cms.addresses.page_path import PagePath
from flowbuilder.errors import NotFound, StepError
from flowbuilder.model.invisible_characters import hidden_characters

_INDEX = re.compile(r"/index\.html?$")
QUERY = "\0"
"""Stands before the query of an address, since a question mark may be in a name."""
_MAX_NEAR = 100
_PAGE_QUERY = re.compile(r"(?:^|&)(?:p|page_id|attachment_id|post_type|cat|m|author)=")


class Rank(IntEnum):
    """What stands at an address: a page before a redirect to one, and that before a page that is not published."""

    PAGE = 0
    FALLBACK = 1
    ALIAS = 2
    UNPUBLISHED = 3


@dataclass(frozen=True)
class Address:
    """An address that a generator gives a file: a decoded path with a slash in front."""

    path: str
    file: str
    rank: Rank = Rank.PAGE


def declared(path: str) -> str:
    """The decoded path of an address that a person wrote down, such as a `permalink`, whose codes and query count."""
    path, mark, query = path.partition("?")
    return unquote(path) + (QUERY + unquote(query) if mark else "")


def same_key(path: str) -> str:
    """What two addresses share that a person cannot tell apart, or that a web server answers alike.

    The trailing slash and `index.html`; composed and decomposed letters; characters that draw nothing; kinds of blanks.
    """
    path, mark, query = unicodedata.normalize("NFC", path).partition(QUERY)
    text = path
    if not text.isascii():
        unseen = {at for at, _ in hidden_characters(text)}
        text = "".join(" " if char.isspace() else char for at, char in enumerate(text) if at not in unseen)
    text = "/" + "/".join(part for part in text.split("/") if part)
    return (_INDEX.sub("", text) or "/") + mark + query


class AddressIndex:
    """The addresses of a site, and the file of each. Built of what a generator yields."""

    def __init__(self, addresses: Iterable[Address], problems: Sequence[str] = ()) -> None:
        self.problems = problems
        self._by_key: dict[str, list[Address]] = defaultdict(list)
        self._by_file: dict[str, dict[str, str]] = defaultdict(dict)
        self._folded: dict[str, set[str]] = defaultdict(set)
        for address in addresses:
            key = same_key(address.path)
            self._by_key[key].append(address)
            self._folded[key.casefold()].add(key)
            if address.rank is Rank.PAGE:
                self._by_file[address.file].setdefault(key, address.path)

    def __len__(self) -> int:
        return len(self._by_key)

    def files(self) -> Iterator[tuple[str, list[str]]]:
        """Each file that is a page, and its addresses."""
        return ((file, list(paths.values())) for file, paths in self._by_file.items())

    def find(self, path: PagePath, url: str) -> str:
        """The file of an address. `NotFound`; `StepError` (`ambiguous_address`) when two files may be the page."""
        found = self._answering(path)
        if not found:
            hint = f"; not all of the site can be read: {self.problems[0]}" if self.problems else ""
            raise NotFound(f"there is no page {url:.200}{hint}")
        best = min(one.rank for one in found)
        files = sorted({one.file for one in found if one.rank == best})
        if len(files) > 1:
            message = f"{url:.200} may be {files[0]} or {files[1]}: give one of them another address"
            raise StepError(message, code="ambiguous_address")
        others = self._by_file.get(files[0], {})
        if best is Rank.PAGE and len(others) > 1:
            first, second = list(others.values())[:2]
            message = f"the page of {url:.200}, {files[0]}, has two addresses, {first} and {second}"
            raise StepError(message, code="ambiguous_address")
        return files[0]

    def _answering(self, path: PagePath) -> list[Address]:
        text = path.text
        if path.query:
            named = self._by_key.get(same_key(f"{text}{QUERY}{unquote(path.query)}"))
            if named or _PAGE_QUERY.search(path.query):
                return named or []
        key = same_key(text)
        for one in (key, *self._same_letters(key)):
            found = self._at(one, has_slash=path.ends_with_slash or one == "/")
            if found:
                return found
        return []

    def _at(self, key: str, *, has_slash: bool) -> list[Address]:
        """What is at a key: itself, and without a slash at the end a page with a suffix too."""
        found = list(self._by_key.get(key, ()))
        if key.endswith((".html", ".htm")):
            return found or list(self._by_key.get(key.rpartition(".")[0], ()))
        if not found or (not has_slash and all(one.path.endswith("/") for one in found)):
            found += [one for suffix in (".html", ".htm") for one in self._by_key.get(key + suffix, ())]
        return found

    def _same_letters(self, key: str) -> Iterator[str]:
        """The address that differs in upper and lower case only, where there is just one."""
        for one in (key, key + ".html", key.removesuffix(".html")):
            others = self._folded.get(one.casefold(), ())
            if len(others) == 1:
                yield from others
                return

    def collisions(self) -> Iterator[tuple[str, list[str]]]:
        """Each address that is the page of two files or more."""
        for key, found in self._by_key.items():
            files = sorted({one.file for one in found if one.rank is Rank.PAGE})
            if len(files) > 1:
                yield key.replace(QUERY, "?"), files

    def of_file(self, file: str) -> list[str]:
        """The addresses at which a file is the page."""
        return list(self._by_file.get(file, {}).values())

    def near(self, path: PagePath) -> Iterator[tuple[Address, PagePath]]:
        """The pages beside and below an address, then those beside the pages above; each with what is left of it."""
        parts = path.parts
        for depth in range(len(parts) - 1, -1, -1):
            above = same_key("/" + "/".join(parts[:depth]))
            start = above.rstrip("/") + "/"
            below = [key for key in self._by_key if key.startswith(start) and key != start]
            for key in sorted(below, key=lambda one: one.count("/"))[:_MAX_NEAR]:
                yield from ((one, PagePath(parts[depth:])) for one in self._by_key[key] if one.rank is Rank.PAGE)
