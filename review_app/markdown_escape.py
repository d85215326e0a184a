"""Escapes text for Markdown (Streamlit's labels, titles, toasts and messages) and for HTML."""

from __future__ import annotations

import html
import re

from flowbuilder.model.invisible_characters import visible

_SYNTAX = re.compile(r"[\\`*_{}\[\]<>#+\-.!|~$:@&^=]")
_REPLACED_LATE = re.compile(r":(?=\S)|-(?=[->])|<(?=-)|@|www(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"
_CODE = re.compile(r"(⟨U\+[0-9A-F]{4,6}⟩)")


def label(text: object, limit: int = 200) -> str:
    """Markdown that shows exactly this text on one line, cut at `limit` characters.

    Backslashes escape the syntax of Markdown. Streamlit replaces emoji and icon names (`:name:`), arrows (`->`) and
    URLs after it has removed the backslashes, so a word joiner, which is invisible, breaks those.
    """
    line = " ".join(visible(str(text)[: 4 * limit]).split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return _SYNTAX.sub(r"\\\g<0>", _REPLACED_LATE.sub(r"\g<0>" + _JOINER, line))


def escaped(text: object) -> str:
    """HTML that shows exactly this text, with invisible characters as codes."""
    return _CODE.sub(r'<span class="fb-unseen">\1</span>', html.escape(visible(str(text)), quote=True))


def attribute(text: object) -> str:
    """Text escaped for a quoted HTML attribute."""
    return html.escape(visible(str(text)), quote=True)
