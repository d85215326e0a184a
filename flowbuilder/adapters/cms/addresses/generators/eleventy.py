"""Eleventy: `permalink` in front matter, data files and layouts, as far as it is a text or a simple template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.dates import parse_date
from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.globs import ignored
from flowbuilder.adapters.cms.addresses.index import Address, Rank
from flowbuilder.adapters.cms.addresses.slugs import eleventy_slug

_SUFFIXES: Final = (
    ".md",
    ".njk",
    ".html",
    ".liquid",
    ".11ty.js",
    ".hbs",
    ".mustache",
    ".ejs",
    ".haml",
    ".pug",
    ".webc",
    ".mdx",
)
_CONFIGS: Final = (*(f"eleventy.config.{form}" for form in ("js", "mjs", "cjs", "ts")), ".eleventy.js")
_DATED: Final = re.compile(r"\d{4}-\d{2}-\d{2}-(.*)")
_OUTPUT: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_UNKNOWN: Final = object()


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of an Eleventy site. A page whose permalink has to be computed has none here."""
    config = {**_configuration(folder), **options}
    given = config.get("dir")
    folders: dict[str, Any] = given if isinstance(given, dict) else {}
    content = str(config.get("content") or folders.get("input") or "").strip("./")
    includes = [
        str(folders.get(name) or default).strip("./")
        for name, default in (("includes", "_includes"), ("layouts", "_includes"), ("data", "_data"))
    ]
    output = str(folders.get("output") or "_site").strip("./")
    formats = config.get("templateFormats")
    site = _Site(folder, content, includes[:2])
    left_out = [*folder.text(".eleventyignore").splitlines(), "node_modules/", f"/{output}/"]
    for path in folder.names(content):
        inner = path[len(content) :].lstrip("/")
        suffix = next((one for one in _SUFFIXES if inner.endswith(one)), "")
        if not suffix or (isinstance(formats, list) and suffix.lstrip(".") not in formats):
            continue
        if any(inner.startswith(one + "/") for one in includes) or ignored(path, left_out):
            continue
        found = site.address(folder.source(path), inner, suffix)
        if found is not None:
            yield Address(found, path, Rank.PAGE)


def _configuration(folder: Folder) -> dict[str, Any]:
    """What the configuration returns, and the calls of it that set a folder."""
    config = folder.config(*_CONFIGS)
    path = next((one for one in _CONFIGS if one in folder), "")
    text = folder.text(path) if path else ""
    called = dict(re.findall(r"""\.set(Input|Output|Includes|Layouts|Data)Directory\(\s*['"]([^'"]*)['"]""", text))
    exported = re.search(r"export\s+const\s+config\s*=", text)
    if exported and "dir" not in config:
        from flowbuilder.adapters.cms.addresses.javascript import read_object

        config = {**config, **read_object("export default " + text[exported.end() :])}
    given = config.get("dir")
    folders: dict[str, Any] = given if isinstance(given, dict) else {}
    return {**config, "dir": {**folders, **{name.lower(): value for name, value in called.items()}}}


