"""Choices that live in the address, so that a view can be sent to someone: by the option's own name, not by its label.

Streamlit's own binding keeps the label there, and labels hold counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import streamlit as st


def select(
    title: str,
    options: Mapping[str, str],
    *,
    name: str,
    default: str,
    on_change: Callable[[], None] | None = None,
    visible: bool = False,
    width: int | Literal["stretch"] = "stretch",
) -> str:
    """A box with one of `options` (name to label); the address's parameter `name` holds it unless it is the default."""
    key = _fill(name, options, default)
    chosen = st.selectbox(
        title, list(options), format_func=options.__getitem__, key=key,
        on_change=_write, args=(name, default, on_change),
        label_visibility="visible" if visible else "collapsed", width=width,
    )  # fmt: skip
    return chosen if chosen in options else default


def switch(
    title: str, options: Mapping[str, str], *, name: str, default: str, on_change: Callable[[], None] | None = None
) -> str:
    """The same as a row of buttons."""
    key = _fill(name, options, default)
    chosen = st.segmented_control(
        title, list(options), format_func=options.__getitem__, key=key,
        on_change=_write, args=(name, default, on_change),
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    return default if chosen is None else chosen


def several(
    title: str, options: Sequence[str], *, name: str, on_change: Callable[[], None] | None = None
) -> tuple[str, ...]:
    """Any number of `options`; the address holds them one parameter each."""
    key = _key(name)
    st.session_state[key] = [option for option in st.query_params.get_all(name) if option in options]
    chosen = st.pills(
        title, options, selection_mode="multi", key=key, on_change=_write, args=(name, [], on_change),
        label_visibility="collapsed",
    )  # fmt: skip
    return tuple(chosen or ())


def _key(name: str) -> str:
    return f"fb:address:{name}"


def _fill(name: str, options: Mapping[str, str], default: str) -> str:
    """What the address says goes into the widget before it is drawn; a choice has been written there before."""
    key, said = _key(name), st.query_params.get(name, default)
    st.session_state[key] = said if said in options else default
    return key


def _write(name: str, default: object, then: Callable[[], None] | None) -> None:
    chosen = st.session_state.get(_key(name))
    if chosen is None or chosen == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = chosen
    if then is not None:
        then()
