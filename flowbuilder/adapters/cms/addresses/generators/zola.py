"""Zola: sections, pages with their own folder, `slug`, `path`, dates in names, languages, `slugify`, `aliases`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.adapters.cms.addresses.folder import Folder
from flowbuilder.adapters.cms.addresses.globs import any_matches
from flowbuilder.adapters.cms.addresses.index import Address, Rank
from flowbuilder.adapters.cms.addresses.slugs import ascii_slug, safe_path

_DATED = re.compile(r"^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})?)?[ _-]+(.+)$")


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of a Zola site, or of its content folder."""
    config = {**folder.config("config.toml", "zola.toml"), **options}
    given = str(config.get("content") or "content").strip("/")
    content = given if folder.has_folder(given) else ""
    listed = config.get("languages")
    languages = set(listed) - {str(config.get("default_language") or "en")} if isinstance(listed, dict) else set()
    slugify = config.get("slugify")
    mode = str((slugify.get("paths") if isinstance(slugify, dict) else config.get("slugify_paths")) or "on")
    keeps_dates = isinstance(slugify, dict) and str(slugify.get("paths_keep_dates")).lower() == "true"
    patterns = config.get("ignored_content")
    skipped = [str(one) for one in patterns] if isinstance(patterns, list) else []
    for source in folder.sources(content, (".md",)):
        inner = source.path[len(content) :].lstrip("/")
        if any_matches(inner, skipped) or any(part[0] == "." for part in inner.split("/")):
            continue
        where, _, name = inner.rpartition("/")
        stem = name[: -len(".md")]
        before, dot, code = stem.rpartition(".")
        language = code if dot and code in languages else ""
        stem = before if language else stem
        prefix = f"/{language}" if language else ""
        folders = [_slug(part, mode) for part in where.split("/") if part]
        if stem == "_index":
            path = "/".join(folders)
        elif source.text("path"):
            path = source.text("path").strip("/")
        else:
            own = where.rpartition("/")[2] if stem == "index" else stem
            dated = None if keeps_dates else _DATED.match(own)
            slug = source.text("slug") or (dated[1] if dated else own)
            path = "/".join([*(folders[:-1] if stem == "index" else folders), _slug(slug, mode)])
        address = f"{prefix}/{path}".rstrip("/") + "/"
        render = source.denies("render")
        yield Address(address, source.path, Rank.UNPUBLISHED if source.says("draft") or render else Rank.PAGE)
        for alias in source.texts("aliases"):
            yield Address("/" + alias.strip("/"), source.path, Rank.ALIAS)


def _slug(text: str, mode: str) -> str:
    if mode == "off":
        return text
    return safe_path(text) if mode == "safe" else ascii_slug(text)
