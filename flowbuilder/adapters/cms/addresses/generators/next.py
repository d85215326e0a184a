"""Next.js: the `pages` and `app` routers, and content folders whose paths are the addresses, as Nextra has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.adapters.cms.addresses.folder import Folder
from flowbuilder.adapters.cms.addresses.index import Address, Rank, declared

_CODE = (".js", ".jsx", ".ts", ".tsx")
_TEXT = (".md", ".mdx", ".markdown", ".mdoc")
_FIELDS = ("permalink", "slug", "path", "url")


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of a Next.js site, or of its content folder."""
    given = str(options.get("content") or "").strip("/")
    routers = [one for one in ("pages", "src/pages", "app", "src/app") if folder.has_folder(one)] if not given else []
    content = given or next((one for one in ("src/content", "content") if folder.has_folder(one)), "")
    for router in routers:
        for path in folder.names(router):
            address = _routed(path[len(router) + 1 :], is_app=router.endswith("app"))
            if address is not None:
                yield Address(address, path, Rank.FALLBACK if path.endswith(_CODE) else Rank.PAGE)
    if content or not routers:
        is_overridden = str(options.get("front_matter", "")).lower() == "true"
        yield from _content(folder, content, is_overridden=is_overridden)


def _content(folder: Folder, content: str, *, is_overridden: bool) -> Iterator[Address]:
    for source in folder.sources(content, _TEXT):
        inner = source.path[len(content) :].lstrip("/")
        if any(part[0] in "._" for part in inner.split("/")):
            continue
        where, _, name = inner.rpartition("/")
        stem = name.rpartition(".")[0]
        path = where if stem == "index" else f"{where}/{stem}".lstrip("/")
        own = source.text(*_FIELDS) if is_overridden else ""
        if own:
            path = declared(own) if own.startswith("/") else "/".join(one for one in (where, declared(own)) if one)
        rank = Rank.UNPUBLISHED if source.says("draft") or source.denies("published") else Rank.PAGE
        yield Address("/" + path.strip("/"), source.path, rank)


def _routed(path: str, *, is_app: bool) -> str | None:
    """The address of a file of a router; None for one that is no page, or stands for many."""
    where, _, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    parts = [part for part in where.split("/") if part]
    if dot + suffix not in (*_CODE, *_TEXT) or any("[" in part for part in (*parts, stem)):
        return None
    if is_app:
        if stem != "page" or any(part[0] in "_@." for part in parts):
            return None
        return "/" + "/".join(part for part in parts if not re.fullmatch(r"\(.*\)", part))
    if parts[:1] == ["api"] or any(part[0] == "." for part in parts) or stem[0] == "_" or stem in ("404", "500"):
        return None
    return "/" + "/".join(parts if stem == "index" else [*parts, stem])
