"""Reads the text of a Streamlit page rendered without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]


def markup(page: AppTest) -> str:
    """All HTML of the page."""
    return "\n".join(str(each.proto.body) for each in page.get("html"))


def words(page: AppTest) -> str:
    """The text of all HTML of the page, without its tags."""
    return html.unescape(re.sub(r"<[^>]*>", " ", markup(page)))


def title(page: AppTest) -> str:
    """The title of the main part of the page: the last title, as a list next to it may have one too."""
    found = re.findall(r'class="fb-title">(.*?)(?:<span|</div>)', markup(page), re.DOTALL)
    assert found, markup(page)[:2000]
    return html.unescape(found[-1])


def alerts(page: AppTest) -> str:
    """All errors, warnings and toasts, without Markdown escapes."""
    boxes = re.findall(r'role="alert">(.*?)</div>', markup(page), re.DOTALL)
    messages = [html.unescape(re.sub(r"<[^>]*>", "", injector)) for injector in boxes]
    toasts = (re.sub(r"\\([^\w\s])", r"\1", str(each.value)).replace("\u2060", "") for each in page.toast)
    return "\n".join([*messages, *toasts])
