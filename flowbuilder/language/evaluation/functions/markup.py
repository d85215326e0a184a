"""Functions of HTML."""

from __future__ import annotations

import html

from flowbuilder.language.evaluation.functions.registry import function
from flowbuilder.language.limits import Meter


@function(gives="text")
def strip_html(meter: Meter, value: str) -> str:
    """The text without tags and comments, with entities resolved and white space folded.

    `"<p>Fish &amp; <b>chips</b></p>" | strip_html` -> `"Fish & chips"`. It is for reading, not a defence: what is left
    may still look like HTML.
    """
    meter.hold(3 * len(value))
    meter.work(len(value) >> 3)
    pieces: list[str] = []
    position = 0
    while (opening := value.find("<", position)) >= 0:
        pieces.append(value[position:opening])
        comment = value.startswith("<!--", opening)
        closing = value.find("-->" if comment else ">", opening)
        if closing < 0:
            pieces.append(value[opening:])
            position = len(value)
            break
        pieces.append(" " if value[opening + 1 : opening + 2] in ("/", "!", "b", "p", "B", "P") else "")
        position = closing + (3 if comment else 1)
    pieces.append(value[position:])
    meter.work(len(pieces))
    meter.hold(16 * len(pieces))
    return " ".join(html.unescape("".join(pieces)).split())


@function(gives="text")
def escape_html(meter: Meter, value: str) -> str:
    """The text for use inside HTML. `"a < b & c" | escape_html` -> `"a &lt; b &amp; c"`."""
    meter.hold(6 * len(value))
    return html.escape(value)
