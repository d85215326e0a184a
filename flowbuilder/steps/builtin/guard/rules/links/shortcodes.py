"""A shortcode, component, macro or block of the site's generator is missing in the proposal or was changed.

One that has all that it had, and more, is worth a look.

Base:
    {{< figure src="/kettle.jpg" >}}

    Green tea needs 80 °C.
Wrong:
    Green tea needs 80 °C.
Right:
    {{< figure src="/kettle.jpg" >}}

    Green tea needs 80 °C or less.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Block
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_SHORTCODE = re.compile(
    r"\{\{[<%]?[^{}\n]{1,1000}[%>]?\}\}|\{%[^{}%\n]{1,1000}%\}|(?<![\w`&])</?[A-Z][\w.]{0,60}(?:\s[^<>]{0,4000})?/?>"
    r"|<!--\s?/?wp:[^\n]{1,4000}?-->"
    r"|\[\[[^\[\]\n]{1,200}\]\]|@\[[^\]\n]{1,200}\]\([^)\n]{0,500}\)"
    r"|(?<![\w\]!])\[/?[a-z][a-z_-]{2,40}(?:\s[\w-]{1,40}=[^\[\]\n]{1,500})\]"
    r"|(?<=[\w`)])\{[.#:][^{}\n]{1,200}\}"
)
_LINE = re.compile(
    r"^\s{0,12}(:{3,}[ \t]?.{0,200}|(?:!!!|\?\?\?\+?|===)[ \t].{1,200}|-{2,3}8<-{2,3}.{0,200}"
    r"|\[/?[a-z][a-z_-]{2,40}\]|import\s[^\n]{1,300}|export\s[^\n]{1,300})$",
    re.MULTILINE,
)
_NAME = re.compile(r"[A-Za-z][\w./-]*")


def check(change: Change, options: RuleOptions) -> Findings:
    """Each one that occurs less often than in the base; new ones are worth a look."""
    before, after = Counter(_codes(change.before)), Counter(_codes(change.after))
    fresh = list((after - before).elements())
    for code in (before - after).elements():
        name = _name(code)
        new = next((other for other in fresh if _name(other) == name), None)
        if new is None:
            yield Finding(code[:80], f"{code[:120]} was removed", code, "shortcodes or components were removed")
        else:
            fresh.remove(new)
            more = _pieces(code) <= _pieces(new)
            yield Finding(
                code[:80],
                f"{code[:120]} became {new[:120]}",
                code,
                "shortcodes or components were changed",
                "info" if more else None,
            )
    for code in fresh if change.has_base else ():
        yield Finding(code[:80], f"new: {code[:120]}", code, "new shortcodes or components", "info")


def _codes(blocks: list[Block]) -> Iterator[str]:
    for block in blocks:
        if block.kind in ("code", "front_matter") or (block.kind == "comment" and "wp:" not in block.raw[:12]):
            continue
        for match in _SHORTCODE.finditer(block.raw):
            yield " ".join(match[0].split())
        for line in _LINE.findall(block.raw):
            yield " ".join(line.split())


def _pieces(code: str) -> set[str]:
    """The name, the attributes and the other words, without the signs around them."""
    return {piece for piece in re.split(r"[\s{}<>%|/\[\]:]+", code) if piece}


def _name(code: str) -> str:
    found = _NAME.search(code)
    return f"{code[:2]}{found[0] if found else ''}"
