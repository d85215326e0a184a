"""The live stream in the browser: tells the page that something has happened, so that it is drawn anew at once."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_LISTEN = st.components.v2.component(
    "flowbuilder.live", js=Path(__file__).parent.with_name("live.js").read_text(encoding="utf-8")
)


def listen(execution_id: str, seen: int) -> None:
    """Have the fragment around this drawn anew when there are events after `seen`."""
    _LISTEN(
        key=f"fb-live-{execution_id}",
        data={"address": f"/events/{execution_id}", "seq": seen},
        on_seq_change=lambda: None,
        height="content",
    )
