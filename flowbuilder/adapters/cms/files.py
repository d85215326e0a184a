"""CMS of Markdown files in a folder."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowbuilder.adapters.cms.addresses.page_path import Addresses, PagePath, SameNames, SiteUrls
from flowbuilder.adapters.cms.file_writes import create_file, open_folder, read_text, remove_file, replace_file
from flowbuilder.adapters.cms.front_matter import Document, parse_document
from flowbuilder.adapters.cms.page_texts import description_of, new_document, suffix_of, title_of, with_write
from flowbuilder.errors import ConfigurationError, Conflict, NotFound
from flowbuilder.model.effect import TargetClass
from flowbuilder.ports import CmsField, CmsPage, CmsWrite, Publishable
from flowbuilder.ports.cms import ensure_no_seo, page_hash
from flowbuilder.values import JsonObject, digest_text


class FilesCms:
    """Implements `ports.Cms`. `https://example.com/guides/tea` is `guides/tea.md`, or `guides/tea/index.md`.

    Folders are opened without following symbolic links, so nothing outside of `root` can be reached. A write replaces
    the file atomically, under a lock on the root. Writing identical content changes nothing, so an interrupted write
    can be repeated: the target class is `lookup`.
    """

    target_class: TargetClass = "lookup"
    form = ""

    def __init__(self, root: Path, *, base_url: str, url_prefix: str = "/", addresses: Addresses | None = None) -> None:
        self._root = root
        self._site = SiteUrls(base_url, url_prefix)
        self._addresses = addresses or SameNames()

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        """The text itself: a file holds what is written to it."""
        return Publishable(text=proposal)

    async def read(self, url: str) -> CmsPage:
        """The page; `NotFound` when there is no file for the URL."""
        return await asyncio.to_thread(self._read, url)

    async def update(self, write: CmsWrite) -> CmsPage:
        """Change a page; `NotFound`, or `Conflict` when its hash is not `if_unchanged`."""
        ensure_no_seo(write, "its file")
        return await asyncio.to_thread(self._update, write)

    async def create(self, write: CmsWrite) -> CmsPage:
        """Create a page; `Conflict` when a different one exists at its URL."""
        ensure_no_seo(write, "its file")
        return await asyncio.to_thread(self._create, write)

    async def delete(self, url: str, *, if_unchanged: str) -> None:
        """Delete a page; `Conflict` when its hash is not `if_unchanged`."""
        await asyncio.to_thread(self._delete, url, if_unchanged)

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """The file's content before and after the update, the latter as its sha256."""
        ensure_no_seo(write, "its file")
        return await asyncio.to_thread(self._before, write)

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Write the earlier content; `Conflict` when the file is not what the update made of it."""
        await asyncio.to_thread(self._restore, url, str(before["content"]), str(before["written"]))

    def _read(self, url: str) -> CmsPage:
        parts = self._parts(url)
        with self._open_root() as root:
            return self._page(url, parts, self._find(root, parts, url)[1])

    def _update(self, write: CmsWrite) -> CmsPage:
        parts = self._parts(write.url)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            place, held = self._find(root, parts, write.url)
            wanted = with_write(held, write)
            if wanted.text != held.text:
                page = self._page(write.url, parts, held)
                if write.if_unchanged is not None and not page.is_still(write.if_unchanged):
                    raise Conflict(f"{write.url} changed since it was read")
                if write.title is not None:
                    self._addresses.ensure_stays(root, place, parts, write.url, wanted.text)
                with open_folder(root, place[:-1]) as folder:
                    replace_file(folder, place[-1], wanted.text)
            return self._page(write.url, parts, self._find(root, parts, write.url)[1])

    def _create(self, write: CmsWrite) -> CmsPage:
        parts = self._parts(write.url)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            try:
                place, held = self._find(root, parts, write.url)
                wanted = new_document(write, suffix_of(place[-1]))
            except NotFound:
                place = self._addresses.new_place(root, parts, write.url, title=write.title or "")
                wanted = new_document(write, suffix_of(place[-1]))
                with open_folder(root, place[:-1], make=True) as folder:
                    create_file(folder, place[-1], wanted.text)
                held = self._find(root, parts, write.url)[1]
            if held.text != wanted.text:
                raise Conflict(f"a different page exists at {write.url}")
            return self._page(write.url, parts, held)

    def _delete(self, url: str, if_unchanged: str) -> None:
        parts = self._parts(url)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            try:
                place, held = self._find(root, parts, url)
            except NotFound:
                return
            if not self._page(url, parts, held).is_still(if_unchanged):
                raise Conflict(f"{url} changed since it was read")
            with open_folder(root, place[:-1]) as folder:
                remove_file(folder, place[-1])

    def _before(self, write: CmsWrite) -> JsonObject | None:
        parts = self._parts(write.url)
        with self._open_root() as root:
            held = self._find(root, parts, write.url)[1]
        wanted = with_write(held, write)
        return None if wanted.text == held.text else {"content": held.text, "written": digest_text(wanted.text)}

    def _restore(self, url: str, content: str, written: str) -> None:
        parts = self._parts(url)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            place, held = self._find(root, parts, url)
            if held.text == content:
                return
            if digest_text(held.text) != written:
                raise Conflict(f"{url} changed since it was written")
            with open_folder(root, place[:-1]) as folder:
                replace_file(folder, place[-1], content)

    def _page(self, url: str, parts: PagePath, document: Document) -> CmsPage:
        texts = {"title": title_of(document), "description": description_of(document), "body": document.body}
        return CmsPage(
            url=url,
            **texts,
            hash=page_hash(**texts),
            revision=digest_text(document.text)[:16],
            live_url=self._site.live_url(parts, is_lenient=self._addresses.is_lenient) or url,
        )

    def _find(self, root: int, path: PagePath, url: str) -> tuple[tuple[str, ...], Document]:
        for place in self._addresses.places(root, path, url):
            try:
                with open_folder(root, place[:-1]) as folder:
                    return place, parse_document(read_text(folder, place[-1], url), suffix_of(place[-1]))
            except FileNotFoundError:
                continue
        raise NotFound(f"there is no page {url:.200}")

    def _parts(self, url: str) -> PagePath:
        """The place of a URL within the site, checked."""
        return self._site.path_of(url, is_lenient=self._addresses.is_lenient)

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
