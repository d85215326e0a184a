"""Rows and cards that can be clicked: our own HTML with a transparent button over it, so that keys reach it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from review_app.markdown_escape import label
from review_app.widgets.page_frame import show


def row(
    key: str,
    markup: str,
    *,
    name: str,
    selected: bool = False,
    on_click: Callable[..., None] | None = None,
    args: tuple[Any, ...] = (),
) -> bool:
    """Draw `markup` as something to click; `name` is what it is called for those who do not see it."""
    kind = "fbon" if selected else "fbrow"
    with st.container(key=f"{kind}-{key}", gap=None):
        show(markup)
        return st.button(label(name, 120), key=f"row:{key}", on_click=on_click, args=args, width="stretch")
