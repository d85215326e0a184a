"""The inside of a block: links, images, code and emphasis, in Markdown, HTML or both, and the plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

_SPECIAL = re.compile(r"[\x00-\x02`<\[\]{}*_~\\@&]|//|  \n")
"""What a text has that is more than plain text."""
_HARD_BREAK = re.compile(r"(?: {2}|\\)\n")
_TICKS = re.compile(r"\\`|`+")
_DROPPED = re.compile(r"<!--.*?(?:-->|\Z)|\{/\*.*?(?:\*/\}|\Z)", re.DOTALL)
_TEMPLATE = re.compile(r"\{\{[^{}\n]{0,1000}\}\}|\{%[^{}%\n]{0,1000}%\}")
_TAG = re.compile(r"<(/?)([A-Za-z][\w.:-]{0,60})([^<>]{0,20000})>")
_ATTRIBUTE = re.compile(
    r"(?<![\w:@-])([\w:@-]{1,60})\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|\{([^{}]*)\}|([^\s\"'>{}]+))"
)
_BRACKET = re.compile(r"\\.|!?\[|\]")
_TARGET = re.compile(
    r"\(\s{0,9}(?:<([^<>\n]{0,2000})>|((?:[^\s()\\]|\\.|\([^\s()]{0,500}\)){0,2000}))"
    r"(?:\s{1,9}(?:\"[^\"]{0,2000}\"|'[^']{0,2000}'|\([^()]{0,500}\)))?\s{0,9}\)"
)
_LABEL = re.compile(r"\[([^\[\]]{0,300})\]")
_AUTOLINK = re.compile(r"<((?:https?|mailto|ftp):[^\s<>]{1,2000})>")
_BARE = re.compile(r"https?://[^\s<>\"')\]\x00-\x02\u3001\u3002\uff0c\uff09]{1,2000}", re.IGNORECASE)
_MAIL = re.compile(r"(?<![\w.+/:@-])[\w.+-]{1,64}@(?:[A-Za-z\d-]{1,63}\.){1,4}[A-Za-z]{2,12}(?![\w@-])")
_STRONG = re.compile(
    r"(?<![\w*])\*\*([^\s*](?:[^*]{0,200}[^\s*])?)\*\*(?![\w*])|(?<!\w)__([^\s_](?:[^_]{0,200}[^\s_])?)__(?!\w)"
)
_LIGHT = re.compile(
    r"(?<![\w*\\])\*([^\s*](?:[^*]{0,200}[^\s*])?)\*(?![\w*])|(?<![\w_\\])_([^\s_](?:[^_]{0,200}[^\s_])?)_(?!\w)"
)
_MARKS = re.compile(r"(?<!\\)[*_~]{1,3}(?=\S)|(?<=\S)(?<!\\)[*~]{1,3}|(?<=\S)_{1,3}(?!\w)|\\(?=[!-/:-@\[-`{-~])")
_ATTRIBUTE_LIST = re.compile(r"\{:?\s?[.#][^{}\n]{0,300}\}")
_EMPHATIC = {"strong": "strong", "b": "strong", "em": "light", "i": "light", "mark": "strong"}
MAX_LINK_TEXT = 2_000
CODE = "\x02"
"""What stands in the plain text for a code span."""


@dataclass
class Inline:
    """`links` are (text, target), `images` (target, alternative text), `code` the sources of code spans."""

    text: str
    links: list[tuple[str, str]] = field(default_factory=list)
    images: list[tuple[str, str]] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    emphasis: list[str] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    """The start tags, as (name, attributes)."""


def read_inline(raw: str, references: Mapping[str, str]) -> Inline:
    """Reads the inside of one block, in time that grows with its length. `references` are link definitions by label."""
    if _SPECIAL.search(raw) is None and not (references and label_key(raw) in references):
        return Inline(text=raw.replace("\n", " ").strip())
    found = Inline(text="")
    raw = _HARD_BREAK.sub("\x01", raw.replace("\x00", " ").replace("\x01", " ").replace(CODE, " ")).replace("\n", " ")
    raw = _DROPPED.sub("", _without_code(raw, found))
    templates: list[str] = []

    def hide(match: re.Match[str]) -> str:
        templates.append(match[0])
        return f"\x00{len(templates) - 1}\x00"

    def show(text: str) -> str:
        return re.sub(r"\x00(\d+)\x00", lambda match: templates[int(match[1])], text) if templates else text

    raw = _ATTRIBUTE_LIST.sub("", _TEMPLATE.sub(hide, raw))
    raw = _AUTOLINK.sub(lambda match: f"[{match[1]}]({match[1]})", raw)
    raw = _links(_tags(raw, found), references, found, show)
    known = {target for _, target in found.links}
    for match in _BARE.finditer(raw):
        target = match[0].rstrip(".,;:!?*_")
        if target in known:  # the text of a link
            continue
        found.links.append((target, target))
    if "@" in raw:
        found.links += (
            (match[0], f"mailto:{match[0]}") for match in _MAIL.finditer(raw) if f"mailto:{match[0]}" not in known
        )
    found.emphasis += [_plain(match[1] or match[2]) for match in (*_STRONG.finditer(raw), *_LIGHT.finditer(raw))]
    raw = raw.replace("\x01", "\n")
    found.text = _plain(re.sub(r"\x00\d+\x00", " ", raw))
    found.links = [(_plain(re.sub(r"\x00\d+\x00", " ", text)), show(target)) for text, target in found.links]
    found.images = [(show(source), show(text)) for source, text in found.images]
    return found


def attributes_of(source: str) -> dict[str, str]:
    """The attributes of a start tag by lower-case name."""
    return {
        match[1].lower(): html.unescape(next((value for value in match.groups()[1:] if value is not None), ""))
        for match in _ATTRIBUTE.finditer(source)
    }


def code_spans(text: str) -> Iterator[tuple[int, int, int]]:
    """The code spans of a text in backticks: start, end, and the number of backticks."""
    runs = [match for match in _TICKS.finditer(text) if match[0] != "\\`"]
    following: dict[int, int] = {}
    closing: dict[int, int] = {}
    for index in range(len(runs) - 1, -1, -1):
        size = len(runs[index][0])
        if size in following:
            closing[index] = following[size]
        following[size] = index
    index = 0
    while index < len(runs):
        end = closing.get(index)
        if end is None:
            index += 1
            continue
        yield runs[index].start(), runs[end].end(), len(runs[index][0])
        index = end + 1


def code_hidden(raw: str) -> str:
    """The text with as many other characters in place of its code spans."""
    if "`" not in raw:
        return raw
    parts: list[str] = []
    at = 0
    for start, end, _ in code_spans(raw):
        parts += (raw[at:start], CODE * (end - start))
        at = end
    return "".join((*parts, raw[at:]))


def _without_code(raw: str, found: Inline) -> str:
    if "`" not in raw:
        return raw
    parts: list[str] = []
    at = 0
    for start, end, size in code_spans(raw):
        found.code.append(" ".join(raw[start + size : end - size].split()))
        parts += (raw[at:start], CODE)
        at = end
    return "".join((*parts, raw[at:]))


def _tags(raw: str, found: Inline) -> str:
    """The text without tags; links and images of HTML are noted, `<code>` is code."""
    if "<" not in raw:
        return raw
    parts: list[str] = []
    at = 0
    link: tuple[str, int] | None = None
    opened: dict[str, int] = {}
    for match in _TAG.finditer(raw):
        if raw[max(0, match.start() - 2) : match.start()] == "](":  # the target of a link in angle brackets
            continue
        parts.append(raw[at : match.start()])
        at = match.end()
        closes, name = bool(match[1]), match[2].lower()
        if not closes:
            found.tags.append((match[2], match[3].strip().rstrip("/").rstrip()))
        if name in ("a", "link") and not closes:
            target = attributes_of(match[3])
            target_url = target.get("href") or target.get("to")
            link = (target_url, len(parts)) if target_url else None
        elif name in ("a", "link") and link is not None:
            found.links.append(("".join(parts[link[1] :]).strip(), link[0]))
            link = None
        elif name in ("img", "image") and not closes:
            attributes = attributes_of(match[3])
            found.images.append((attributes.get("src", ""), attributes.get("alt", "")))
        elif name in ("code", "kbd", "samp", "tt") or name in _EMPHATIC:
            if not closes:
                opened[name] = len(parts)
            elif (start := opened.pop(name, None)) is not None:
                inside = "".join(parts[start:])
                if name in _EMPHATIC:
                    found.emphasis.append(_plain(inside))
                elif CODE not in inside:
                    found.code.append(" ".join(html.unescape(inside).split()))
                    parts[start:] = [CODE]
        elif name in ("br", "p", "div", "td", "th", "li", "summary", "hr"):
            parts.append("\n")
    if link is not None:
        found.links.append(("".join(parts[link[1] :]).strip()[:80], link[0]))
    return "".join((*parts, raw[at:]))


def _links(raw: str, references: Mapping[str, str], found: Inline, show: Callable[[str], str]) -> str:
    """The text with Markdown links replaced by their texts and without images; both are noted."""
    if "[" not in raw:
        return raw
    parts: list[str] = []
    open_at: list[tuple[int, int, bool]] = []
    at = 0
    for match in _BRACKET.finditer(raw):
        if match.start() < at or match[0][0] == "\\":
            continue
        parts.append(raw[at : match.start()])
        at = match.end()
        if match[0] != "]":
            open_at.append((len(parts), at, match[0][0] == "!"))
            parts.append(match[0])
            continue
        if not open_at:
            parts.append("]")
            continue
        start, begin, image = open_at.pop()
        if at - begin > MAX_LINK_TEXT:
            parts.append("]")
            continue
        inside = "".join(parts[start + 1 :])
        target, end = _target(raw, at, inside, references)
        if target is None:
            parts.append("]")
        else:
            at = end
            if image:
                found.images.append((show(target), _plain(inside)))
                parts[start:] = []
            else:
                found.links.append((inside, show(target)))
                parts[start:] = [inside]
    return "".join((*parts, raw[at:]))


def _target(raw: str, at: int, inside: str, references: Mapping[str, str]) -> tuple[str | None, int]:
    if (match := _TARGET.match(raw, at)) is not None:
        return html.unescape(match[1] if match[1] is not None else match[2]), match.end()
    if (label := _LABEL.match(raw, at)) is not None:
        name = label[1] or inside
        return references.get(label_key(name)), label.end()
    return references.get(label_key(inside)) if references and len(inside) < 300 else None, at


def label_key(label: str) -> str:
    """The label of a link reference as it is compared."""
    return " ".join(label.casefold().split())


def _plain(text: str) -> str:
    return html.unescape(_MARKS.sub("", text)).strip()
