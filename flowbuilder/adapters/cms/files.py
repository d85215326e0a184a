"""CMS of Markdown files in a folder."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flowbuilder.adapters.cms.file_writes import create_file, open_folder, read_text, remove_file, replace_file
from flowbuilder.adapters.cms.front_matter import Document, parse_document
from flowbuilder.adapters.cms.page_texts import description_of, new_document, title_of, with_write
from flowbuilder.adapters.cms.page_url import split_page_url
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError
from flowbuilder.model.effect import TargetClass
from flowbuilder.ports import CmsPage, CmsWrite
from flowbuilder.ports.cms import page_hash
from flowbuilder.values import JsonObject, digest_text

_IN_NAME = re.compile(r"[\w~-][\w.~ +@-]*")


class FilesCms:
    """Implements `ports.Cms`. `https://example.com/guides/tea` is `guides/tea.md`, or `guides/tea/index.md`.

    Folders are opened without following symbolic links, so nothing outside of `root` can be reached. A write replaces
    the file atomically, under a lock on the root. Writing identical content changes nothing, so an interrupted write
    can be repeated: the target class is `lookup`.
    """

    target_class: TargetClass = "lookup"

    def __init__(self, root: Path, *, base_url: str, url_prefix: str = "/") -> None:
        self._root = root
        self._base = base_url.rstrip("/")
        self._prefix = "/" + url_prefix.strip("/")

    async def read(self, url: str) -> CmsPage:
        """The page; `NotFound` when there is no file for the URL."""
        return await asyncio.to_thread(self._read, url)

    async def update(self, write: CmsWrite) -> CmsPage:
        """Change a page; `NotFound`, or `Conflict` when its hash is not `if_unchanged`."""
        return await asyncio.to_thread(self._update, write)

    async def create(self, write: CmsWrite) -> CmsPage:
        """Create a page; `Conflict` when a different one exists at its URL."""
        return await asyncio.to_thread(self._create, write)

    async def delete(self, url: str, *, if_unchanged: str) -> None:
        """Delete a page; `Conflict` when its hash is not `if_unchanged`."""
        await asyncio.to_thread(self._delete, url, if_unchanged)

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """The file's content before and after the update, the latter as its sha256."""
        return await asyncio.to_thread(self._before, write)

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Write the earlier content; `Conflict` when the file is not what the update made of it."""
        await asyncio.to_thread(self._restore, url, str(before["content"]), str(before["written"]))

    def _read(self, url: str) -> CmsPage:
        parts = self._parts(url)
        with self._open_root() as root:
            return self._page(url, parts, _find(root, parts, url)[1])

    def _update(self, write: CmsWrite) -> CmsPage:
        parts = self._parts(write.url)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            place, held = _find(root, parts, write.url)
            wanted = with_write(held, write)
            if wanted.text != held.text:
                page = self._page(write.url, parts, held)
                if write.if_unchanged is not None and not page.is_still(write.if_unchanged):
                    raise Conflict(f"{write.url} changed since it was read")
                with open_folder(root, place[:-1]) as folder:
                    replace_file(folder, place[-1], wanted.text)
            return self._page(write.url, parts, _find(root, parts, write.url)[1])

    def _create(self, write: CmsWrite) -> CmsPage:
        parts = self._parts(write.url)
        wanted = new_document(write)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            try:
                held = _find(root, parts, write.url)[1]
            except NotFound:
                place = _places(parts)[0]
                with open_folder(root, place[:-1], make=True) as folder:
                    create_file(folder, place[-1], wanted.text)
                held = _find(root, parts, write.url)[1]
            if held.text != wanted.text:
                raise Conflict(f"a different page exists at {write.url}")
            return self._page(write.url, parts, held)

    def _delete(self, url: str, if_unchanged: str) -> None:
        parts = self._parts(url)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            try:
                place, held = _find(root, parts, url)
            except NotFound:
                return
            if not self._page(url, parts, held).is_still(if_unchanged):
                raise Conflict(f"{url} changed since it was read")
            with open_folder(root, place[:-1]) as folder:
                remove_file(folder, place[-1])

    def _before(self, write: CmsWrite) -> JsonObject | None:
        parts = self._parts(write.url)
        with self._open_root() as root:
            held = _find(root, parts, write.url)[1]
        wanted = with_write(held, write)
        return None if wanted.text == held.text else {"content": held.text, "written": digest_text(wanted.text)}

    def _restore(self, url: str, content: str, written: str) -> None:
        parts = self._parts(url)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            place, held = _find(root, parts, url)
            if held.text == content:
                return
            if digest_text(held.text) != written:
                raise Conflict(f"{url} changed since it was written")
            with open_folder(root, place[:-1]) as folder:
                replace_file(folder, place[-1], content)

    def _page(self, url: str, parts: tuple[str, ...], document: Document) -> CmsPage:
        texts = {"title": title_of(document), "description": description_of(document), "body": document.body}
        return CmsPage(
            url=url,
            **texts,
            hash=page_hash(**texts),
            revision=digest_text(document.text)[:16],
            live_url="/".join([self._base + self._prefix.rstrip("/"), *parts]) if self._base else url,
        )

    def _parts(self, url: str) -> tuple[str, ...]:
        """The checked path segments of a URL; empty for the front page."""
        found, base = split_page_url(url), urlsplit(self._base)
        if (found.scheme or found.netloc) and (found.scheme, found.netloc.lower()) != (
            base.scheme,
            base.netloc.lower(),
        ):
            raise StepError(f"{url:.200} is not a page of {self._base}", code="not_this_site")
        path = found.path or "/"
        inside = base.path.rstrip("/") + self._prefix if found.netloc else self._prefix
        inside = inside.rstrip("/")
        if inside and path != inside and not path.startswith(inside + "/"):
            raise StepError(f"{url:.200} is not below {inside}", code="not_this_site")
        parts = tuple(unicodedata.normalize("NFC", unquote(part)) for part in path[len(inside) :].split("/") if part)
        for part in parts:
            if not _IN_NAME.fullmatch(part) or len(part.encode()) > 200:
                raise StepError(f"{part!r:.60} in {url:.200} is not a valid page name", code="bad_url")
        if len(parts) > 20:
            raise StepError(f"{url:.200} has too many path segments", code="bad_url")
        return parts

    @contextmanager
    def _open_root(self) -> Iterator[int]:
        try:
            descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as problem:
            reason = problem.strerror
            raise ConfigurationError(f"cannot open the folder of the site's pages: {self._root}: {reason}") from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _places(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    if not parts:
        return [("index.md",)]
    stem = parts[-1].removesuffix(".md").removesuffix(".html")
    return [(*parts[:-1], f"{stem}.md"), (*parts, "index.md")]


def _find(root: int, parts: tuple[str, ...], url: str) -> tuple[tuple[str, ...], Document]:
    for place in _places(parts):
        try:
            with open_folder(root, place[:-1]) as folder:
                return place, parse_document(read_text(folder, place[-1], url), _suffix(place))
        except FileNotFoundError:
            continue
    raise NotFound(f"there is no page {url:.200}")


def _suffix(place: tuple[str, ...]) -> str:
    return os.path.splitext(place[-1])[1].removeprefix(".").lower()
