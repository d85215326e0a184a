"""The proposal leaves something open that the base closes: an HTML tag, a code fence, a comment, a shortcode.

Base:
    <div class="note">Green tea needs 80 °C.</div>
Wrong:
    <div class="note">Green tea needs 80 °C.
Right:
    <div class="note">Green tea needs less than 80 °C.</div>
"""

from __future__ import annotations

import re
from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Document, excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_TAG = re.compile(
    r"<(/?)([A-Za-z][\w.-]{0,40}(?::[A-Za-z][\w-]{0,40})?)(?=[\s/>])((?:[^<>\"'{}]|\"[^\"<]{0,2000}\"|'[^'<]{0,2000}'|\{[^{}]{0,500}\}){0,3000})>"
)
_WITHOUT_END = """
    area base br col embed hr img input link meta param source track wbr p li dt dd tr td th option tbody thead tfoot
"""
_WITH_END = """
    a abbr address article aside audio b bdi bdo blockquote body button canvas caption center cite code colgroup data
    datalist del details dfn dialog div dl em fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header
    hgroup html i iframe ins kbd label legend main map mark math menu meter nav noscript object ol optgroup output
    picture pre progress q rp rt ruby s samp script section select small span strong style sub summary sup svg table
    template textarea time title u ul var video
"""
_ALWAYS_OPEN = frozenset(_WITHOUT_END.split())
_ELEMENTS = frozenset(_WITH_END.split())
_END = re.compile(r"</([A-Za-z][\w.-]{0,40}(?::[A-Za-z][\w-]{0,40})?)")
_SHORTCODE = re.compile(
    r"\{\{[<%]\s{0,3}(/?)\s{0,3}([\w/-]{1,60})[^{}]{0,500}?(/?)\s{0,3}[%>]\}\}|\{%-?\s{0,3}(end)?(\w{1,40})[^{}%]{0,500}%\}"
)
_BOLD = re.compile(r"(?<!\*)\*\*(?!\*)")


def check(change: Change, options: RuleOptions) -> Findings:
    """What is open more often than in the base."""
    ended = frozenset(name for document in (change.base, change.proposal) for name in _END.findall(document.text))
    base, proposal = _open(change.base, ended), _open(change.proposal, ended)
    for what, number in proposal.items():
        if number > max(0, base[what]):
            yield Finding(
                _place(change, what), f"{what} is opened and not closed", what, "parts are opened and not closed"
            )
    for what, number in proposal.items():
        if number < min(0, base[what]):
            yield Finding(
                _place(change, what), f"{what} is closed and not opened", what, "parts are closed and not opened"
            )
    for block in change.after:
        odd = block.kind in ("paragraph", "item") and len(_BOLD.findall(block.raw)) % 2 == 1
        if odd and not any(sign in block.raw for sign in ("`", "math", "$", "\\*")):
            yield Finding(block.excerpt(), "** is opened and not closed", "**", "parts are opened and not closed")


def _open(document: Document, ended: frozenset[str]) -> Counter[str]:
    """How often what is opened more than closed; negative for what is closed more. `ended` are names of end tags."""
    found = Counter[str](document.unclosed)
    codes = Counter[str]()
    paired: set[str] = set()
    for match in _SHORTCODE.finditer(document.outside_code):
        name = match[2] or (match[5] or "").strip()
        closes = bool(match[1] or match[4])
        if closes:
            paired.add(name)
        if not match[3]:
            codes[name] += -1 if closes else 1
    found.update({name: number for name, number in codes.items() if name in paired})
    for match in _TAG.finditer(_SHORTCODE.sub(" ", document.outside_code)):
        name = match[2]
        if name.lower() not in _ELEMENTS and name not in ended:  # a placeholder such as <VERSION>
            continue
        if name.lower() not in _ALWAYS_OPEN and not match[3].rstrip().endswith(("/", "=")):
            found[f"<{name}>"] += -1 if match[1] else 1
    return found


def _place(change: Change, what: str) -> str:
    at = change.proposal.text.find(what.rstrip(">"))
    return excerpt(change.proposal.text[max(0, at) :][:80]) if at >= 0 else what
