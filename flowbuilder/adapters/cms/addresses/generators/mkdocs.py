"""MkDocs: `docs_dir`, `use_directory_urls`, `exclude_docs`, the `blog`, `i18n` and `redirects` plugins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.adapters.cms.addresses.dates import parse_date
from flowbuilder.adapters.cms.addresses.folder import Folder, Source
from flowbuilder.adapters.cms.addresses.globs import ignored
from flowbuilder.adapters.cms.addresses.index import Address, Rank
from flowbuilder.adapters.cms.addresses.slugs import markdown_slug

_SUFFIXES = (".md", ".markdown", ".mdown", ".mkdn", ".mkd")
_LANGUAGE = re.compile(r"^(.+)\.([a-z]{2,3}(?:[-_][A-Za-z]{2,4})?)$")


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of a MkDocs site, or of its folder of documents."""
    stated = _configuration(folder)
    config = {**stated, **options}
    given = str(config.get("content") or config.get("docs_dir") or "docs").strip("./")
    is_docs = not stated and ("index.md" in folder or "README.md" in folder)
    docs = given if folder.has_folder(given) and not is_docs else ""
    site = _Site(config, folder, docs)
    for path in folder.names(docs):
        inner = path[len(docs) :].lstrip("/")
        if inner.endswith(_SUFFIXES) and not site.is_left_out(inner):
            yield from site.addresses(path, inner)


def _configuration(folder: Folder) -> dict[str, Any]:
    config = folder.config("mkdocs.yml", "mkdocs.yaml")
    inherited = str(config.get("INHERIT") or "").removeprefix("./")
    return {**folder.config(inherited), **config} if inherited in folder else config


class _Site:
    def __init__(self, config: Mapping[str, Any], folder: Folder, docs: str) -> None:
        self._folder = folder
        self._docs = docs
        self._has_folders = str(config.get("use_directory_urls", "true")).lower() != "false"
        self._excluded = [line for name in ("exclude_docs",) for line in str(config.get(name) or "").splitlines()]
        self._drafts = str(config.get("draft_docs") or "").splitlines()
        plugins = _plugins(config.get("plugins"))
        blog = plugins.get("blog", plugins.get("material/blog"))
        self._blog = blog if blog is None else {"blog_dir": "blog", **blog}
        self._i18n = plugins.get("i18n")
        languages = (self._i18n or {}).get("languages")
        listed = [one for one in languages if isinstance(one, dict)] if isinstance(languages, list) else []
        self._locales = [str(one.get("locale")) for one in listed]
        self._default = next((str(one.get("locale")) for one in listed if str(one.get("default")) == "true"), "")
        redirects = (plugins.get("redirects") or {}).get("redirect_maps")
        self._redirects = redirects if isinstance(redirects, dict) else {}

    def is_left_out(self, path: str) -> bool:
        """Whether MkDocs takes a file for no page: hidden, excluded, or a README beside an index."""
        where, _, name = path.rpartition("/")
        if any(part[0] == "." for part in path.split("/")) or path.startswith("templates/"):
            return True
        if name.startswith("README.") and any(
            "/".join(one for one in (self._docs, where, "index" + suffix) if one) in self._folder
            for suffix in _SUFFIXES
        ):
            return True
        return ignored(path, self._excluded)

    def addresses(self, path: str, inner: str) -> Iterator[Address]:
        """The address of a document, and those that redirect to it."""
        source = self._folder.source(path)
        rank = Rank.UNPUBLISHED if ignored(inner, self._drafts) else Rank.PAGE
        post = self._post(source, inner)
        if post is not None:
            yield Address(post, path, Rank.UNPUBLISHED if source.says("draft") else rank)
        else:
            yield Address(self._page(self._localized(inner)), path, rank)
        for old, new in self._redirects.items():
            if new == inner:
                yield Address(self._page(old), path, Rank.ALIAS)

    def _page(self, inner: str) -> str:
        where, _, name = inner.rpartition("/")
        stem = name.rpartition(".")[0]
        start = f"/{where}/" if where else "/"
        if stem in ("index", "README"):
            return start
        return f"{start}{stem}/" if self._has_folders else f"{start}{stem}.html"

    def _localized(self, inner: str) -> str:
        if self._i18n is None:
            return inner
        if str(self._i18n.get("docs_structure", "suffix")) == "folder":
            return inner.removeprefix(self._default + "/") if self._default else inner
        where, _, name = inner.rpartition("/")
        stem, _, suffix = name.rpartition(".")
        found = _LANGUAGE.match(stem)
        if found is None or found[2] not in self._locales:
            return inner
        language = "" if found[2] == self._default else found[2]
        return "/".join(one for one in (language, where, f"{found[1]}.{suffix}") if one)

    def _post(self, source: Source, inner: str) -> str | None:
        """The address of a post of the blog plugin; None for another page."""
        if self._blog is None:
            return None
        blog = str(self._blog["blog_dir"]).strip("./")
        posts = str(self._blog.get("post_dir") or "{blog}/posts").replace("{blog}", blog).strip("./")
        if not inner.startswith(posts + "/"):
            return None
        title = source.text("title") or source.heading or source.stem.replace("-", " ").replace("_", " ")
        dates = source.fields.get("date")
        date = parse_date(str(dates.get("created", "")) if isinstance(dates, dict) else source.text("date"))
        form = str(self._blog.get("post_url_date_format") or "yyyy/MM/dd")
        limit = str(self._blog.get("post_url_max_categories") or "1")
        categories = [markdown_slug(one) for one in source.texts("categories")[: int(limit) if limit.isdigit() else 1]]
        values = {
            "date": _date(form, date) if date else "",
            "slug": source.text("slug") or markdown_slug(title),
            "categories": "/".join(categories),
            "file": source.stem,
        }
        path = re.sub(
            r"\{(\w+)\}", lambda one: values.get(one[1], ""), str(self._blog.get("post_url_format") or "{date}/{slug}")
        )
        return self._page("/".join(part for part in f"{blog}/{path}".split("/") if part and part != ".") + ".md")


def _date(form: str, date: Any) -> str:
    names = {"yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dd": "%d"}
    return re.sub(
        "yyyy|yy|MMMM|MMM|MM|M|dd|d",
        lambda one: date.strftime(names.get(one[0], "")) or str(date.month if one[0] == "M" else date.day),
        form,
    )


def _plugins(value: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if isinstance(value, dict):
        value = [{name: one} for name, one in value.items()]
    for one in value if isinstance(value, list) else []:
        for name, given in one.items() if isinstance(one, dict) else [(one, {})]:
            found[str(name)] = given if isinstance(given, dict) else {}
    return found
