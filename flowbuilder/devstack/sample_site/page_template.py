"""The HTML template of the sample site. It loads nothing from other hosts."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass

NAME = "Leaf & Kettle"


@dataclass(frozen=True, kw_only=True)
class NavigationEntry:
    """A page in the navigation."""

    path: str
    label: str


def render_document(
    *, title: str, description: str, path: str, navigation: Iterable[NavigationEntry], main: str
) -> str:
    """An HTML document: head, header with navigation, `main` (HTML), footer."""
    return _PAGE.format(
        title=html.escape(title if path == "/" else f"{title} | {NAME}"),
        description=html.escape(description),
        name=html.escape(NAME),
        style=_STYLE,
        logo=_LOGO,
        navigation="".join(_link(entry, current=entry.path == path) for entry in navigation),
        main=main,
    )


def render_article(*, title: str, description: str, updated: str, body: str, front: bool) -> str:
    """The content of a page. The front page starts with a banner, other pages with their title and date."""
    heading = f"<h1>{html.escape(title)}</h1>"
    if front:
        return f'<section class="banner">{heading}<p>{html.escape(description)}</p></section><article>{body}</article>'
    dated = f'<p class="dated">Last updated <time datetime="{updated}">{updated}</time></p>' if updated else ""
    lead = f'<p class="lead">{html.escape(description)}</p>' if description else ""
    return f'<article><p class="trail"><a href="/">Home</a> / Guides</p>{heading}{lead}{dated}{body}</article>'


def _link(entry: NavigationEntry, *, current: bool) -> str:
    mark = ' aria-current="page"' if current else ""
    return f'<a href="{html.escape(entry.path)}"{mark}>{html.escape(entry.label)}</a>'


_LOGO = """<svg viewBox="0 0 32 32" width="30" height="30" fill="none" aria-hidden="true">
<path d="M5 12h17v7a7 7 0 0 1-7 7h-3a7 7 0 0 1-7-7z" fill="currentColor"/>
<path d="M22 14h3a3.5 3.5 0 0 1 0 7h-3.4" stroke="currentColor" stroke-width="2"/>
<path d="M10 9c0-3 3-3 3-6M16 9c0-3 3-3 3-6" stroke="#b98a44" stroke-width="1.8" stroke-linecap="round"/></svg>"""
_STYLE = """
:root { --ink: #23302a; --soft: #66736b; --leaf: #2d6a4f; --paper: #fcfbf7; --line: #e3e6dc; --tint: #eef4ee; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 17px/1.7 Georgia, "Times New Roman", serif; }
a { color: var(--leaf); text-underline-offset: 3px; }
header { background: #fff; border-bottom: 1px solid var(--line); }
.bar { max-width: 1040px; margin: 0 auto; padding: 16px 24px; display: flex; flex-wrap: wrap; align-items: center;
  gap: 10px 28px; }
.brand { display: flex; align-items: center; gap: 10px; color: var(--leaf); font-size: 21px; font-weight: 700;
  text-decoration: none; letter-spacing: .01em; }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; font: 15px/1.5 system-ui, sans-serif; }
nav a { color: var(--ink); text-decoration: none; padding: 4px 0; border-bottom: 2px solid transparent; }
nav a:hover, nav a[aria-current] { color: var(--leaf); border-color: var(--leaf); }
main { max-width: 720px; margin: 0 auto; padding: 28px 24px 56px; }
h1 { font-size: 38px; line-height: 1.15; margin: 8px 0 12px; letter-spacing: -.01em; }
h2 { font-size: 24px; line-height: 1.3; margin: 36px 0 8px; }
.trail, .dated { color: var(--soft); font: 14px/1.5 system-ui, sans-serif; margin: 0; }
.lead { font-size: 20px; color: var(--soft); margin: 0 0 12px; }
.dated { padding-bottom: 18px; border-bottom: 1px solid var(--line); }
.banner { background: var(--tint); border-radius: 14px; padding: 32px 36px; margin-bottom: 8px; }
.banner p { margin: 0; font-size: 19px; color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: 20px 0; font: 16px/1.5 system-ui, sans-serif; }
th { color: var(--soft); font-weight: 600; }
th, td { border-bottom: 1px solid var(--line); padding: 9px 10px; text-align: left; }
li { margin: 4px 0; }
footer { background: #fff; border-top: 1px solid var(--line); color: var(--soft);
  font: 14px/1.6 system-ui, sans-serif; }
footer p { max-width: 1040px; margin: 0 auto; padding: 22px 24px; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="description" content="{description}">
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header><div class="bar"><a class="brand" href="/">{logo}<span>{name}</span></a>
<nav aria-label="Guides">{navigation}</nav></div></header>
<main>{main}</main>
<footer><p>{name} is the sample site of flowbuilder. Its pages are Markdown files; publishing changes them.</p></footer>
</body>
</html>
"""
