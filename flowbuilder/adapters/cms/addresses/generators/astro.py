"""Astro: `src/pages`, Starlight's documents with languages, and content collections that a page of the site shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.index import Address, Rank, declared
from flowbuilder.adapters.cms.addresses.slugs import github_slug

_CONFIGS: Final = tuple(f"astro.config.{form}" for form in ("mjs", "ts", "js", "mts", "cjs"))
_PAGES: Final = (".md", ".mdx", ".markdown", ".mdoc", ".html", ".astro")
_TEXT: Final = (".md", ".mdx", ".markdown", ".mdown", ".mkdn", ".mkd", ".mdwn", ".mdoc")
_SHOWN: Final = re.compile(r"""getCollection\(\s*['"]([\w-]+)['"]""")
_ROUTE: Final = re.compile(r"^(.*?)\[(?:\.\.\.)?[\w-]+\](/index)?\.(?:astro|ts|js)$")


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of an Astro site, or of the folder of its documents.

    `collections: {blog: /blog/{slug}/}` says where a collection is; without it, a page such as
    `src/pages/blog/[...slug].astro` that reads one collection does.
    """
    path = folder.project(_CONFIGS, str(options.get("project") or ""))
    start = path.rpartition("/")[0] + "/" if "/" in path else ""
    config = {**(folder.config(path) if path else {}), **options}
    source = start + str(config.get("srcDir") or "src").strip("./")
    given = str(options.get("content") or "").strip("/")
    if not path and not given and not folder.has_folder(source):
        yield from _documents(folder, "", config)
        return
    yield from _pages(folder, f"{source}/pages")
    docs = given or f"{source}/content/docs"
    is_starlight = folder.has_folder(docs) and (bool(given) or "starlight" in folder.text(path) or not path)
    if is_starlight:
        yield from _documents(folder, docs, _starlight(config) | dict(options))
    for name, pattern in _collections(folder, source, config).items():
        base = f"{source}/content/{name}"
        if name != "docs" or not is_starlight:
            for one in folder.sources(base, _TEXT):
                inner = one.path[len(base) :].strip("/")
                if not _is_hidden(inner):
                    slug = one.text("slug") or _id(inner)
                    yield Address(declared(pattern.replace("{slug}", slug)), one.path, _rank(one))


def _pages(folder: Folder, base: str) -> Iterator[Address]:
    for source in folder.sources(base, _PAGES):
        inner = source.path[len(base) :].strip("/")
        stem = inner.rpartition(".")[0]
        if _is_hidden(inner) or "[" in inner or stem in ("404", "500"):
            continue
        path = re.sub(r"(?:^|/)index$", "", stem)
        yield Address(f"/{path}/" if path else "/", source.path, _rank(source))


def _documents(folder: Folder, base: str, config: Mapping[str, Any]) -> Iterator[Address]:
    """Starlight's documents: each language has its folder, with that of `root` at the top."""
    found = config.get("locales")
    locales = [str(one) for one in found if one != "root"] if isinstance(found, dict) else []
    default = str(config.get("defaultLocale") or "")
    has_root = not isinstance(found, dict) or "root" in found
    entries: dict[str, Address] = {}
    for source in folder.sources(base, _TEXT):
        inner = source.path[len(base) :].strip("/")
        if not _is_hidden(inner):
            slug = source.text("slug") or _id(inner)
            path = "" if slug == "index" else slug.strip("/")
            entries[path] = Address(declared(f"/{path}/" if path else "/"), source.path, _rank(source))
    yield from entries.values()
    for locale in locales if isinstance(found, dict) else []:
        for path, one in entries.items():
            first, _, rest = path.partition("/")
            if has_root and first not in locales:
                other = f"{locale}/{path}".rstrip("/")
            elif not has_root and first == default and locale != default:
                other = f"{locale}/{rest}".rstrip("/")
            else:
                continue
            if other not in entries:
                yield Address(declared(f"/{other}/"), one.file, max(one.rank, Rank.FALLBACK))


def _starlight(config: Mapping[str, Any]) -> dict[str, Any]:
    integrations = config.get("integrations")
    for one in integrations if isinstance(integrations, list) else []:
        if isinstance(one, dict) and one.get("call") == "starlight":
            return next((given for given in one["arguments"] if isinstance(given, dict)), {})
    return {}


def _collections(folder: Folder, source: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Where each collection is: as the site's record says, or by the one page that shows it."""
    given = config.get("collections")
    if isinstance(given, dict):
        return {str(name): str(pattern) for name, pattern in given.items()}
    found: dict[str, set[str]] = {}
    for path in folder.names(f"{source}/pages"):
        route = _ROUTE.match(path[len(source) + len("/pages/") :])
        if route and "[" not in route[1]:
            shown = set(_SHOWN.findall(folder.text(path)))
            if len(shown) == 1:
                found.setdefault(shown.pop(), set()).add(f"/{route[1]}{{slug}}/")
    return {name: patterns.pop() for name, patterns in found.items() if len(patterns) == 1}


def _id(inner: str) -> str:
    """A document's name: each part of its path as a slug, without a last `index`."""
    slug = "/".join(github_slug(part) for part in inner.rpartition(".")[0].split("/"))
    return re.sub(r"/index$", "", slug)


def _is_hidden(inner: str) -> bool:
    return any(part[:1] in ("_", ".") for part in inner.split("/"))


def _rank(source: Source) -> Rank:
    return Rank.UNPUBLISHED if source.says("draft") else Rank.PAGE
