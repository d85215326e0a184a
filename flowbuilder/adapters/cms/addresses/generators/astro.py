"""Astro: `src/pages`, Starlight's documents with languages, and content collections that a page of the site shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.index import Address, Rank, declared
from flowbuilder.adapters.cms.addresses.slugs import github_slug

_MAX_CHARACTERS: Final = 64 * 1024
_FORMS: Final = ("mjs", "ts", "js", "mts", "cjs")
_CONFIGS: Final = tuple(f"astro.config.{form}" for form in _FORMS)
_PAGES: Final = (".md", ".mdx", ".markdown", ".mdoc", ".html", ".astro")
_TEXT: Final = (".md", ".mdx", ".markdown", ".mdown", ".mkdn", ".mkd", ".mdwn", ".mdoc")
_SHOWN: Final = re.compile(r"""getCollection\(\s*['"]([\w-]+)['"]""")
_DEFINED: Final = re.compile(
    r"""(?:\b(?:const|let|var)\s+(\w+)\s*=|(?<![\w-])([\w-]+)['"]?\s*:)\s*defineCollection\("""
)
_BASE: Final = re.compile(r"""\bbase:\s*(["'`])([^"'`\n]+)\1""")
_TEXTS: Final = re.compile(r"""\bconst\s+(\w+)\s*=\s*(["'`])([^"'`\n]*)\2""")
_EXPORTED: Final = re.compile(r"""\bcollections\s*=\s*\{([^}]{0,4000})\}""")
_RENAMED: Final = re.compile(r"""(?<![\w-])([\w-]+)['"]?\s*:\s*(\w+)\s*(?:,|$)""")
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
    bases = _bases(folder, source, start)
    for name, pattern in _collections(folder, source, config).items():
        base = bases.get(name, f"{source}/content/{name}")
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


def _bases(folder: Folder, source: str, start: str) -> dict[str, str]:
    """The folders of collections that a `glob` loader reads, by `content.config.ts`."""
    names = [f"{source}/{name}.{form}" for name in ("content.config", "content/config") for form in _FORMS]
    text = next((folder.text(name)[:_MAX_CHARACTERS] for name in names if name in folder), "")
    values = {found[1]: found[3] for found in _TEXTS.finditer(text)}
    found: dict[str, str] = {}
    definitions = list(_DEFINED.finditer(text))
    for one, following in zip(definitions, [*definitions[1:], None], strict=False):
        base = _BASE.search(text, one.end(), following.start() if following else len(text))
        if base:
            path = re.sub(r"\$\{(\w+)\}", lambda name: values.get(name[1], name[0]), base[2])
            found[one[1] or one[2]] = (start + path.removeprefix("./")).strip("/")
    exported = _EXPORTED.search(text)
    for name, value in _RENAMED.findall(exported[1]) if exported else ():
        if value in found:
            found[name] = found[value]
    return found


def _id(inner: str) -> str:
    """A document's name: each part of its path as a slug, without a last `index`."""
    slug = "/".join(github_slug(part) for part in inner.rpartition(".")[0].split("/"))
    return re.sub(r"/index$", "", slug)


def _is_hidden(inner: str) -> bool:
    return any(part[:1] in ("_", ".") for part in inner.split("/"))


def _rank(source: Source) -> Rank:
    return Rank.UNPUBLISHED if source.says("draft") else Rank.PAGE
