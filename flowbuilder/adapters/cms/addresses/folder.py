"""The files of a site's folder: their names, front matter and configuration, read within limits and kept."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.adapters.cms.addresses.data import MAX_CONFIG_BYTES, read_config, read_fields
from flowbuilder.errors import StepError

MAX_FILES = 200_000
MAX_DEPTH = 40
MAX_HEAD_BYTES = 64 * 1024
MAX_SITES = 16
_JUST_NOW_NS = 50_000_000
_SKIPPED = frozenset({"node_modules", "bower_components"})
_SHOWN = frozenset({".vitepress", ".vuepress"})

_PROJECTS = ("website/", "docs/", "site/", "www/")

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of the site. `fields` is its front matter; scalars are their texts."""

    path: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    has_front_matter: bool = False
    heading: str = ""
    loose_fields: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def folder(self) -> str:
        """The folder's path; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The file name without its last suffix."""
        return self.name.rpartition(".")[0] or self.name

    @property
    def suffix(self) -> str:
        """The last suffix with its dot, as it is written."""
        return self.name[len(self.stem) :]

    def text(self, *names: str) -> str:
        """The first of these fields that is a text and not empty."""
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, str) and value.strip():
                return value.strip()
        return ""

    def texts(self, name: str) -> list[str]:
        """A field's texts: a list of texts, or one."""
        value = self.fields.get(name)
        found = value if isinstance(value, list) else [value]
        return [one.strip() for one in found if isinstance(one, str) and one.strip()]

    def says(self, name: str) -> bool:
        """Whether a field is true."""
        return str(self.fields.get(name, "")).lower() in ("true", "yes", "on", "1")

    def denies(self, name: str) -> bool:
        """Whether a field is false."""
        return str(self.fields.get(name, "")).lower() in ("false", "no", "off", "0")


class Folder:
    """The regular files below a folder. Symbolic links, hidden folders and installed packages are left out."""

    def __init__(self, root: int, stamps: Mapping[str, Stamp], sources: dict[str, tuple[Stamp, Source]]) -> None:
        self._root = root
        self._stamps = stamps
        self._sources = sources
        self._added: dict[str, Source] = {}
        self.problems: list[str] = []

    def with_source(self, source: Source) -> Folder:
        """The same folder with a file that is new, or has other front matter."""
        folder = Folder(self._root, dict(sorted({**self._stamps, source.path: (0, 0, 0, 0)}.items())), self._sources)
        folder._added = {source.path: source}
        return folder

    def __contains__(self, path: str) -> bool:
        return path in self._stamps

    def has_folder(self, path: str) -> bool:
        """Whether a file is below a folder."""
        return any(name.startswith(path + "/") for name in self._stamps)

    def names(self, folder: str = "") -> Iterator[str]:
        """The paths of the files below a folder, sorted."""
        start = folder.strip("/") + "/" if folder.strip("/") not in ("", ".") else ""
        return (path for path in self._stamps if path.startswith(start))

    def sources(self, folder: str, suffixes: Iterable[str]) -> Iterator[Source]:
        """The files below a folder whose names end in one of these suffixes."""
        wanted = tuple(suffixes)
        return (self.source(path) for path in self.names(folder) if path.lower().endswith(wanted))

    def source(self, path: str) -> Source:
        """A file with its front matter."""
        if path in self._added:
            return self._added[path]
        stamp = self._stamps[path]
        known = self._sources.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, self._read(path))
            self._sources[path] = known
        return known[1]

    def config(self, *paths: str) -> dict[str, Any]:
        """The first of these configuration files that there is, as data: TOML, YAML, JSON, or a JavaScript literal."""
        for path in paths:
            if path in self._stamps:
                return read_config(path, self.text(path))
        return {}

    def project(self, names: Iterable[str], given: str = "") -> str:
        """The configuration file of the site: the one nearest to the root, or in the folder that the record names."""
        wanted = tuple(names)
        found = [
            path for path in self._stamps
            if any(path == name or path.endswith("/" + name) for name in wanted) and path.startswith(given)
        ]  # fmt: skip
        return min(found, key=lambda path: (path.count("/"), not path.startswith(_PROJECTS), path), default="")

    def text(self, path: str) -> str:
        """A small text file; empty where it cannot be read."""
        with suppress(OSError):
            return _content(self._root, path, MAX_CONFIG_BYTES).decode("utf-8", "replace")
        return ""

    def _read(self, path: str) -> Source:
        try:
            head = _content(self._root, path, MAX_HEAD_BYTES)
        except OSError as problem:
            return Source(path=path, problem=f"cannot be read: {problem.strerror}")
        return source_of(path, head.decode("utf-8", "replace"))


def source_of(path: str, text: str) -> Source:
    """A file with this text. The fences of an Astro component hold its script, and no fields."""
    if path.endswith(".astro"):
        return Source(path=path)
    found = read_fields(text.removeprefix("\ufeff"))
    return Source(
        path=path,
        fields=found.fields,
        has_front_matter=found.is_there,
        heading=found.heading,
        loose_fields=found.loose_fields,
        problem=found.problem,
    )


_kept: OrderedDict[tuple[int, int], dict[str, tuple[Stamp, Source]]] = OrderedDict()
_lock = threading.Lock()


def scan(root: int) -> tuple[dict[str, Stamp], dict[str, tuple[Stamp, Source]]]:
    """The files below a folder with what tells one version of them from another, and what was read of them before.

    A file that changed in the last 50 ms counts as new each time: a file system's clock may be as coarse as that.
    `StepError` (`too_large`) when there are more than 200,000 files.
    """
    at = os.fstat(root)
    stamps: dict[str, Stamp] = {}
    recent = time.time_ns() - _JUST_NOW_NS
    for folder, names, files, descriptor in os.fwalk(".", dir_fd=root, follow_symlinks=False):
        start = "" if folder == "." else folder.removeprefix("./") + "/"
        names[:] = sorted(name for name in names if name not in _SKIPPED and (name[0] != "." or name in _SHOWN))
        if start.count("/") >= MAX_DEPTH:
            names[:] = []
        for name in files:
            with suppress(OSError):
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and _is_text(name):
                    changed = max(found.st_mtime_ns, found.st_ctime_ns)
                    new = time.monotonic_ns() if changed >= recent else changed
                    stamps[start + name] = (found.st_ino, found.st_size, found.st_mtime_ns, new)
        if len(stamps) > MAX_FILES:
            raise StepError(f"the site's folder has more than {MAX_FILES:,} files", code="too_large")
    with _lock:
        sources = _kept.setdefault((at.st_dev, at.st_ino), {})
        _kept.move_to_end((at.st_dev, at.st_ino))
        while len(_kept) > MAX_SITES:
            _kept.popitem(last=False)
    for path in [path for path in list(sources) if path not in stamps]:
        sources.pop(path, None)
    return dict(sorted(stamps.items())), sources


def _is_text(name: str) -> bool:
    """Whether a name can be encoded as UTF-8; other names have no address."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _content(root: int, path: str, limit: int) -> bytes:
    *folders, name = path.split("/")
    current = os.dup(root)
    try:
        for part in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            following = os.open(part, flags, dir_fd=current)
            os.close(current)
            current = following
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, dir_fd=current), "rb") as file:
            return file.read(limit)
    finally:
        os.close(current)
