"""Jekyll: `permalink` styles and templates, posts, drafts, collections, front matter defaults, redirects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.dates import parse_date
from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.index import Address, Rank, declared
from flowbuilder.adapters.cms.addresses.slugs import jekyll_slug

_STYLES: Final = {
    "date": "/:categories/:year/:month/:day/:title:output_ext",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "ordinal": "/:categories/:year/:y_day/:title:output_ext",
    "weekdate": "/:categories/:year/W:week/:short_day/:title:output_ext",
    "none": "/:categories/:title:output_ext",
}
_EXCLUDED = (
    ".sass-cache", ".jekyll-cache", "gemfiles", "Gemfile", "Gemfile.lock", "node_modules", "vendor/bundle/",
    "vendor/cache/", "vendor/gems/", "vendor/ruby/",
)  # fmt: skip
_DATED = re.compile(r"^(?:.+/)*?(\d{2,4}-\d{1,2}-\d{1,2})-([^/]*)(\.[^.]+)$")
_TOKEN = re.compile(r":([a-z_]+)")


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of a Jekyll site, or of its `source` folder."""
    site = _Site(folder, options)
    for path in folder.names(site.source):
        found = site.address(path)
        if found is not None:
            source, address, rank = found
            yield Address(declared(address), path, rank)
            for other in (*source.texts("redirect_from"), *source.texts("alias")):
                yield Address(declared("/" + re.sub(r"^https?://[^/]+", "", other).lstrip("/")), path, Rank.ALIAS)


