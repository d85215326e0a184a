"""Text for places that read it as something else: Streamlit reads labels, titles, toasts and messages as Markdown."""

from __future__ import annotations

import html
import re

from review_app.invisible_characters import visible

_SYNTAX = re.compile(r"[\\`*_{}\[\]<>#+\-.!|~$:@&^=]")
_LATE = re.compile(r":(?=\S)|-(?=[->])|<(?=-)|@|www(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"
_NAMED = re.compile(r"(⟨U\+[0-9A-F]{4,6}⟩)")


def label(text: object, limit: int = 200) -> str:
    """Any text as Markdown that shows exactly that text on one line, cut at `limit` characters.

    Backslashes keep Markdown's syntax from working. Emoji and icon names (`:name:`), arrows (`->`) and addresses are
    looked for after those are gone, so a word joiner, which draws nothing, breaks them.
    """
    line = " ".join(visible(str(text)[: 4 * limit]).split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return _SYNTAX.sub(r"\\\g<0>", _LATE.sub(r"\g<0>" + _JOINER, line))


def escaped(text: object) -> str:
    """Any text as HTML that shows exactly that text, what cannot be seen by its name."""
    return _NAMED.sub(r'<span class="fb-unseen">\1</span>', html.escape(visible(str(text)), quote=True))


def attribute(text: object) -> str:
    """Any text for inside a quoted HTML attribute."""
    return html.escape(visible(str(text)), quote=True)
