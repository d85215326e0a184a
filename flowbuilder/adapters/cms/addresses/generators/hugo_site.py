"""A Hugo site's configuration and content files: languages, content folders, bundles, sections, cascades."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.folder import Folder, Source

_CONTENT: Final = (
    ".md", ".markdown", ".mdown", ".mmark", ".html", ".htm", ".adoc", ".asciidoc", ".ad", ".org", ".pandoc", ".pdc",
    ".rst",
)  # fmt: skip
_CONFIGS: Final = tuple(f"{name}.{form}" for name in ("hugo", "config") for form in ("toml", "yaml", "yml", "json"))
_DATES: Final = ("date", "publishdate", "pubdate", "published", "lastmod", "modified")


@dataclass(kw_only=True)
class HugoPage:
    """A page. `path` is that of its section or page without suffix, below the content folder, as on disk."""

    source: Source
    fields: Mapping[str, Any]
    language: str
    path: str
    name: str
    is_branch: bool
    is_fallback: bool = False
    section: str = ""
    sections: list[str] = field(default_factory=list)
    section_pages: list[HugoPage] = field(default_factory=list)

    @property
    def is_home(self) -> bool:
        """Whether it is the front page of its language."""
        return self.path == ""

    def text(self, *names: str) -> str:
        """The first of these fields that is a text and not empty."""
        found = (self.fields.get(name) for name in names)
        return next((one.strip() for one in found if isinstance(one, str) and one.strip()), "")

    def texts(self, name: str) -> list[str]:
        """A field's texts: a list of texts, or one."""
        value = self.fields.get(name)
        return [one.strip() for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one.strip()]


@dataclass(frozen=True)
class _ContentFolder:
    """A content folder, its language, where it is mounted, and whether it only fills the gaps of that language."""

    path: str
    language: str
    target: str = ""
    is_fallback: bool = False


