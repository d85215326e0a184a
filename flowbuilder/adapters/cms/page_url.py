"""URLs of pages: read only as a reviewer who was shown them reads them."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from flowbuilder.errors import StepError

_UNSEEN = re.compile(r"[\x00-\x1f\x7f]|^ | $")
_SPELLED = re.compile(r"%(?:3[0-9]|[46][1-9a-f]|[57][0-9a])", re.IGNORECASE)


def split_page_url(url: str) -> SplitResult:
    """The parts of a page's URL. `StepError` (`bad_url`) where it has control characters, which a URL parser
    drops, or letters and digits as codes (`%70`), which no program writes."""
    if _UNSEEN.search(url):
        raise StepError(f"{url!r:.200} has a control character or a blank around it", code="bad_url")
    spelled = _SPELLED.search(url.partition("?")[0])
    if spelled is not None:
        raise StepError(f"{url:.200} has a letter or digit as a code, {spelled[0]}: write it out", code="bad_url")
    return urlsplit(url)
