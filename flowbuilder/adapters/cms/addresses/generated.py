"""Addresses by the rules of a generator: the index of a site, renewed when a file changed."""

from __future__ import annotations

import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flowbuilder.adapters.cms.addresses.folder import MAX_HEAD_BYTES, Folder, Source, scan, source_of
from flowbuilder.adapters.cms.addresses.index import Address, AddressIndex, same_key
from flowbuilder.adapters.cms.addresses.page_path import PagePath
from flowbuilder.errors import NotFound, StepError

MAX_SITES = 16
MAX_TRIED = 16
_INDEX_STEMS = ("index", "_index", "readme")
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}-")
_NAME_LIMIT = 200

Rules = Callable[[Folder, Mapping[str, Any]], Iterator[Address]]

_indexes: OrderedDict[tuple[int, int, str], tuple[Mapping[str, Any], AddressIndex]] = OrderedDict()
_lock = threading.Lock()


class GeneratedAddresses:
    """Implements `Addresses` by rules. `options` are those of the site's record; `name` is the generator's."""

    is_lenient = True

    def __init__(self, name: str, rules: Rules, options: Mapping[str, Any]) -> None:
        self._name = name
        self._rules = rules
        self._options = options

    def index(self, root: int) -> AddressIndex:
        """The addresses of all files below `root` as they are now."""
        stamps, sources = scan(root)
        at = os.fstat(root)
        key = (at.st_dev, at.st_ino, json.dumps([self._name, self._options], sort_keys=True, default=str))
        with _lock:
            known = _indexes.get(key)
        if known is not None and known[0] == stamps:
            return known[1]
        index = self._build(Folder(root, stamps, sources))
        with _lock:
            _indexes[key] = (stamps, index)
            _indexes.move_to_end(key)
            while len(_indexes) > MAX_SITES:
                _indexes.popitem(last=False)
        return index

    def places(self, root: int, path: PagePath, url: str) -> Sequence[tuple[str, ...]]:
        """The file of an address. `NotFound`; `StepError` (`ambiguous_address`)."""
        return [tuple(self.index(root).find(path, url).split("/"))]

    def new_place(self, root: int, path: PagePath, url: str, *, title: str = "") -> tuple[str, ...]:
        """A file for which the generator makes exactly this address, and that leaves all other pages where they are.

        `StepError` (`bad_url`) where there is none.
        """
        stamps, sources = scan(root)
        folder = Folder(root, stamps, sources)
        index = self.index(root)
        instead = ""
        for candidate in self._candidates(folder, index, path):
            fields = {"title": title} if title else {}
            new = Source(path=candidate, fields=fields, has_front_matter=bool(fields))
            made = self._build(folder.with_source(new))
            if self._is_at(made, path, url, candidate) and _keeps(index, made):
                return tuple(candidate.split("/"))
            addresses = made.of_file(candidate)
            instead = instead or (f"; a new file {candidate} would be at {addresses[0]}" if addresses else "")
        message = f"no new file would be at {url:.200} by the rules of {self._name}{instead}"
        raise StepError(message, code="bad_url")

    def ensure_stays(self, root: int, place: tuple[str, ...], path: PagePath, url: str, text: str) -> None:
        """`StepError` (`moves_page`) when a file with this text would be at another address."""
        stamps, sources = scan(root)
        file = "/".join(place)
        folder, changed = Folder(root, stamps, sources), source_of(file, text[:MAX_HEAD_BYTES])
        if file in folder and folder.source(file) == changed:
            return
        made = self._build(folder.with_source(changed))
        try:
            is_there = made.find(path, url) == file
        except (NotFound, StepError):
            is_there = False
        if not is_there:
            others = made.of_file(file)
            moved = f", to {others[0]}" if others else ""
            raise StepError(f"the change would move the page {url:.200}{moved}: keep its title", code="moves_page")

    def _build(self, folder: Folder) -> AddressIndex:
        addresses = list(self._rules(folder, self._options))
        files = dict.fromkeys(address.file for address in addresses if address.file in folder)
        problems = [f"{path} {folder.source(path).problem}" for path in files if folder.source(path).problem]
        return AddressIndex(addresses, [*folder.problems, *problems])

    def _is_at(self, index: AddressIndex, path: PagePath, url: str, file: str) -> bool:
        try:
            found = index.find(path, url)
        except (NotFound, StepError):
            return False
        return found == file and any(same_key(one) == same_key(path.text) for one in index.of_file(file))

    def _candidates(self, folder: Folder, index: AddressIndex, path: PagePath) -> Iterator[str]:
        """File names to try: as the pages beside it are named, then as any page may be."""
        if not path.parts:
            return
        found: dict[str, int] = {}
        for address, rest in index.near(path):
            for candidate in _named_alike(address, rest, path):
                found[candidate] = found.get(candidate, -1_000 * len(rest.parts)) + 1
        ordered = sorted(found, key=lambda one: -found[one])
        stem = "/".join(path.parts).removesuffix(".html")
        content = str(self._options.get("content") or "").strip("/")
        for start in dict.fromkeys([content, *_DEFAULT_FOLDERS]):
            if not start or folder.has_folder(start):
                is_folder = folder.has_folder(f"{start}/{stem}".lstrip("/"))
                ordered += [f"{start}/{stem}{end}".lstrip("/") for end in (_IN_FOLDER if is_folder else _NEW)]
        tried = 0
        for candidate in dict.fromkeys(ordered):
            is_name = all(len(part.encode()) <= _NAME_LIMIT and part[:1] != "." for part in candidate.split("/"))
            if candidate not in folder and is_name and tried < MAX_TRIED:
                tried += 1
                yield candidate


_NEW = (".md", "/index.md", ".html", "/index.html")
_IN_FOLDER = ("/_index.md", "/index.md", "/README.md", *_NEW)
_DEFAULT_FOLDERS = ("content", "docs", "src/content/docs", "src/content", "src/pages", "source", "src", "pages", "")


def _named_alike(address: Address, rest: PagePath, path: PagePath) -> Iterator[str]:
    """How the file of a page would be called if it were named as that of a page beside it."""
    folder, _, name = address.file.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    parts = [part.removesuffix(".html") for part in rest.parts]
    if stem.lower().partition(".")[0] in _INDEX_STEMS:
        above = folder.rpartition("/")[0]
        yield "/".join([*([above] if above else []), *parts, name])
        return
    language = "." + stem.rpartition(".")[2] if re.search(r"\.[a-z]{2}(?:-[A-Za-z]{2,4})?$", stem) else ""
    start = [folder] if folder else []
    if _DATED.match(stem):
        written = re.search(r"/(\d{4})/(\d{1,2})/(\d{1,2})/", path.text)
        day = f"{written[1]}-{int(written[2]):02}-{int(written[3]):02}" if written else f"{datetime.now(UTC):%Y-%m-%d}"
        yield "/".join([*start, f"{day}-{parts[-1]}{language}{dot}{suffix}"])
    yield "/".join([*start, *parts[:-1], f"{parts[-1]}{language}{dot}{suffix}"])


def _keeps(before: AddressIndex, after: AddressIndex) -> bool:
    """Whether every page of `before` is where it was."""
    return all(set(addresses) <= set(after.of_file(file)) for file, addresses in before.files())
