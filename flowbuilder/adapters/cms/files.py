"""CMS of Markdown files in a folder."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from flowbuilder.adapters.cms.addresses.page_path import Addresses, PagePath, SameNames, SiteUrls
from flowbuilder.adapters.cms.front_matter import Document, parse_document
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError
from flowbuilder.model.effect import TargetClass
from flowbuilder.ports import CmsField, CmsPage, CmsWrite, Publishable
from flowbuilder.ports.cms import ensure_no_seo, page_hash
from flowbuilder.values import JsonObject, digest_text

MAX_BYTES = 8 * 1024 * 1024
_HEADING = re.compile(r"^#[ \t]+([^\n]+)", re.MULTILINE)


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
            wanted = _written(held, write)
            if wanted != held:
                page = self._page(write.url, parts, held)
                if write.if_unchanged is not None and not page.is_still(write.if_unchanged):
                    raise Conflict(f"{write.url} changed since it was read")
                with _folder(root, place[:-1]) as folder:
                    _replace(folder, place[-1], wanted.text.encode())
            return self._page(write.url, parts, self._find(root, parts, write.url)[1])

    def _create(self, write: CmsWrite) -> CmsPage:
        parts = self._parts(write.url)
        wanted = _written(Document(head="", body=""), write)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            try:
                held = self._find(root, parts, write.url)[1]
            except NotFound:
                place = self._addresses.new_place(root, parts, write.url)
                with _folder(root, place[:-1], make=True) as folder:
                    _replace(folder, place[-1], wanted.text.encode(), new=True)
                held = self._find(root, parts, write.url)[1]
            if held != wanted:
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
            with _folder(root, place[:-1]) as folder:
                os.unlink(place[-1], dir_fd=folder)
                os.fsync(folder)

    def _before(self, write: CmsWrite) -> JsonObject | None:
        parts = self._parts(write.url)
        with self._open_root() as root:
            held = self._find(root, parts, write.url)[1]
        wanted = _written(held, write)
        return None if wanted == held else {"content": held.text, "written": digest_text(wanted.text)}

    def _restore(self, url: str, content: str, written: str) -> None:
        parts = self._parts(url)
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            place, held = self._find(root, parts, url)
            if held.text == content:
                return
            if digest_text(held.text) != written:
                raise Conflict(f"{url} changed since it was written")
            with _folder(root, place[:-1]) as folder:
                _replace(folder, place[-1], content.encode())

    def _page(self, url: str, parts: PagePath, document: Document) -> CmsPage:
        heading = _HEADING.search(document.body)
        texts = {
            "title": document.field("title") or (heading[1].strip(" \t#") if heading else ""),
            "description": document.field("description"),
            "body": document.body,
        }
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
                with _folder(root, place[:-1]) as folder:
                    return place, parse_document(_content(folder, place[-1], url))
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


def _written(held: Document, write: CmsWrite) -> Document:
    document = held if write.body is None else held.with_body(write.body)
    for name, value in (("title", write.title), ("description", write.description)):
        if value is not None and document.field(name) != value:
            document = document.with_field(name, value)
    return document.with_body(document.body)


def _content(folder: int, name: str, url: str) -> str:
    descriptor = _opened(folder, name, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise StepError(f"the page {url:.200} is larger than {MAX_BYTES:,} bytes", code="too_large")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise StepError(f"the page {url:.200} is not UTF-8 text", code="not_text") from None


@contextmanager
def _folder(root: int, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    current = os.dup(root)
    try:
        for part in parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=current)
            following = _opened(current, part, os.O_RDONLY | os.O_DIRECTORY)
            os.close(current)
            current = following
        yield current
    finally:
        os.close(current)


def _opened(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError as problem:
        # a symbolic link gives ELOOP, with O_DIRECTORY ENOTDIR; a file in place of a folder means there is no page
        if problem.errno == errno.ENOTDIR and not _is_link(folder, name):
            raise FileNotFoundError(name) from None
        if problem.errno in (errno.ELOOP, errno.ENOTDIR):
            raise StepError(f"{name} is a symbolic link; links are not followed", code="symlink") from None
        raise


def _is_link(folder: int, name: str) -> bool:
    from stat import S_ISLNK

    return S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _replace(folder: int, name: str, content: bytes, *, new: bool = False) -> None:
    """Write a file atomically and durably; with `new`, never replace an existing one."""
    draft = f".{name}.{uuid4().hex}"
    descriptor = os.open(
        draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(draft, dir_fd=folder)
        else:
            os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)
        raise
