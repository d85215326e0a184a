"""Hexo: `permalink`, `new_post_name`, posts, pages, drafts, `skip_render`, `post_asset_folder`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from flowbuilder.adapters.cms.addresses.dates import parse_date
from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.globs import any_matches
from flowbuilder.adapters.cms.addresses.index import Address, Rank, declared
from flowbuilder.adapters.cms.addresses.slugs import hexo_slug

_RENDERED: Final = (
    ".md", ".markdown", ".mkd", ".mkdn", ".mdwn", ".mdtxt", ".mdtext", ".htm", ".html", ".ejs", ".njk", ".swig", ".pug",
)  # fmt: skip
_TOKEN: Final = re.compile(r":(\w+)")
_DATES: Final = {"year", "month", "day", "i_month", "i_day", "hour", "minute", "second", "timestamp", "hash"}
_SEGMENTS: Final = {
    "year": r"\d{4}", "month": r"\d{2}", "day": r"\d{2}", "i_month": r"\d{1,2}", "i_day": r"\d{1,2}",
    "hash": r"[0-9a-f]{12}",
}  # fmt: skip


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of a Hexo site, or of its `source` folder."""
    config = {**folder.config("_config.yml", "_config.yaml", "_config.json"), **options}
    given = str(config.get("content") or config.get("source_dir") or "source").strip("/")
    content = given if folder.has_folder(given) else ""
    site = _Site(config)
    for path in folder.names(content):
        inner = path[len(content) :].lstrip("/")
        if inner.lower().endswith(_RENDERED) and not inner.endswith(("~", "%")):
            source = folder.source(path)
            fields = source.fields if source.has_front_matter else source.loose_fields
            source = Source(path=path, fields=fields, has_front_matter=bool(fields))
            address = site.address(source, inner)
            if address is not None:
                is_draft = inner.startswith("_drafts/") or source.denies("published")
                yield Address(declared(address), path, Rank.UNPUBLISHED if is_draft else Rank.PAGE)
                for alias in (*source.texts("alias"), *source.texts("aliases")):
                    yield Address(declared("/" + alias.lstrip("/")), path, Rank.ALIAS)


class _Site:
    def __init__(self, config: Mapping[str, Any]) -> None:
        self._permalink = str(config.get("permalink") or ":year/:month/:day/:title/")
        self._name = str(config.get("new_post_name") or ":title.md")
        self._has_assets = str(config.get("post_asset_folder", "")).lower() == "true"
        self._default_category = str(config.get("default_category") or "uncategorized")
        names = config.get("category_map")
        self._categories: dict[str, str] = names if isinstance(names, dict) else {}
        case = str(config.get("filename_case") or "0")
        self._lower = case == "1"
        defaults = config.get("permalink_defaults")
        self._defaults: dict[str, Any] = defaults if isinstance(defaults, dict) else {}
        self._skipped = [*_list(config.get("skip_render")), *_list(config.get("exclude"))]
        self._included = _list(config.get("include"))
        self._zone = str(config.get("timezone") or "UTC")

    def address(self, source: Source, path: str) -> str | None:
        """The address of a file below the source folder; None for one that is no page."""
        if any_matches(path, self._skipped):
            return None
        for folder in ("_posts/", "_drafts/"):
            if path.startswith(folder):
                inner = path[len(folder) :]
                return None if re.search(r"(?:^|/)[_.]", inner) else self._post(source, inner)
        if re.search(r"(?:^|/)[_.]", path) and not any_matches(path, self._included):
            return None
        declared_one = source.text("permalink")
        if declared_one:
            path = declared_one.lstrip("/")
            return "/" + (path if path.endswith("/") or "." in path.rpartition("/")[2] else path + ".html")
        stem = path.rpartition(".")[0]
        return "/" + (stem.removesuffix("index") if stem == "index" or stem.endswith("/index") else stem + ".html")

    def _post(self, source: Source, path: str) -> str | None:
        declared_one = source.text("permalink")
        if declared_one:
            return "/" + self._with_slash(declared_one).lstrip("/")
        named = self._named(path)
        slug = named["title"]
        date = parse_date(source.text("date"), zone=self._zone) or _named_date(named)
        seconds = str(int(date.replace(tzinfo=ZoneInfo(self._zone)).timestamp())) if date else ""
        categories = source.fields.get("categories") or source.fields.get("category")
        values: dict[str, str] = {
            "title": slug,
            "name": slug.rpartition("/")[2],
            "post_title": hexo_slug(source.text("title"), lower=True),
            "category": self._category(categories),
            "timestamp": seconds,
            "hash": hashlib.sha1((slug + seconds).encode(), usedforsecurity=False).hexdigest()[:12],
        }
        if date:
            values |= {
                "year": f"{date:%Y}", "month": f"{date:%m}", "day": f"{date:%d}", "hour": f"{date:%H}",
                "minute": f"{date:%M}", "second": f"{date:%S}", "i_month": str(date.month), "i_day": str(date.day),
            }  # fmt: skip

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name in values:
                return values[name]
            own = source.text(name) or named.get(name) or self._defaults.get(name)
            return str(own) if own else found[0]

        if date is None and _DATES & set(_TOKEN.findall(self._permalink)):
            return None  # Hexo takes the time at which the file was made, which is another on each machine
        return "/" + self._with_slash(_TOKEN.sub(value, self._permalink)).lstrip("/")

    def _with_slash(self, address: str) -> str:
        return address + "/" if self._has_assets and not address.endswith(("/", ".html")) else address

    def _named(self, path: str) -> dict[str, str]:
        """What a file name says by the pattern of `new_post_name`."""
        rule = self._name.rpartition(".")[0] or self._name
        stem = path.rpartition(".")[0]
        parts, at = [], 0
        names: set[str] = set()
        for found in list(_TOKEN.finditer(rule))[:10]:
            parts.append(re.escape(rule[at : found.start()]))
            parts.append(f"(?P<{found[1]}>{_SEGMENTS.get(found[1], '.+?')})" if found[1] not in names else ".+?")
            names.add(found[1])
            at = found.end()
        match = re.fullmatch("".join([*parts, re.escape(rule[at:])]), stem)
        values = {name: text for name, text in (match.groupdict() if match else {}).items() if text}
        return values if "title" in values else {**values, "title": hexo_slug(stem)}

    def _category(self, value: Any) -> str:
        """The address of the last category: those of one post are each below the one before."""
        found = value if isinstance(value, list) else [value] if value else []
        if found and isinstance(found[0], list):
            found = found[-1]
        names = [str(one) for one in found if one]
        if not names:
            return self._default_category
        return "/".join(hexo_slug(str(self._categories.get(one, one)), lower=self._lower) for one in names)


def _named_date(named: Mapping[str, str]) -> datetime | None:
    month, day = named.get("month") or named.get("i_month"), named.get("day") or named.get("i_day")
    return parse_date(f"{named['year']}-{month}-{day}") if "year" in named and month and day else None


def _list(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value]) if one]