class HugoSite:
    """The configuration, and the pages."""

    def __init__(self, folder: Folder, options: Mapping[str, Any]) -> None:
        self._folder = folder
        config = {**_configuration(folder), **_lowered(options)}
        self._languages = {
            str(name).lower(): one
            for name, one in _mapping(config.get("languages")).items()
            if isinstance(one, dict) and not is_true(one.get("disabled"))
        }
        disabled = config.get("disablelanguages")
        for name in disabled if isinstance(disabled, list) else []:
            self._languages.pop(str(name).lower(), None)
        self._default = str(config.get("defaultcontentlanguage") or "en").lower()
        self._in_folder = is_true(config.get("defaultcontentlanguageinsubdir"))
        self._is_multihost = any(one.get("baseurl") for one in self._languages.values())
        self._only = str(config.get("language") or "").lower()
        self._ugly = config.get("uglyurls")
        self._patterns = list(_patterns(config.get("permalinks")))
        self._cascades = list(_cascades(config.get("cascade"), ""))
        self.keeps_case = is_true(config.get("disablepathtolower"))
        self.removes_accents = is_true(config.get("removepathaccents"))
        configured = _mapping(config.get("frontmatter")).get("date")
        fields = [str(one).lower() for one in configured] if isinstance(configured, list) else [":default"]
        self.date_fields = [one for name in fields for one in (_DATES if name == ":default" else (name,))]
        self.dates_from_names = ":filename" in self.date_fields
        ignored = config.get("ignorefiles")
        self._ignored = [one for one in map(_pattern, ignored if isinstance(ignored, list) else []) if one]
        self._branches: dict[tuple[str, str], HugoPage] = {}
        self._roots = list(self._content_folders(config))

    def prefix(self, language: str) -> str:
        """What stands before the addresses of a language."""
        if language not in self._languages or self._is_multihost:
            return ""
        return "" if language == self._default and not self._in_folder else f"/{language}"

    def is_ugly(self, section: str) -> bool:
        """Whether pages of a section are files."""
        if isinstance(self._ugly, dict):
            return is_true(_lowered(self._ugly).get(section.lower()))
        return is_true(self._ugly)

    def pattern(self, page: HugoPage) -> str:
        """The permalink pattern for a page; empty where there is none."""
        kind = "section" if page.is_branch else "page"
        for wanted, where, pattern in self._patterns:
            if kind in wanted and (matches_path("/" + page.path, where) if where.startswith("/") and len(where) > 1 else page.section.lower() == where.strip("/")):
                return pattern
        return ""

    def slugged_path(self, page: HugoPage) -> str:
        """A page's path in which the `slug` of a section stands for its folder."""
        parts = page.path.split("/")
        for depth in range(1, len(parts) + 1):
            known = self._branches.get((page.language, "/".join(page.path.split("/")[:depth]).lower()))
            parts[depth - 1] = (known and known.text("slug")) or parts[depth - 1]
        return "/".join(parts)

    def pages(self) -> Iterator[HugoPage]:
        """All pages, each with its section and with what cascades to it."""
        found: dict[tuple[str, str, bool], HugoPage] = {}
        for root in self._roots:
            for page in self._files(root):
                found.setdefault((page.language, page.path.lower(), page.is_branch), page)
        branches = {(page.language, page.path.lower()): page for page in found.values() if page.is_branch}
        self._branches = branches
        cascades = list(self._cascades)
        for page in branches.values():
            cascades += _cascades(page.fields.get("cascade"), page.path)
        cascades.sort(key=lambda one: -len(one[0]))
        for page in found.values():
            if self._only and page.language != self._only:
                continue
            self._place(page, branches)
            for above, target, values in cascades:
                is_below = not above or page.path == above or page.path.startswith(above + "/")
                if is_below and _is_target(page, target):
                    page.fields = {**values, **page.fields}
            yield page

    def _place(self, page: HugoPage, branches: Mapping[tuple[str, str], HugoPage]) -> None:
        parts = page.path.split("/") if page.path else []
        above = parts if page.is_branch else parts[:-1]
        page.section = above[0] if above else ""
        for depth in range(len(above), 0, -1):
            if depth == 1 or (page.language, "/".join(above[:depth]).lower()) in branches:
                page.sections = above[:depth]
                break
        for depth in range(1, len(page.sections) + 1):
            path = "/".join(page.sections[:depth])
            known = branches.get((page.language, path.lower()))
            name = page.sections[depth - 1]
            page.section_pages.append(
                known or HugoPage(source=page.source, fields={}, language=page.language, path=path, name=name, is_branch=True)
            )

    def _files(self, root: _ContentFolder) -> Iterator[HugoPage]:
        folder, language, target = root.path, root.language, root.target
        start = folder + "/" if folder else ""
        names = [path for path in self._folder.names(folder) if path.lower().endswith(_CONTENT)]
        names = [path for path in names if not any(one.search("/" + path) for one in self._ignored)]
        split = {path: self._split(path[len(start) :], language) for path in names}
        bundles = {
            inner.rpartition("/")[0] for path in names for inner in [path[len(start) :]] if split[path][1] == "index" and "/" in inner
        }
        for path in names:
            inner = path[len(start) :]
            where, stem, own = split[path][0], split[path][1], split[path][2]
            if own is None or any(part[:1] in (".", "#") for part in inner.split("/")):
                continue
            is_index = stem in ("index", "_index")
            ancestors = where.split("/") if where else []
            inside = [("/".join(ancestors[:depth])) for depth in range(1, len(ancestors) + 1)]
            if any(one in bundles for one in (inside[:-1] if stem == "index" else inside)) :
                continue
            place = where if is_index else f"{where}/{stem}".lstrip("/")
            place = "/".join(part for part in (target, place) if part)
            source = self._folder.source(path)
            yield HugoPage(
                source=source,
                fields=_lowered(source.fields),
                language=own,
                path=place,
                name=place.rpartition("/")[2],
                is_branch=stem == "_index" or not place,
                is_fallback=root.is_fallback,
            )

    def _split(self, path: str, language: str) -> tuple[str, str, str | None]:
        """The folder, the name without suffix and language, and the language; None for one that is not made."""
        where, _, name = path.rpartition("/")
        stem = name.rpartition(".")[0]
        before, dot, code = stem.rpartition(".")
        if dot and code.lower() in self._languages:
            return where, before, code.lower()
        return where, stem, language if not self._languages or language in self._languages else None

    def _content_folders(self, config: Mapping[str, Any]) -> Iterator[_ContentFolder]:
        """Each content folder."""
        content = str(config.get("content") or config.get("contentdir") or "content").strip("/")
        mounts = _mapping(config.get("module")).get("mounts")
        is_mounted = False
        for one in mounts if isinstance(mounts, list) else []:
            mount = _lowered(one) if isinstance(one, dict) else {}
            target = str(mount.get("target") or "").strip("/")
            if target == "content" or target.startswith("content/"):
                is_mounted = True
                source, inner = str(mount.get("source") or "").strip("/"), target.removeprefix("content").strip("/")
                for at, language in enumerate(_mount_languages(mount, [*self._languages]) or [self._default]):
                    yield _ContentFolder(source.removeprefix("./"), language, inner, at > 0)
        if is_mounted:
            return
        own = {name: str(one.get("contentdir") or "").strip("/") for name, one in self._languages.items()}
        for name, path in own.items():
            if path:
                yield _ContentFolder(path, name)
        if not own or not all(own.values()):
            yield _ContentFolder(content if self._folder.has_folder(content) else "", self._default)


