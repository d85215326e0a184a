"""Pages of the sample site: Markdown files with front matter, rendered to HTML when they are asked for."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: its path on the site (`/guides/green-tea`), its front matter and its Markdown."""

    path: str
    title: str
    description: str
    updated: str
    body: str


def find_page(root: Path, path: str) -> Page | None:
    """The page at a path: `/a/b` is `a/b.md` or `a/b/index.md`; None when there is none, or it lies outside `root`."""
    inside = path.strip("/") or "index"
    for name in (f"{inside}.md", f"{inside}/index.md"):
        file = (root / name).resolve()
        if file.is_file() and file.is_relative_to(root.resolve()):
            return _read(root, file)
    return None


def all_pages(root: Path) -> Iterator[Page]:
    """Every page, by path."""
    for file in sorted(root.rglob("*.md")):
        yield _read(root, file)


def render_page(root: Path, page: Page) -> str:
    """The page as HTML, with navigation and footer."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(page.body)
    updated = f'<p class="updated">Last updated {html.escape(page.updated)}</p>' if page.updated else ""
    article = f"<article><h1>{html.escape(page.title)}</h1>{updated}{body}</article>"
    return _TEMPLATE.format(
        title=html.escape(page.title), description=html.escape(page.description), nav=_nav(root), main=article
    )


def render_missing(root: Path, path: str) -> str:
    """The page that says that there is none."""
    main = f"<article><h1>Not found</h1><p>There is no page at {html.escape(path)}.</p></article>"
    return _TEMPLATE.format(title="Not found", description="", nav=_nav(root), main=main)


def _read(root: Path, file: Path) -> Page:
    front, body = _front_matter(file.read_text(encoding="utf-8"))
    inside = file.resolve().relative_to(root.resolve()).with_suffix("").as_posix()
    path = "/" + ("" if inside == "index" else inside.removesuffix("/index"))
    return Page(
        path=path,
        title=str(front.get("title") or inside),
        description=str(front.get("description") or ""),
        updated=str(front.get("updated") or ""),
        body=body,
    )


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    if not text.startswith("---\n"):
        return {}, text
    head, fence, body = text[4:].partition("\n---\n")
    if not fence:
        return {}, text
    try:
        front = yaml.safe_load(head)
    except yaml.YAMLError:
        front = None
    return (front if isinstance(front, dict) else {}), body.lstrip("\n")


def _nav(root: Path) -> str:
    links = [f'<a href="{html.escape(page.path)}">{html.escape(page.title)}</a>' for page in all_pages(root)]
    return "".join(links)


_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} | Leaf &amp; Kettle</title>
<meta name="description" content="{description}">
<style>
:root {{ --ink: #22302a; --leaf: #2f6b4f; --paper: #fbfaf5; --line: #dfe3d8; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; color: var(--ink); background: var(--paper); font: 17px/1.65 Georgia, "Times New Roman", serif; }}
header {{ border-bottom: 1px solid var(--line); background: #fff; padding: 18px 24px; }}
header strong {{ color: var(--leaf); font-size: 22px; letter-spacing: .02em; }}
nav {{ display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 8px; font: 14px/1.5 system-ui, sans-serif; }}
a {{ color: var(--leaf); }}
nav a {{ text-decoration: none; }}
nav a:hover {{ text-decoration: underline; }}
main {{ max-width: 720px; margin: 0 auto; padding: 24px; }}
h1 {{ line-height: 1.2; }}
.updated {{ color: #6b776f; font: 14px system-ui, sans-serif; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid var(--line); padding: 6px 8px; text-align: left; }}
footer {{ border-top: 1px solid var(--line); color: #6b776f; padding: 18px 24px; font: 14px system-ui, sans-serif; }}
</style>
</head>
<body>
<header><strong>Leaf &amp; Kettle</strong><nav aria-label="Guides">{nav}</nav></header>
<main>{main}</main>
<footer>Leaf &amp; Kettle is the sample site of flowbuilder. Its pages are files; publishing changes them.</footer>
</body>
</html>
"""
