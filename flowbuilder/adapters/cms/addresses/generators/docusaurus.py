"""Docusaurus: docs with versions, blog, pages, number prefixes, `slug`, `id`, languages, several instances."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.globs import any_matches
from flowbuilder.adapters.cms.addresses.index import Address, Rank, declared

_CONFIGS: Final = tuple(f"docusaurus.config.{form}" for form in ("ts", "js", "mjs", "cjs", "mts"))
_EXCLUDED: Final = ("**/_*.{js,jsx,ts,tsx,md,mdx}", "**/_*/**", "**/*.test.{js,jsx,ts,tsx}", "**/__tests__/**")
_IGNORED_PREFIX: Final = re.compile(r"^(?:\d{2,4}[-_. ](?:\d{1,2}|\d{4})[-_. ]|\d+[-_.]\d+)")
_PREFIX: Final = re.compile(r"^\d+\s*[-_.]+\s*([^-_.\s].*)$")
_DATED: Final = re.compile(r"^(.*)(\d{4}[-/]\d{1,2}[-/]\d{1,2})[-/]?(.*?)(?:/index)?$")
_DEFAULTS: Final = {"docs": ("docs", "docs"), "blog": ("blog", "blog"), "pages": ("src/pages", "/")}
_DECISIVE: Final = (
    "path", "routeBasePath", "id", "lastVersion", "versions", "includeCurrentVersion", "numberPrefixParser",
)  # fmt: skip
_TEXT: Final = (".md", ".mdx")


@dataclass(frozen=True)
class _Instance:
    """A plugin of the site: its kind, its name, its folder, where its pages are, its options."""

    kind: str
    name: str
    folder: str
    route: str
    options: Mapping[str, Any]


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of a Docusaurus site; of a folder without a configuration, those of its documents."""
    path = folder.project(_CONFIGS, str(options.get("project") or ""))
    start = path.rpartition("/")[0]
    config = {**(folder.config(path) if path else {}), **options}
    site = _Site(folder, start, config)
    instances = list(_instances(config, start, folder))
    for instance in instances:
        yield from site.addresses(instance)


class _Site:
    def __init__(self, folder: Folder, start: str, config: Mapping[str, Any]) -> None:
        self._folder = folder
        self._start = start
        i18n = config.get("i18n")
        found: dict[str, Any] = i18n if isinstance(i18n, dict) else {}
        self._default = str(found.get("defaultLocale") or "en")
        names = found.get("locales")
        self._locales = [str(one) for one in names if one] if isinstance(names, list) else []
        self._translations = _joined(start, str(found.get("path") or "i18n"))

    def addresses(self, instance: _Instance) -> Iterator[Address]:
        """The pages of a plugin in each language."""
        translated: dict[str, set[str]] = {}
        for locale in self._locales:
            own = f"docusaurus-plugin-content-{instance.kind}" + (
                "" if instance.name == "default" else f"-{instance.name}"
            )
            if locale != self._default:
                place = _joined(self._translations, locale, own)
                found = list(self._of(instance, place, f"/{locale}", is_translation=True))
                translated[locale] = {one.path for one in found}
                yield from found
        originals = list(self._of(instance, instance.folder, "", is_translation=False))
        # the build of a language comes later, and writes over a page of the default language that has its address
        later = {f"/{locale}{one.path}" for locale in translated for one in originals}
        yield from (one for one in originals if one.path not in later)
        for locale, known in translated.items():
            for one in originals:
                if f"/{locale}{one.path}" not in known:
                    yield Address(f"/{locale}{one.path}", one.file, max(one.rank, Rank.FALLBACK))

    def _of(self, instance: _Instance, place: str, prefix: str, *, is_translation: bool) -> Iterator[Address]:
        if instance.kind != "docs":
            rule = _blog_slug if instance.kind == "blog" else _page_slug
            yield from self._files(instance, place, prefix + instance.route, rule)
            return
        for folder, route in self._versions(instance, place, is_translation=is_translation):
            yield from self._files(instance, folder, prefix + _route(instance.route, route), _doc_slug)

    def _versions(self, instance: _Instance, place: str, *, is_translation: bool) -> Iterator[tuple[str, str]]:
        """The folder of each version, and where it is below the plugin's route."""
        own = "" if instance.name == "default" else f"{instance.name}_"
        listed = self._folder.config(_joined(self._start, f"{own}versions.json")).get("versions", [])
        text = self._folder.text(_joined(self._start, f"{own}versions.json")) if not listed else ""
        names = [*listed, *re.findall(r'"([^"]+)"', text)]
        given = instance.options.get("versions")
        labels: dict[str, Any] = given if isinstance(given, dict) else {}
        only = instance.options.get("onlyIncludeVersions")
        last = str(instance.options.get("lastVersion") or (names[0] if names else "current"))
        has_current = str(instance.options.get("includeCurrentVersion", "true")) != "false"
        for name in ["current", *names]:
            if (name == "current" and not has_current) or (isinstance(only, list) and only and name not in only):
                continue
            if name == "current":
                folder = _joined(place, "current") if is_translation else place
            else:
                where = place if is_translation else _joined(self._start, f"{own}versioned_docs")
                folder = _joined(where, f"version-{name}")
            own_label = labels.get(name)
            path = own_label.get("path") if isinstance(own_label, dict) else None
            yield (
                folder,
                str(path) if path is not None else ("" if name == last else "next" if name == "current" else name),
            )

    def _files(self, instance: _Instance, place: str, route: str, rule: Any) -> Iterator[Address]:
        excluded = instance.options.get("exclude")
        patterns = [str(one) for one in excluded] if isinstance(excluded, list) else list(_EXCLUDED)
        suffixes = (*_TEXT, ".js", ".jsx", ".ts", ".tsx") if instance.kind == "pages" else _TEXT
        has_numbers = str(instance.options.get("numberPrefixParser", "true")) != "false"
        for path in list(self._folder.names(place)) if place else list(self._folder.names()):
            inner = path[len(place) :].lstrip("/")
            if not inner.endswith(suffixes) or any_matches(inner, patterns) or inner.endswith(".d.ts"):
                continue
            if not place and inner.startswith(("i18n/", "blog/", "src/", "node_modules/", "versioned_docs/")):
                continue
            source = self._folder.source(path)
            address = _route(route, rule(source, inner, has_numbers))
            rank = Rank.UNPUBLISHED if source.says("draft") else Rank.PAGE
            yield Address(declared(address), path, rank)


