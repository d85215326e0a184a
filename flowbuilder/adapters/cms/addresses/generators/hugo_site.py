"""A Hugo site's configuration and content files: languages, content folders, bundles, sections, cascades."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.generators.hugo_config import (
    cascades,
    configuration,
    is_true,
    lowered,
    mapping,
    mount_languages,
    permalink_patterns,
    simple_pattern,
)
from flowbuilder.adapters.cms.addresses.globs import matches

_CONTENT: Final = (
    ".md", ".markdown", ".mdown", ".mmark", ".html", ".htm", ".adoc", ".asciidoc", ".ad", ".org", ".pandoc", ".pdc",
    ".rst",
)  # fmt: skip
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
        return [
            one.strip()
            for one in (value if isinstance(value, list) else [value])
            if isinstance(one, str) and one.strip()
        ]


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
        stated = configuration(folder)
        config = {**stated, **lowered(options)}
        self._is_content = not stated and "_index.md" in folder
        self._languages = {
            str(name).lower(): one
            for name, one in mapping(config.get("languages")).items()
            if isinstance(one, dict) and not is_true(one.get("disabled"))
        }
        disabled = config.get("disablelanguages")
        for name in disabled if isinstance(disabled, list) else []:
            self._languages.pop(str(name).lower(), None)
        self._default = str(config.get("defaultcontentlanguage") or "en").lower()
        self._in_folder = is_true(config.get("defaultcontentlanguageinsubdir"))
        self._is_multihost = any(one.get("baseurl") for one in self._languages.values())
        self._only = str(config.get("language") or self._language_at(str(options.get("base_url") or ""))).lower()
        self._ugly = config.get("uglyurls")
        self._patterns = list(permalink_patterns(config.get("permalinks")))
        self._cascades = list(cascades(config.get("cascade"), ""))
        self.keeps_case = is_true(config.get("disablepathtolower"))
        self.removes_accents = is_true(config.get("removepathaccents"))
        configured = mapping(config.get("frontmatter")).get("date")
        fields = [str(one).lower() for one in configured] if isinstance(configured, list) else [":default"]
        self.date_fields = [one for name in fields for one in (_DATES if name == ":default" else (name,))]
        self.dates_from_names = ":filename" in self.date_fields
        ignored = config.get("ignorefiles")
        self._ignored = [one for one in map(simple_pattern, ignored if isinstance(ignored, list) else []) if one]
        self._branches: dict[tuple[str, str], HugoPage] = {}
        self._roots = list(self._content_folders(config))

    def _language_at(self, url: str) -> str:
        """The language at an address of a site that has one for each; empty where all languages have one address."""
        host = _host(url)
        at = {_host(str(one.get("baseurl") or "")): name for name, one in self._languages.items()}
        return at.get(host, self._default) if host and self._is_multihost else ""

    def prefix(self, language: str) -> str:
        """What stands before the addresses of a language."""
        if language not in self._languages or self._is_multihost:
            return ""
        return "" if language == self._default and not self._in_folder else f"/{language}"

    def is_ugly(self, section: str) -> bool:
        """Whether pages of a section are files."""
        if isinstance(self._ugly, dict):
            return is_true(lowered(self._ugly).get(section.lower()))
        return is_true(self._ugly)

    def pattern(self, page: HugoPage) -> str:
        """The permalink pattern for a page; empty where there is none."""
        kind = "section" if page.is_branch else "page"
        for wanted, where, pattern in self._patterns:
            if kind in wanted and (
                matches("/" + page.path, where)
                if where.startswith("/") and len(where) > 1
                else page.section.lower() == where.strip("/")
            ):
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
        inherited = list(self._cascades)
        for page in branches.values():
            inherited += cascades(page.fields.get("cascade"), page.path)
        inherited.sort(key=lambda one: -len(one[0]))
        for page in found.values():
            if self._only and page.language != self._only:
                continue
            self._place(page, branches)
            for above, target, values in inherited:
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
                known
                or HugoPage(source=page.source, fields={}, language=page.language, path=path, name=name, is_branch=True)
            )

    def _files(self, root: _ContentFolder) -> Iterator[HugoPage]:
        folder, language, target = root.path, root.language, root.target
        start = folder + "/" if folder else ""
        names = [path for path in self._folder.names(folder) if path.lower().endswith(_CONTENT)]
        names = [path for path in names if not any(one.search("/" + path) for one in self._ignored)]
        split = {path: self._split(path[len(start) :], language) for path in names}
        bundles = {
            inner.rpartition("/")[0]
            for path in names
            for inner in [path[len(start) :]]
            if split[path][1] == "index" and "/" in inner
        }
        for path in names:
            inner = path[len(start) :]
            where, stem, own = split[path][0], split[path][1], split[path][2]
            if own is None or any(part[:1] in (".", "#") for part in inner.split("/")):
                continue
            is_index = stem in ("index", "_index")
            ancestors = where.split("/") if where else []
            inside = [("/".join(ancestors[:depth])) for depth in range(1, len(ancestors) + 1)]
            if any(one in bundles for one in (inside[:-1] if stem == "index" else inside)):
                continue
            place = where if is_index else f"{where}/{stem}".lstrip("/")
            place = "/".join(part for part in (target, place) if part)
            source = self._folder.source(path)
            yield HugoPage(
                source=source,
                fields=lowered(source.fields),
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
        mounts = mapping(config.get("module")).get("mounts")
        is_mounted = False
        for one in mounts if isinstance(mounts, list) else []:
            mount = lowered(one) if isinstance(one, dict) else {}
            target = str(mount.get("target") or "").strip("/")
            if target == "content" or target.startswith("content/"):
                is_mounted = True
                source, inner = str(mount.get("source") or "").strip("/"), target.removeprefix("content").strip("/")
                for at, language in enumerate(mount_languages(mount, [*self._languages]) or [self._default]):
                    yield _ContentFolder(source.removeprefix("./"), language, inner, at > 0)
        if is_mounted:
            return
        own = {name: str(one.get("contentdir") or "").strip("/") for name, one in self._languages.items()}
        for name, path in own.items():
            if path:
                yield _ContentFolder(path, name)
        if not own or not all(own.values()):
            yield _ContentFolder(
                content if self._folder.has_folder(content) and not self._is_content else "", self._default
            )


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower().removeprefix("www.")
    except ValueError:
        return ""


def _is_target(page: HugoPage, target: Mapping[str, Any]) -> bool:
    kind = "home" if page.is_home else "section" if page.is_branch else "page"
    wanted = str(target.get("kind") or kind).strip("{}").split(",")
    path, language = str(target.get("path") or ""), str(target.get("lang") or page.language)
    return kind in wanted and language == page.language and (not path or matches("/" + page.path, path))