class _Site:
    def __init__(self, folder: Folder, options: Mapping[str, Any]) -> None:
        self._folder = folder
        start = str(options.get("content") or "").strip("/")
        names = [f"{start}/{name}".lstrip("/") for name in ("_config.yml", "_config.yaml", "_config.toml")]
        stated = folder.config(*names)
        config = {**stated, **options}
        self.source = "/".join(part for part in (start, str(config.get("source") or "").strip("./")) if part)
        self._style = str(config.get("permalink") or "date")
        self._suffixes = tuple(
            "." + one.strip() for one in str(config.get("markdown_ext") or "markdown,mkdown,mkdn,mkd,md").split(",")
        )
        self._include = [*_list(config.get("include")), ".htaccess"]
        self._exclude = [*_list(config.get("exclude")), *_EXCLUDED]
        self._container = str(config.get("collections_dir") or "").strip("/")
        declared_ones = config.get("collections")
        if isinstance(declared_ones, list):
            declared_ones = {str(one): {} for one in declared_ones}
        self._collections: dict[str, Any] = declared_ones if isinstance(declared_ones, dict) else {}
        defaults = config.get("defaults")
        self._defaults = [one for one in defaults if isinstance(one, dict)] if isinstance(defaults, list) else []
        plugins = " ".join([*_list(config.get("plugins")), *_list(config.get("gems"))])
        gems = folder.text("Gemfile") if "Gemfile" in folder else ""
        on_github = "github-pages" in gems or ("Gemfile" not in folder and not plugins)
        self._optional = on_github or "optional-front-matter" in plugins + gems
        self._readme = on_github or "readme-index" in plugins + gems
        names = [path for path in folder.names(self.source) if path.endswith(self._suffixes)]
        self._is_posts = not stated and sum(bool(_DATED.match(name)) for name in names) * 2 > len(names)
        self._zone = str(config.get("timezone") or "UTC")
        self._future = str(config.get("future", "")).lower() == "true"

    def address(self, path: str) -> tuple[Source, str, Rank] | None:
        """A file's front matter with the defaults, its address, and whether it is published."""
        inner = path[len(self.source) :].lstrip("/")
        output = self._output_suffix(inner)
        if output is None or self._is_left_out(inner):
            return None
        relative = (
            inner[len(self._container) + 1 :] if self._container and inner.startswith(self._container + "/") else inner
        )
        relative = f"_posts/{relative}" if self._is_posts and _DATED.match(relative) else relative
        kind, place = self._kind(relative, inner)
        if kind == "":
            return None
        source = self._folder.source(path)
        is_markdown = inner.endswith(self._suffixes)
        is_copied = kind not in ("pages", "posts", "drafts") or (kind == "pages" and not self._optional)
        if not source.has_front_matter and ((is_markdown and is_copied) or output == ".txt"):
            return None
        fields = {**self._default_fields(relative, "posts" if kind == "drafts" else kind), **source.fields}
        source = Source(path=path, fields=fields, has_front_matter=source.has_front_matter)
        if not source.has_front_matter and kind in ("pages", *self._collections):
            # plain Jekyll copies it; on GitHub Pages a Markdown file is a page
            rank = Rank.FALLBACK if is_markdown else Rank.PAGE
            return source, self._page(inner, source, output) if is_markdown else "/" + inner.replace("%", "%25"), rank
        rank = Rank.UNPUBLISHED if source.denies("published") or kind == "drafts" else Rank.PAGE
        if kind == "pages":
            return source, self._page(inner, source, output), rank
        day = parse_date(source.text("date"), zone=self._zone)
        named = _DATED.match(relative)
        if kind == "posts" and named is None:
            return None
        day = day or parse_date(named[1] if named else "")
        if day is not None and day > datetime.now() and not self._future:
            rank = Rank.UNPUBLISHED
        template = source.text("permalink") or self._template(kind)
        return source, self._filled(template, source, relative, kind, place, day, output), rank

    def _output_suffix(self, path: str) -> str | None:
        lower = path.lower()
        if path.endswith(self._suffixes):
            return ".html"
        return "." + lower.rpartition(".")[2] if lower.endswith((".html", ".htm", ".xhtml", ".txt")) else None

    def _is_left_out(self, path: str) -> bool:
        parts = path.split("/")
        if _globs(self._include, path, parts):
            return False
        if _globs(self._exclude, path, parts):
            return True
        special = parts[1:] if parts[0] == self._container else parts
        for index, part in enumerate(special):
            if part[0] in ".#~" or part.endswith("~"):
                return True
            if part[0] == "_" and part not in ("_posts", "_drafts"):
                return index > 0 or part[1:] not in self._collections
        return False

    def _kind(self, path: str, inner: str) -> tuple[str, str]:
        """The collection that a file belongs to, and the folder that is its own there; empty for none."""
        parts = path.split("/")[:-1]
        for name in ("posts", "drafts"):
            if f"_{name}" in parts:
                return name, f"_{name}"
        label = parts[0][1:] if parts and parts[0].startswith("_") else ""
        if label:
            metadata = self._collections.get(label)
            is_made = isinstance(metadata, dict) and str(metadata.get("output", "")).lower() == "true"
            return (label, f"_{label}") if is_made else ("", "")
        return "pages", ""

    def _default_fields(self, path: str, kind: str) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        old: tuple[int, bool] | None = None
        for one in self._defaults:
            values, scope = one.get("values"), one.get("scope")
            scope = scope if isinstance(scope, dict) else {}
            type_ = str(scope.get("type", ""))
            where = str(scope.get("path") or "").strip("/").removeprefix(self._container + "/")
            is_in = fnmatchcase(path, where + "*") if "*" in where else path.startswith(where)
            if not isinstance(values, dict) or not is_in or type_ not in ("", kind, kind.removesuffix("s")):
                continue
            now = (len(where), "type" in scope)
            if old is None or now[0] > old[0] or (now[0] == old[0] and (now[1] or not old[1])):
                merged, old = {**merged, **values}, now
            else:
                merged = {**values, **merged}
        return merged

    def _template(self, kind: str) -> str:
        kind = "posts" if kind == "drafts" else kind
        metadata = self._collections.get(kind)
        own = metadata.get("permalink") if isinstance(metadata, dict) else None
        if isinstance(own, str) and own:
            return _STYLES.get(own, own)
        return _STYLES.get(self._style, self._style) if kind == "posts" else "/:collection/:path" + self._ending()

    def _ending(self) -> str:
        if self._style in ("pretty",) or self._style.endswith("/"):
            return "/"
        return (
            ":output_ext" if self._style in ("date", "ordinal", "none") or self._style.endswith(":output_ext") else ""
        )

    def _page(self, path: str, source: Source, output: str) -> str:
        folder, _, name = path.rpartition("/")
        stem = name.rpartition(".")[0].rstrip(".")
        if self._readme and stem.lower() == "readme" and f"{folder}/index.md".lstrip("/") not in self._folder:
            stem = "index"
        template = source.text("permalink") or ("/:path/" if stem == "index" else "/:path/:basename" + self._ending())
        template = {
            "pretty": "/:path/:basename/",
            "none": "/:path/:basename.html",
            "date": "/:path/:basename.html",
        }.get(template, template)
        values = {"path": folder, "basename": stem, "output_ext": output}
        return _clean(_TOKEN.sub(lambda found: _escaped(values.get(found[1], found[0])), template))

    def _filled(
        self, template: str, source: Source, path: str, kind: str, own: str, day: datetime | None, output: str
    ) -> str:
        values = _values(source, path, kind, own, day)
        values["output_ext"] = output

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name not in values and name.endswith("_") and name[:-1] in values:
                return _escaped(values[name[:-1]]) + "_"
            return _escaped(values.get(name, found[0]))

        return _clean(_TOKEN.sub(value, _STYLES.get(template, template)))


