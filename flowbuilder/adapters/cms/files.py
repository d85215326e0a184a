"""CMS of Markdown files in a folder."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from flowbuilder.adapters.cms.addresses.page_path import Addresses, PagePath, SameNames, SiteUrls
from flowbuilder.adapters.cms.file_writes import (
    create_file,
    open_folder,
    read_text,
    refusal_of,
    remove_file,
    replace_file,
)
from flowbuilder.adapters.cms.front_matter import Document, parse_document
from flowbuilder.adapters.cms.git.history import History
from flowbuilder.adapters.cms.page_texts import description_of, new_document, suffix_of, title_of, with_write
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError, TransientError
from flowbuilder.model.effect import TargetClass
from flowbuilder.ports import CmsField, CmsPage, CmsWrite, Publishable
from flowbuilder.ports.cms import ensure_no_seo, page_hash
from flowbuilder.values import JsonObject, digest_text

T = TypeVar("T")


class FilesCms:
    """Implements `ports.Cms`. `https://example.com/guides/tea` is `guides/tea.md`, or `guides/tea/index.md`.

    Folders are opened without following symbolic links, so nothing outside of `root` can be reached. A write replaces
    the file atomically, under a lock on the root, and is recorded in the history. Writing identical content changes
    nothing, so an interrupted write can be repeated: the target class is `lookup`.
    """

    target_class: TargetClass = "lookup"
    form = ""

    def __init__(
        self,
        root: Path,
        *,
        base_url: str,
        url_prefix: str = "/",
        addresses: Addresses | None = None,
        history: History | None = None,
    ) -> None:
        self._root = root
        self._history = history or History()
        # not asyncio's own threads, which the store uses: this one waits for the lock of a folder, and for a remote
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="content-files")
        self._site = SiteUrls(base_url, url_prefix)
        self._addresses = addresses or SameNames()

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        """The text itself: a file holds what is written to it."""
        return Publishable(text=proposal)

    async def read(self, url: str) -> CmsPage:
        """The page; `NotFound` when there is no file for the URL."""
        return await self._in_thread(self._read, url)

    async def update(self, write: CmsWrite) -> CmsPage:
        """Change a page; `NotFound`, or `Conflict` when its hash is not `if_unchanged`."""
        ensure_no_seo(write, "its file")
        return await self._in_thread(self._update, write)

    async def create(self, write: CmsWrite) -> CmsPage:
        """Create a page; `Conflict` when a different one exists at its URL."""
        ensure_no_seo(write, "its file")
        return await self._in_thread(self._create, write)

    async def delete(self, url: str, *, if_unchanged: str, revision: str = "") -> None:
        """Delete a page; `Conflict` when its hash is not `if_unchanged`, or any byte is not as in `revision`."""
        await self._in_thread(self._delete, url, if_unchanged, revision)

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """The file's content before and after the update, the latter as its sha256."""
        ensure_no_seo(write, "its file")
        return await self._in_thread(self._before, write)

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Write the earlier content; `Conflict` when the file is not what the update made of it."""
        await self._in_thread(self._restore, url, before)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *arguments))

    def _read(self, url: str) -> CmsPage:
        parts = self._parts(url)
        with self._open_root() as root:
            place, held = self._find(root, parts, url)
            with open_folder(root, place[:-1]) as folder:
                refusal = refusal_of(folder, place[-1])
            return replace(self._page(url, parts, held), conflict=self._history.conflict(place), refusal=refusal)

    def _update(self, write: CmsWrite) -> CmsPage:
        parts, history = self._parts(write.url), self._history
        with self._locked_root() as root:
            if history.has(write.idempotency_key):
                history.publish()
                return self._page(write.url, parts, self._find(root, parts, write.url)[1])
            place, held = self._find(root, parts, write.url)
            wanted = with_write(held, write)
            history.ensure_clean(place, lambda old: old is not None and _made_of(old, place, write) == held.text)
            if wanted.text != held.text:
                page = self._page(write.url, parts, held)
                if write.if_unchanged is not None and not page.is_still(write.if_unchanged):
                    raise Conflict(f"{write.url} changed since it was read")
                self._addresses.ensure_stays(root, place, parts, write.url, wanted.text)
                with open_folder(root, place[:-1]) as folder:
                    replace_file(folder, place[-1], wanted.text)
            old = held.text if wanted.text != held.text else history.committed(place) or held.text
            self._record(root, place, "Update", write, text=wanted.text, old=old)
            return self._page(write.url, parts, self._find(root, parts, write.url)[1])

    def _create(self, write: CmsWrite) -> CmsPage:
        parts = self._parts(write.url)
        with self._locked_root() as root:
            if self._history.has(write.idempotency_key):
                self._history.publish()
                return self._page(write.url, parts, self._find(root, parts, write.url)[1])
            try:
                place, held = self._find(root, parts, write.url)
                wanted, old = new_document(write, suffix_of(place[-1])), held.text
            except NotFound:
                place = self._addresses.new_place(root, parts, write.url, title=write.title or "")
                wanted, old = new_document(write, suffix_of(place[-1])), None
                self._history.ensure_clean(place, lambda old: old is None)
                if self._history.committed(place) is not None:
                    raise Conflict(
                        f"{'/'.join(place)} is committed and not checked out (git sparse-checkout)"
                    ) from None
                with open_folder(root, place[:-1], make=True) as folder:
                    create_file(folder, place[-1], wanted.text)
                held = self._find(root, parts, write.url)[1]
            if held.text != wanted.text:
                raise Conflict(f"a different page exists at {write.url}")
            self._record(root, place, "Create", write, text=wanted.text, old=old)
            return self._page(write.url, parts, held)

    def _delete(self, url: str, if_unchanged: str, revision: str) -> None:
        parts, history = self._parts(url), self._history
        with self._locked_root() as root:
            try:
                place, held = self._find(root, parts, url)
            except NotFound:
                removed = ((place, history.committed(place)) for place in history.removed())  # by one that was stopped
                pages = ((place, self._page(url, parts, _parsed(text, place))) for place, text in removed if text)
                known = next((place for place, page in pages if _is_that(page, if_unchanged, revision)), None)
                if known is None:
                    history.publish()
                    return
                place = known
            else:
                if not _is_that(self._page(url, parts, held), if_unchanged, revision):
                    raise Conflict(f"{url} changed since it was read")
                history.ensure_clean(place, lambda old: False)
                with open_folder(root, place[:-1]) as folder:
                    remove_file(folder, place[-1])
            history.commit(place, None, history.message_of_revert(place), lock=root)
            history.publish()

    def _before(self, write: CmsWrite) -> JsonObject | None:
        parts = self._parts(write.url)
        with self._locked_root() as root:
            held = self._find(root, parts, write.url)[1]
        wanted = with_write(held, write)
        if wanted.text == held.text:
            return None
        return {"content": held.text, "written": digest_text(wanted.text), "effect": write.idempotency_key}

    def _restore(self, url: str, before: JsonObject) -> None:
        content, written, parts = str(before["content"]), str(before["written"]), self._parts(url)
        key = str(before.get("effect", ""))
        with self._locked_root() as root:
            place, held = self._find(root, parts, url)
            if held.text != content and digest_text(held.text) != written:
                raise Conflict(f"{url} changed since it was written")
            # the write, or the restoring of it, may have been stopped before its commit
            self._history.ensure_clean(place, lambda old: old == content or digest_text(old or "") == written)
            if held.text != content:
                with open_folder(root, place[:-1]) as folder:
                    replace_file(folder, place[-1], content)
            self._history.commit(place, content, self._history.message_of_revert(place, key), lock=root)
            self._history.publish()

    def _record(
        self, root: int, place: tuple[str, ...], work: str, write: CmsWrite, *, text: str, old: str | None
    ) -> None:
        """Commit and push what was written. Where it cannot be committed, the file gets its `old` text (None: no file)
        again."""
        history = self._history
        message = history.message(f"{work} {'/'.join(place)}", write.idempotency_key, write.origin)
        try:
            history.commit(place, text, message, write.origin, lock=root)
        except StepError as problem:
            if not history.has(write.idempotency_key):
                with open_folder(root, place[:-1]) as folder:
                    if old is None:
                        remove_file(folder, place[-1])
                    elif old != text:
                        replace_file(folder, place[-1], old)
            if isinstance(problem, TransientError):
                raise
            raise StepError(f"{problem}; the file is as it was", code=problem.code, definitive=True) from None
        try:
            history.publish()
        except TransientError:
            raise
        except StepError as problem:
            raise StepError(f"{write.url} was committed and is not published: {problem}", code="not_verified") from None

    def _page(self, url: str, parts: PagePath, document: Document) -> CmsPage:
        texts: dict[str, Any] = {
            "title": title_of(document),
            "description": description_of(document),
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
                with open_folder(root, place[:-1]) as folder:
                    return place, _parsed(read_text(folder, place[-1], url), place)
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

    @contextmanager
    def _locked_root(self) -> Iterator[int]:
        """The root, for the one process that writes to it now, brought to what a remote has."""
        with self._open_root() as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            self._history.synchronize()
            yield root


def _parsed(text: str, place: tuple[str, ...]) -> Document:
    return parse_document(text, suffix_of(place[-1]))


def _is_that(page: CmsPage, known: str, revision: str) -> bool:
    return page.is_still(known) and revision in ("", page.revision)


def _made_of(old: str, place: tuple[str, ...], write: CmsWrite) -> str:
    """What the write makes of the text of a file; empty where it cannot be written to it."""
    try:
        return with_write(_parsed(old, place), write).text
    except StepError:
        return ""