class _Site:
    def __init__(self, folder: Folder, content: str, includes: list[str]) -> None:
        self._folder = folder
        self._content = content
        self._includes = ["/".join(one for one in (content, name) if one) for name in includes]

    def address(self, source: Source, inner: str, suffix: str) -> str | None:
        """The address of a template; None where it has none, or one that has to be computed."""
        where, _, name = inner.rpartition("/")
        stem = name[: -len(suffix)]
        data = self._data(source, where, stem)
        permalink = data.get("permalink", _UNKNOWN)
        if isinstance(permalink, dict):
            permalink = permalink.get("build")
        if permalink is None or str(permalink).lower() == "false":
            return None
        if permalink is _UNKNOWN or permalink == "":
            if data.get("pagination") or (suffix != ".11ty.js" and stem.endswith((".xml", ".json", ".txt", ".css"))):
                return None
            is_folder = stem == "index" or where.rpartition("/")[2] == stem
            return "/" + "".join(f"{one}/" for one in (where, "" if is_folder else stem) if one)
        rendered = _rendered(str(permalink), _page(inner, stem, data))
        if rendered is None:
            return None
        return "/" + re.sub(r"(?:^|(?<=/))index\.html$", "", re.sub("/+", "/", rendered).lstrip("/"))

    def _data(self, source: Source, where: str, stem: str) -> dict[str, Any]:
        """The data of a template: its own, that beside it, that of its folders, that of its layout."""
        merged: dict[str, Any] = {}
        folders = where.split("/") if where else []
        names = [(folders[: depth + 1], folders[depth]) for depth in range(len(folders))]
        for parts, name in [([], self._content.rpartition("/")[2]), *names, (folders, stem)]:
            start = "/".join(one for one in (self._content, *parts) if one)
            for form in (".json", ".11tydata.json", ".11tydata.js", ".11tydata.cjs", ".11tydata.mjs"):
                path = f"{start}/{name}{form}".lstrip("/")
                if name and path in self._folder:
                    merged |= self._folder.config(path)
        merged |= source.fields
        return {**self._of_layout(merged.get("layout"), 0), **merged}

    def _of_layout(self, layout: Any, depth: int) -> dict[str, Any]:
        if not isinstance(layout, str) or depth > 5:
            return {}
        for start in self._includes:
            for form in ("", *_SUFFIXES):
                path = f"{start}/{layout}{form}"
                if path in self._folder:
                    fields = dict(self._folder.source(path).fields)
                    return {**self._of_layout(fields.get("layout"), depth + 1), **fields}
        return {}


def _page(inner: str, stem: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The names that templates of permalinks use."""
    where = inner.rpartition("/")[0]
    dated = _DATED.search(stem)
    slug = dated[1] if dated else stem
    above = _DATED.search(where.rpartition("/")[2])
    own = (above[1] if above else where.rpartition("/")[2]) if slug == "index" else slug
    name_date = re.search(r"\d{4}-\d{2}-\d{2}", stem)
    date = parse_date(str(data.get("date") or "")) or (parse_date(name_date[0]) if name_date else None)
    page = {
        "fileSlug": own,
        "filePathStem": "/" + "/".join(one for one in (where, slug) if one),
        "date": date,
        "inputPath": inner,
        "outputFileExtension": "html",
    }
    return {**data, **{f"page.{name}": value for name, value in page.items()}}


def _rendered(text: str, values: Mapping[str, Any]) -> str | None:
    """A template of names and a few filters; None for any other."""
    parts, at = [], 0
    for found in _OUTPUT.finditer(text):
        value = _value(found[1], values)
        if value is None:
            return None
        parts += [text[at : found.start()], value]
        at = found.end()
    parts.append(text[at:])
    return None if "{%" in text or "{{" in "".join(parts) else "".join(parts)


def _value(expression: str, values: Mapping[str, Any]) -> str | None:
    name, *filters = [part.strip() for part in re.split(r"\|", expression)]
    literal = re.fullmatch(r"""(['"])(.*)\1""", name)
    value: Any = literal[2] if literal else values.get(name)
    for one in filters:
        kind, _, argument = re.sub(r"[()]", ":", one).partition(":")
        argument = argument.strip(": '\"")
        match kind.strip():
            case "slug" | "slugify" if isinstance(value, str):
                value = eleventy_slug(value, is_old=kind.strip() == "slug")
            case "lower" | "downcase" if isinstance(value, str):
                value = value.lower()
            case "url" | "safe" | "string" | "trim" | "strip":
                pass
            case "date" if isinstance(value, datetime) and re.fullmatch(r"(?:%[YmdBbjHMS]|[-/._])+", argument):
                value = value.strftime(argument)
            case _:
                return None
    return value if isinstance(value, str) and value else None
