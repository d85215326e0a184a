"""What two nodes of a Ghost document have to have in common to say the same."""

from __future__ import annotations

from typing import Any

SOURCES = ("html", "markdown")
"""The cards that hold a text in another language, each in a member of the same name."""
_ALIASES = {"text": "extended-text", "heading": "extended-heading", "quote": "extended-quote"}
IMAGE_DEFAULTS = {
    "src": "", "width": None, "height": None, "title": "", "alt": "", "caption": "", "cardWidth": "regular", "href": "",
}  # fmt: skip
_VISIBLE: dict[str, Any] = {
    "web": {"nonMember": True, "memberSegment": "status:free,status:-free"},
    "email": {"memberSegment": "status:free,status:-free"},
}
_LEVELS = 100


def too_deep(value: Any) -> bool:
    """Whether JSON is nested deeper than any document of Ghost's editor."""
    level = [value]
    for _ in range(_LEVELS):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
        ]
        if not level:
            return False
    return True


def normal(node: Any) -> Any:
    """The node without what no reader of the page sees: names of earlier editors, the direction that is derived from
    the text, the number of a list item, members at their default."""
    if isinstance(node, list):
        return _joined([normal(one) for one in node])
    if not isinstance(node, dict):
        return node
    kind = node.get("type")
    found = {name: normal(value) for name, value in node.items()}
    if isinstance(kind, str):
        found["type"] = _ALIASES.get(kind, kind)
    for name, plain in (("direction", ("ltr", None)), ("textFormat", (0,)), ("textStyle", ("",))):
        if name in found and found[name] in plain:
            del found[name]
    if kind == "listitem":
        found.pop("value", None)
    if kind == "link":
        found = {"rel": None, "target": None, "title": None, **found}
    if kind == "image":
        found = {**IMAGE_DEFAULTS, **{name: value for name, value in found.items() if value is not None}}
    if kind in SOURCES and found.get("visibility") == _VISIBLE:
        del found["visibility"]
    if kind == "codeblock":
        found = {"language": "", "caption": "", **found}
    return found


def _joined(nodes: list[Any]) -> list[Any]:
    """The nodes with texts of one format that stand beside each other as one text."""
    found: list[Any] = []
    for node in nodes:
        last = found[-1] if found else {}
        if _is_text(node) and _is_text(last) and {**node, "text": ""} == {**last, "text": ""}:
            found[-1] = {**last, "text": str(last["text"]) + str(node["text"])}
        else:
            found.append(node)
    return found


def _is_text(node: Any) -> bool:
    return isinstance(node, dict) and node.get("type") == "extended-text"
