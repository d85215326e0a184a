"""Tags of a page that a new text still has: they are kept, byte for byte, while the rest of the text is cleaned."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

# possessive: nothing is tried twice. A quote is one after `=` only, as for a browser
_TAG = re.compile(
    r"""<(?:!--|(?P<other>[!?][^>]*+>?)|(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)(?P<attributes>(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+)(?P<last>>?))"""
)
_COMMENT_END = re.compile(r"--!?>")
_RAW = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])[^>]*+(>?)", re.IGNORECASE) for name in _RAW}


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A tag, a comment, or an element whose content is text (`script`) as a whole. `opener` is its start without
    content; `is_open` says that the text ends inside it."""

    text: str
    name: str
    start: int
    opener: str
    is_end: bool = False
    has_attributes: bool = False
    is_open: bool = False


def tags_of(html: str) -> Iterator[Tag]:
    """The tags of HTML in order, each with its bytes."""
    at = 0
    while found := _TAG.search(html, at):
        start, at = found.start(), found.end()
        if found["name"] is None:
            end = None if found["other"] else _COMMENT_END.search(html, start + 2)
            at = at if found["other"] else end.end() if end else len(html)
            is_open = html[at - 1] != ">" if found["other"] else end is None
            name = found["other"][:1] if found["other"] else "!--"
            yield Tag(text=html[start:at], name=name, start=start, opener=name, is_open=is_open)
            continue
        name, is_open = found["name"].lower(), not found["last"]
        if name in _RAW and not found["end"] and not is_open:
            end = _RAW_END[name].search(html, at)
            if name == "textarea" and end and end[1]:  # the text of a field may change
                yield Tag(text=found[0], name=name, start=start, opener=found[0], has_attributes=True)
                yield Tag(text=end[0], name=name, start=end.start(), opener=end[0], is_end=True)
                at = end.end()
                continue
            at, is_open = end.end() if end else len(html), end is None or not end[1]
        yield Tag(
            text=html[start:at],
            name=name,
            start=start,
            opener=found[0],
            is_end=bool(found["end"]),
            has_attributes=bool(found["attributes"].strip(" \t\r\n\f/")),
            is_open=is_open,
        )


def swallowing(base: str, proposal: str) -> str:
    """What `base` leaves open so that new text of the proposal would be a part of it: `<script>`; empty for nothing."""
    left = next((tag for tag in tags_of(base) if tag.is_open), None)
    if left is None:
        return ""
    for tag in tags_of(proposal):
        more = tag.text[len(left.text) :]
        if tag.name == left.name and tag.text.startswith(left.text) and _is_text(left, more):
            return "<!--" if left.name == "!--" else f"<{left.name}>"
    return ""


def _is_text(left: Tag, more: str) -> bool:
    """Whether what follows an open tag begins with something else than its end."""
    if left.name == "!--":
        end = _COMMENT_END.search(more)
    elif left.name in _RAW and left.opener.endswith(">"):
        end = _RAW_END[left.name].search(more)
    else:
        return "<" in more
    return bool((more[: end.start()] if end else more).strip())


def counted(html: str) -> Counter[str]:
    """How often HTML has each of its tags, by their bytes."""
    return Counter(tag.text for tag in tags_of(html) if tag.name != "!--")


def marked(html: str, kept: Counter[str], allowed: Collection[str]) -> tuple[str, dict[str, str]]:
    """HTML in which marks stand for the tags in `kept` that cleaning might change, and what each mark stands for.

    `allowed` are the names of elements that cleaning keeps: of these the attributes are marked. `kept` is counted down.
    """
    name_of_mark = "kept-" + hashlib.sha256(html.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    parts, at = [], 0
    marks: dict[str, str] = {}
    is_kept: dict[str, list[bool]] = {}  # for each element that is open: whether its start was kept
    for tag in tags_of(html):
        if tag.name == "!--" or (tag.name in allowed and (tag.is_end or not tag.has_attributes)):
            continue
        keep = kept[tag.text] > 0
        if tag.is_end:
            keep = is_kept[tag.name].pop() if is_kept.get(tag.name) else keep
        elif tag.name == "textarea" or tag.name not in _RAW:
            is_kept.setdefault(tag.name, []).append(keep)
        if not keep:
            continue
        kept[tag.text] -= 1
        number = f"{name_of_mark}-{len(marks)}"
        mark = f'<{tag.name} data-kept="{number}">' if tag.name in allowed else f"<!--{number}-->"
        marks[mark] = tag.text
        parts += [html[at : tag.start], mark]
        at = tag.start + len(tag.text)
    return "".join((*parts, html[at:])), marks


def unmarked(html: str, marks: Mapping[str, str]) -> str:
    """HTML with the tags for which its marks stand."""
    if not marks:
        return html
    return re.sub("|".join(map(re.escape, marks)), lambda found: marks[found[0]], html)