def _instances(config: Mapping[str, Any], start: str, folder: Folder) -> Iterator[_Instance]:
    """The plugins of the site that have pages. One with an option that has to be computed is left out, and said."""
    presets, plugins = config.get("presets"), config.get("plugins")
    preset: dict[str, Any] = {}
    for one in presets if isinstance(presets, list) else []:
        if isinstance(one, list) and len(one) > 1:
            preset |= one[1] if isinstance(one[1], dict) else dict.fromkeys(_DEFAULTS)
    given: list[tuple[str, Any]] = []
    for kind in _DEFAULTS:
        stated = config.get(kind, {})
        found = preset.get(kind, {})
        if isinstance(stated, dict) and isinstance(found, dict):
            stated = {**found, **stated}
        elif kind not in config or stated == {}:
            stated = found
        given += [(kind, one) for one in (stated if isinstance(stated, list) else [stated])]
    for one in plugins if isinstance(plugins, list) else []:
        name = one[0] if isinstance(one, list) and one else one
        name = str(name["arguments"][0]) if isinstance(name, dict) and name.get("arguments") else str(name)
        matched = re.search(r"content-(docs|blog|pages)$", name)
        if matched and isinstance(one, list) and len(one) > 1:
            given.append((matched[1], one[1]))
    known = [(kind, one) for kind, one in given if str(one).lower() != "false"]
    made = []
    for kind, one in known:
        computed = (
            [name for name in _DECISIVE if name in one and _is_computed(one[name])] if isinstance(one, dict) else [kind]
        )
        if computed:
            message = f"the configuration computes {computed[0]} of {kind}: state it as {kind}: in the site's record"
            folder.problems.append(message)
        else:
            made.append(_instance(kind, one, start))
    has_any = any(folder.has_folder(one.folder) for one in made) or folder.problems
    if has_any:
        return iter(made)
    names = [path for path in folder.names() if path.endswith(_TEXT)]
    is_blog = "authors.yml" in folder or sum(bool(_DATED.match(name)) for name in names) * 2 > len(names)
    route = "/" + str(config.get("routeBasePath", "")).strip("/")
    return iter([_Instance("blog" if is_blog else "docs", "default", "", route, {})])


def _is_computed(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and "call" in value)


def _instance(kind: str, options: Mapping[str, Any], start: str) -> _Instance:
    name = str(options.get("id") or "default")
    path, route = _DEFAULTS[kind]
    base = options.get("routeBasePath")
    given = str(route if base is None else base)
    return _Instance(kind, name, _joined(start, str(options.get("path") or path)), "/" + given.strip("/"), options)


def _joined(*parts: str) -> str:
    path = posixpath.normpath("/".join(part for part in parts if part))
    return "" if path == "." or path.startswith("..") else path.strip("/")


def _route(base: str, path: str) -> str:
    return posixpath.normpath("/" + "/".join(part for part in (base.strip("/"), path.strip("/")) if part))


def _unnumbered(name: str, has_numbers: bool) -> str:
    found = _PREFIX.match(name) if has_numbers and not _IGNORED_PREFIX.match(name) else None
    return found[1] if found else name


def _doc_slug(source: Source, path: str, has_numbers: bool) -> str:
    where, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    folders = [_unnumbered(part, has_numbers) for part in where.split("/") if part]
    written = source.text("slug")
    if written.startswith("/"):
        return written
    above = where.rpartition("/")[2].lower()
    plain = stem.lower()
    is_index = plain in ("index", "readme") or (bool(where) and plain == above)
    if not written and is_index:
        return "/" + "/".join(folders)
    base = written or source.text("id") or _unnumbered(stem, has_numbers)
    return posixpath.normpath("/" + "/".join([*folders, base]))


def _blog_slug(source: Source, path: str, has_numbers: bool) -> str:
    written = source.text("slug")
    if written:
        return written
    stem = path.rpartition(".")[0]
    dated = _DATED.match(stem)
    if dated:
        return f"/{dated[2].replace('-', '/')}/{dated[1]}{dated[3]}"
    return "/" + re.sub(r"/index$", "", stem)


def _page_slug(source: Source, path: str, has_numbers: bool) -> str:
    written = source.text("slug")
    stem = path.rpartition(".")[0]
    route = "/" + re.sub(r"(?:^|/)index$", "", stem)
    return posixpath.normpath(posixpath.join(posixpath.dirname(route), written)) if written else route
