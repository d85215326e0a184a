"""The targets of links: where they lead, and when two lead to the same."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit


def host_of(target: str) -> str | None:
    """The host of a target; None of a relative or unreadable one."""
    try:
        return urlsplit(target).hostname
    except ValueError:  # such as http://[URL]
        return None


def bare_target(target: str) -> str:
    """Equal for targets that differ only in scheme, `www.`, a final slash, or the escaping of characters."""
    return re.sub(r"^(?:https?:)?//(?:www\.)?", "//", unquote(target)).rstrip("/").lower()