def _pattern(text: Any) -> re.Pattern[str] | None:
    """A pattern of the configuration; None for one that is not a simple pattern, which could take for ever."""
    if not isinstance(text, str) or len(text) > 200 or re.search(r"[)\]][*+{]|[*+][^)|]*[*+]", text):
        return None
    with suppress(re.error):
        return re.compile(text)
    return None


def is_true(value: Any) -> bool:
    """Whether a value of front matter or of a configuration is true."""
    return str(value).lower() in ("true", "1", "yes", "on")


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    alternatives = re.sub(r"\{([^{}]*)\}", lambda found: "\1" + found[1].replace(",", "\2") + "\3", pattern)
    text = translate(alternatives)
    return re.compile(text.replace("\\\1", "\1").replace("\1", "(?:").replace("\\\2", "\2").replace("\2", "|").replace("\\\3", "\3").replace("\3", ")"), re.IGNORECASE)


def matches_path(path: str, pattern: str) -> bool:
    """Whether a path is what a glob such as `{/news/**,/docs/**}` names."""
    return len(pattern) < 500 and bool(_glob(pattern).match(path))


def _configuration(folder: Folder) -> dict[str, Any]:
    """The site's configuration: one file, and the files of `config/_default`."""
    config = _lowered(folder.config(*_CONFIGS))
    for path in list(folder.names("config/_default")):
        name, _, form = path.rpartition("/")[2].rpartition(".")
        if form in ("toml", "yaml", "yml", "json"):
            found = _lowered(folder.config(path))
            if name in ("hugo", "config"):
                config = {**config, **found}
            elif "." not in name:
                config[name.lower()] = {**_mapping(config.get(name.lower())), **found}
            else:
                config["languages"] = _with_language(config.get("languages"), name, found)
    return config


def _with_language(languages: Any, name: str, found: dict[str, Any]) -> dict[str, Any]:
    kind, _, code = name.rpartition(".")
    known = dict(_mapping(languages))
    if kind == "languages" or (kind in ("hugo", "config") and code in known):
        known[code] = {**_mapping(known.get(code)), **found}
    return known


def _lowered(value: Any) -> dict[str, Any]:
    """A mapping with its names, and those of the mappings in it, in lower case."""
    if not isinstance(value, Mapping):
        return {}
    return {str(key).lower(): _lowered(one) if isinstance(one, dict) else one for key, one in value.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mount_languages(mount: Mapping[str, Any], known: list[str]) -> list[str]:
    """The languages that a mounted folder is for; the first is its own."""
    found = mount.get("lang") or _mapping(_mapping(mount.get("sites")).get("matrix")).get("languages")
    names = [str(one).lower() for one in (found if isinstance(found, list) else [found]) if one]
    return known if names in (["**"], ["*"]) else names


def _patterns(value: Any) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """For which kinds of page, in which section or below which path, which pattern."""
    if isinstance(value, list):
        for one in value:
            target = _mapping(one.get("target")) if isinstance(one, dict) else {}
            kinds = str(target.get("kind") or "page,section").strip("{}").split(",")
            yield tuple(kinds), str(target.get("path") or "/**"), str(one.get("pattern") or "")
    for name, one in _mapping(value).items():
        if isinstance(one, dict):
            for section, pattern in one.items():
                yield (name,), section.lower(), str(pattern)
        elif one:
            yield ("page",), name.lower(), str(one)


def _cascades(value: Any, above: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """What fields pages below a path get: the path, which pages, and the fields."""
    for one in value if isinstance(value, list) else [value]:
        found = _lowered(one)
        if found:
            target = found.pop("_target", None) or found.pop("target", None)
            yield above, _mapping(target), found


def _is_target(page: HugoPage, target: Mapping[str, Any]) -> bool:
    kind = "home" if page.is_home else "section" if page.is_branch else "page"
    wanted = str(target.get("kind") or kind).strip("{}").split(",")
    path, language = str(target.get("path") or ""), str(target.get("lang") or page.language)
    return kind in wanted and language == page.language and (not path or matches_path("/" + page.path, path))
