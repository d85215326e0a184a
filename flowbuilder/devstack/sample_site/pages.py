"""Pages of the sample site: Markdown files with front matter, rendered to HTML on request."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from flowbuilder.adapters.cms.front_matter import parse_document
from flowbuilder.devstack.sample_site.page_template import NavigationEntry, render_article, render_document
from flowbuilder.errors import StepError


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: its path on the site (`/guides/green-tea`), its front matter and its Markdown. `label` is for menus."""

    path: str
    title: str
    label: str
    description: str
    updated: str
    body: str


def find_page(root: Path, path: str) -> Page | None:
    """The page at a path: `/a/b` is `a/b.md` or `a/b/index.md`. None when it does not exist or lies outside `root`."""
    inside = path.strip("/") or "index"
    for name in (f"{inside}.md", f"{inside}/index.md"):
        file = (root / name).resolve()
        if file.is_file() and file.is_relative_to(root.resolve()):
            return _read(root, file)
    return None


def all_pages(root: Path) -> Iterator[Page]:
    """All pages, by file name."""
    for file in sorted(root.rglob("*.md")):
        yield _read(root, file)


def render_page(root: Path, page: Page) -> str:
    """The HTML document of a page."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(page.body)
    main = render_article(
        title=page.title,
        description=page.description,
        updated=html.escape(page.updated),
        body=body,
        front=page.path == "/",
    )
    return render_document(
        title=page.title, description=page.description, path=page.path, navigation=_navigation(root), main=main
    )


def render_missing(root: Path, path: str) -> str:
    """The HTML document for a path without a page."""
    main = f"<article><h1>Not found</h1><p>There is no page at {html.escape(path)}.</p></article>"
    return render_document(title="Not found", description="", path=path, navigation=_navigation(root), main=main)


def _read(root: Path, file: Path) -> Page:
    document = parse_document(file.read_text(encoding="utf-8"))
    try:
        front = document.fields()
    except StepError:
        front = {}  # the page is shown without its front matter
    inside = file.resolve().relative_to(root.resolve()).with_suffix("").as_posix()
    path = "/" + ("" if inside == "index" else inside.removesuffix("/index"))
    return Page(
        path=path,
        title=str(front.get("title") or inside),
        label=str(front.get("label") or front.get("title") or inside),
        description=str(front.get("description") or ""),
        updated=str(front.get("updated") or ""),
        body=document.body.lstrip("\n"),
    )


def _navigation(root: Path) -> list[NavigationEntry]:
    return [NavigationEntry(path=page.path, label=page.label) for page in all_pages(root) if page.path != "/"]
