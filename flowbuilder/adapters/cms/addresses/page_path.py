"""The place of a page within its site: what a URL says, without host and prefix."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, quote, unquote, urlsplit

from flowbuilder.adapters.cms.page_url import split_page_url
from flowbuilder.errors import StepError

_IN_NAME = re.compile(r"[\w~-][\w.~ +@-]*")
_NOT_IN_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")
_UNSAFE = re.compile(r"""[\s%?#"<>\\^`{|}\[\]]""")
_MOST_SEGMENTS = 20
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class PagePath:
    """The decoded segments of a URL's path, in NFC; no segments are the front page."""

    parts: tuple[str, ...]
    ends_with_slash: bool = False
    query: str = ""

    @property
    def text(self) -> str:
        """The path, decoded: `/guides/tea/`."""
        return "/" + "/".join(self.parts) + ("/" if self.parts and self.ends_with_slash else "")


class Addresses(Protocol):
    """Which file of a site's folder is at which address."""

    is_lenient: bool
    """Whether any characters may stand in an address, and the site answers with and without `www` and TLS."""

    def places(self, root: int, path: PagePath, url: str) -> Sequence[tuple[str, ...]]:
        """The files that may be the page, in the order in which they are tried. `NotFound`, `StepError`."""

    def new_place(self, root: int, path: PagePath, url: str, *, title: str = "") -> tuple[str, ...]:
        """The file that a new page at an address goes to. `StepError` where there is none."""

    def ensure_stays(self, root: int, place: tuple[str, ...], path: PagePath, url: str, text: str) -> None:
        """`StepError` (`moves_page`) when a file with this text would be at another address."""


class SameNames:
    """Implements `Addresses` without a generator: `guides/tea` is `guides/tea.md`, or `guides/tea/index.md`."""

    is_lenient = False

    def places(self, root: int, path: PagePath, url: str) -> Sequence[tuple[str, ...]]:
        """Both names, and then both as a Mac writes them: letters and their accents apart."""
        if not path.parts:
            return [("index.md",)]
        apart = tuple(unicodedata.normalize("NFD", part) for part in path.parts)
        found = []
        for parts in dict.fromkeys((path.parts, apart)):
            stem = parts[-1].removesuffix(".md").removesuffix(".html")
            found += [(*parts[:-1], f"{stem}.md"), (*parts, "index.md")]
        return found

    def new_place(self, root: int, path: PagePath, url: str, *, title: str = "") -> tuple[str, ...]:
        """The first name."""
        return self.places(root, path, url)[0]

    def ensure_stays(self, root: int, place: tuple[str, ...], path: PagePath, url: str, text: str) -> None:
        """The name of a file does not depend on what is in it."""


class SiteUrls:
    """The URLs of a site: a base URL and a prefix that is no part of the folder."""

    def __init__(self, base_url: str, url_prefix: str) -> None:
        self._base = base_url.rstrip("/")
        self._prefix = "/" + url_prefix.strip("/")

    def path_of(self, url: str, *, is_lenient: bool) -> PagePath:
        """The place of a URL; `StepError` (`not_this_site`, `bad_url`) where it has none in this site."""
        found, base = split_page_url(url), urlsplit(self._base)
        host = _lenient_host if is_lenient else _strict_host
        if (found.scheme or found.netloc) and host(found) != host(base):
            raise StepError(f"{url:.200} is not a page of {self._base}", code="not_this_site")
        path = found.path or "/"
        inside = base.path.rstrip("/") + self._prefix if found.netloc else self._prefix
        inside = inside.rstrip("/")
        if inside and path != inside and not path.startswith(inside + "/"):
            raise StepError(f"{url:.200} is not below {inside}", code="not_this_site")
        parts = tuple(unicodedata.normalize("NFC", unquote(part)) for part in path[len(inside) :].split("/") if part)
        for part in parts:
            is_name = _is_segment(part) if is_lenient else _IN_NAME.fullmatch(part)
            if not is_name or len(part.encode(errors="replace")) > (900 if is_lenient else 200):
                raise StepError(f"{part!r:.60} in {url:.200} is not a valid page name", code="bad_url")
        if len(parts) > _MOST_SEGMENTS:
            raise StepError(f"{url:.200} has too many path segments", code="bad_url")
        return PagePath(parts, path.endswith("/"), found.query)

    def live_url(self, path: PagePath, *, is_lenient: bool) -> str:
        """The URL of a page; empty for a site without a base URL."""
        if not self._base:
            return ""
        if not is_lenient:
            return "/".join([self._base + self._prefix.rstrip("/"), *path.parts])
        return self._base + self._prefix.rstrip("/") + _UNSAFE.sub(lambda found: quote(found[0], safe=""), path.text)


def _is_segment(part: str) -> bool:
    return part not in (".", "..") and not _NOT_IN_NAME.search(part)


def _strict_host(url: SplitResult) -> tuple[str, str]:
    return url.scheme, url.netloc.lower()


def _lenient_host(url: SplitResult) -> tuple[bool, str, int]:
    """The host without `www.`, as DNS spells it, and its port where that is not its scheme's own."""
    is_web, host = url.scheme in ("", *_PORTS), (url.hostname or "").removeprefix("www.")
    with suppress(UnicodeError):
        host = host.encode("idna").decode()
    try:
        port = url.port
    except ValueError:
        port = -1
    if url.username is not None:
        port = -1
    return is_web, host, 0 if port in (None, _PORTS.get(url.scheme)) else port or -1
