"""Widgets whose value is in the query parameters of the URL, so that users can share a view.

The URL holds the option's name. Streamlit's own binding would keep its label, and labels contain counts.
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
    """A select box of `options` (name to label). The query parameter `name` holds a choice other than the default."""
    key = _load(name, options, default)
    chosen = st.selectbox(
        title, list(options), format_func=options.__getitem__, key=key,
        on_change=_write, args=(name, default, on_change),
        label_visibility="visible" if visible else "collapsed", width=width,
    )  # fmt: skip
    return chosen if chosen in options else default


def segmented(
    title: str, options: Mapping[str, str], *, name: str, default: str, on_change: Callable[[], None] | None = None
) -> str:
    """A segmented control of `options` (name to label). The query parameter `name` holds a choice other than the
    default."""
    key = _load(name, options, default)
    chosen = st.segmented_control(
        title, list(options), format_func=options.__getitem__, key=key,
        on_change=_write, args=(name, default, on_change),
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    return default if chosen is None else chosen


def multi_select(
    title: str, options: Sequence[str], *, name: str, on_change: Callable[[], None] | None = None
) -> tuple[str, ...]:
    """A choice of any number of `options`, with one query parameter for each."""
    key = _key(name)
    st.session_state[key] = [option for option in st.query_params.get_all(name) if option in options]
    chosen = st.pills(
        title, options, format_func=str.capitalize, selection_mode="multi", key=key,
        on_change=_write, args=(name, [], on_change), label_visibility="collapsed",
    )  # fmt: skip
    return tuple(chosen or ())


def _key(name: str) -> str:
    return f"fb:address:{name}"


def _load(name: str, options: Mapping[str, str], default: str) -> str:
    """Set the widget's value from the URL before it is drawn; `_write` has stored every choice there."""
    key, value = _key(name), st.query_params.get(name, default)
    st.session_state[key] = value if value in options else default
    return key


def _write(name: str, default: object, then: Callable[[], None] | None) -> None:
    chosen = st.session_state.get(_key(name))
    if chosen is None or chosen == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = chosen
    if then is not None:
        then()
