"""Which parts of a page people can see: without those that are hidden, with those that a click opens."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_NEVER = "template, style, script:not([type*='ld+json' i])"
_HIDDEN = "[hidden], [aria-hidden='true' i]"
_HIDDEN_STYLE = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9]))"
)
_HIDING = ("hidden", "aria-hidden", "style")
_CONSENT = (
    "#onetrust-consent-sdk, #CybotCookiebotDialog, #usercentrics-root, #didomi-host, #cookie-law-info-bar, "
    "#cookie-notice, #cookiescript_injected, #truste-consent-track, #iubenda-cs-banner, #cmpbox, "
    "#qc-cmp2-container, .qc-cmp2-container, "
    ".fc-consent-root, .cc-window, .osano-cm-window, .cky-consent-container, .cmplz-cookiebanner, .moove-gdpr-info-bar"
)
"""The dialogs of consent managers: no part of the page."""
MOST = 0.5
"""A hidden element with this share of the page's text is the page itself, which a script shows when it has loaded."""


def drop_invisible(tree: LexborHTMLParser) -> list[str]:
    """Remove what people cannot see, and the dialogs of consent managers. Warns where the whole page is hidden.

    A page is hidden by itself until a script has run, against flicker: then it is read all the same. What a tab or a
    button opens (`aria-controls`, `role=tabpanel`, `details`, `hidden=until-found`) can be seen.
    """
    _remove(tree.css(f"{_NEVER}, {_CONSENT}"))
    warnings: list[str] = []
    for node in tree.css("html, body"):
        if _show(node):
            warnings.append(_hidden_page(node))
    hidden = [node for node in tree.css("[style]") if _is_hidden_by_style(node) and not _fades_in(node)]
    hidden += tree.css(_HIDDEN)
    opened = _opened_by_a_control(tree)
    total = _size(tree.body)
    dropped = []
    for node in {node.mem_id: node for node in hidden}.values():
        attributes = node.attributes
        if (
            attributes.get("role") == "tabpanel"
            or attributes.get("id") in opened
            or attributes.get("hidden") == "until-found"
        ):
            _show(node)
        elif total and _size(node) > MOST * total and node.css_first("main, article, h1, [role=main]") is not None:
            _show(node)
            warnings.append(_hidden_page(node))
        else:
            dropped.append(node)
    _remove(dropped)
    return warnings


def _is_hidden_by_style(node: LexborNode) -> bool:
    return bool(_HIDDEN_STYLE.search((node.attributes.get("style") or "").lower()))


def _fades_in(node: LexborNode) -> bool:
    """Whether an image is transparent until it is loaded."""
    return node.tag == "img" and "display" not in (node.attributes.get("style") or "").lower()


def _show(node: LexborNode) -> bool:
    """Remove what hides an element; whether there was something."""
    attributes = node.attributes
    hidden = "hidden" in attributes or attributes.get("aria-hidden") == "true" or _is_hidden_by_style(node)
    for name in _HIDING:
        if name in attributes:
            del node.attrs[name]
    return hidden


def _opened_by_a_control(tree: LexborHTMLParser) -> set[str]:
    found: set[str] = set()
    for node in tree.css("button[aria-controls], summary[aria-controls], [role=tab][aria-controls], a[aria-controls]"):
        found.update((node.attributes.get("aria-controls") or "").split())
    for node in tree.css("[role=tab][href^='#'], [data-toggle][href^='#'], [data-bs-toggle][href^='#']"):
        found.add((node.attributes.get("href") or "")[1:])
    return found - {""}


def _size(node: LexborNode | None) -> int:
    return len(node.text(deep=True)) if node is not None else 0


def _hidden_page(node: LexborNode) -> str:
    name = node.tag or "element"
    return f"the page hides its <{name}> until a script shows it; it was read all the same"


def _remove(nodes: list[LexborNode]) -> None:
    # each node once, inner nodes first: removing a node frees its children
    for node in reversed(list({node.mem_id: node for node in nodes}.values())):
        node.decompose()
