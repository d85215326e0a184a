"""What WordPress itself changes in a text while it saves it, for a user who may write any HTML."""

from __future__ import annotations

import re

_ENTITIES = dict(
    zip(
        range(128, 160),
        (
            8364, 0, 8218, 402, 8222, 8230, 8224, 8225, 710, 8240, 352, 8249, 338, 0, 381, 0,
            0, 8216, 8217, 8220, 8221, 8226, 8211, 8212, 732, 8482, 353, 8250, 339, 0, 382, 376,
        ),
        strict=True,
    )
)  # fmt: skip
_INVALID_ENTITY = re.compile(r"&#1[2-5]\d;")
_TRIMMED = " \n\r\t\v\0"
_NOT_LINKS = re.compile(r"<(script|style)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_TARGETED = re.compile(r"<a\s([^>]*target\s*=[^>]*)>", re.IGNORECASE)
_NAMED = re.compile(
    r"""\s*([_a-zA-Z][-_a-zA-Z0-9:.]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?(?=\s|/?$)""",
)


def trimmed(title: str) -> str:
    """A title as WordPress stores it: without blanks around it."""
    return title.strip(_TRIMMED)


def with_valid_entities(text: str) -> str:
    """A text with the numbers of Unicode for those of Windows' characters, `&#150;` (`convert_invalid_entities`)."""
    return _INVALID_ENTITY.sub(_valid, text) if "&#1" in text else text


def _valid(found: re.Match[str]) -> str:
    number = _ENTITIES.get(int(found[0][2:-1]))
    return found[0] if number is None else f"&#{number};" if number else ""


def with_link_rel(html: str) -> str:
    """HTML as WordPress before 6.7 stores it: links with a `target` have `rel="noopener"`, and their attributes one
    blank between them and quotes around their values (`wp_targeted_link_rel`)."""
    if "target" not in html.lower() or "<a" not in html.lower():
        return html
    parts, at = [], 0
    for skipped in _NOT_LINKS.finditer(html):
        parts += [_TARGETED.sub(_with_rel, html[at : skipped.start()]), skipped[0]]
        at = skipped.end()
    return "".join((*parts, _TARGETED.sub(_with_rel, html[at:])))


def _with_rel(link: re.Match[str]) -> str:
    whole: dict[str, str] = {}
    rel = ["noopener"]
    at, text = 0, link[1]
    while found := _NAMED.match(text, at):
        at, name = found.end(), found[1]
        value = next((one for one in found.groups()[1:] if one is not None), None)
        quote = "'" if found[3] is not None else '"'
        whole.setdefault(name, name if value is None else f"{name}={quote}{value}{quote}")
        if name == "rel":
            rel = list(dict.fromkeys([*(value or "").split(), "noopener"]))
    if "target" not in whole or text[at:].strip(" \n\r\t/"):
        return link[0]
    whole["rel"] = f'rel="{" ".join(rel)}"'
    return f"<a {' '.join(whole.values())}>"