def _values(source: Source, path: str, kind: str, own: str, day: datetime | None) -> dict[str, str]:
    stem = source.stem
    named = _DATED.match(path)
    slug = source.text("slug") or (named[2] if named else stem).rstrip(".")
    before = path.split(own + "/", maxsplit=1)[0] if kind in ("posts", "drafts") else ""
    categories = [part for part in before.split("/") if part]
    written = source.fields.get("categories")
    categories += written.split() if isinstance(written, str) else source.texts("categories")
    categories += source.texts("category")
    unique = list(dict.fromkeys(categories))
    values = {
        "collection": "posts" if kind == "drafts" else kind,
        "path": path.rpartition(".")[0].replace(own, "", 1).rstrip("."),
        "name": jekyll_slug(stem),
        "title": jekyll_slug(slug, "pretty", cased=True),
        "slug": jekyll_slug(slug),
        "categories": "/".join(dict.fromkeys(one.lower() for one in unique)),
        "slugified_categories": "/".join(dict.fromkeys(jekyll_slug(one) for one in unique)),
    }
    if day is not None:
        values |= {
            "year": f"{day:%Y}", "month": f"{day:%m}", "day": f"{day:%d}", "hour": f"{day:%H}", "minute": f"{day:%M}",
            "second": f"{day:%S}", "i_day": str(day.day), "i_month": str(day.month), "short_month": f"{day:%b}",
            "long_month": f"{day:%B}", "short_year": f"{day:%y}", "w_year": f"{day:%G}", "week": f"{day:%V}",
            "w_day": f"{day:%u}", "short_day": f"{day:%a}", "long_day": f"{day:%A}", "y_day": f"{day:%j}",
        }  # fmt: skip
    return values


def _escaped(text: str) -> str:
    return text.replace("%", "%25")


def _clean(address: str) -> str:
    return re.sub("/+", "/", ("/" + address).replace("..", "/").replace("./", ""))


def _globs(patterns: list[str], path: str, parts: list[str]) -> bool:
    """Whether a pattern names the path, a folder above it, or how it begins."""
    return any(
        path.startswith(pattern.strip("/"))
        or fnmatchcase(path, pattern)
        or any(fnmatchcase(part, pattern) for part in parts)
        for pattern in patterns
    )


def _list(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [str(one) for one in found if one]
