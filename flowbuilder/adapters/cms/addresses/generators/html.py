"""HTML files that are served as they are, with the names that mirrors give pages with a query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.adapters.cms.addresses.folder import Folder
from flowbuilder.adapters.cms.addresses.index import QUERY, Address

_SUFFIXES = (".html", ".htm", ".xhtml", ".shtml")
_QUERY = re.compile(r"^(.+?\.\w+|)[?@](\w+=.*?)(?:\.x?html?)?$")


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """`about.html` is at `/about.html` and `/about`, `guides/index.html` at `/guides/`.

    A mirror's `index.html?page_id=7` or `index.html@page_id=7.html` is at `/?page_id=7`.
    """
    content = str(options.get("content") or "").strip("/")
    for path in folder.names(content):
        inner = path[len(content) :].lstrip("/")
        where, _, name = inner.rpartition("/")
        start = f"/{where}/" if where else "/"
        asked = _QUERY.match(name)
        if asked:
            page = "" if asked[1] in ("index.html", "index.htm", "index.php") else asked[1]
            yield Address(f"{start}{page}{QUERY}{asked[2]}", path)
        elif name.lower() in ("index.html", "index.htm"):
            yield Address(start, path)
        elif name.lower().endswith(_SUFFIXES):
            yield Address(start + name, path)
