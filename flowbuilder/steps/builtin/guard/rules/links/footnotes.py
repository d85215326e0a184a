"""A footnote or a citation of the base is missing in the proposal, leads nowhere, or says something else.

Base:
    Green tea needs 80 °C.[^1] So says Kaiser (Kaiser, 2019).

    [^1]: Tea board, 2020.
Wrong:
    Green tea needs 80 °C.[^1] So says Kaiser (Kaiser, 2019).
Wrong:
    Green tea needs 80 °C.[^1] So says Kaiser.

    [^1]: Tea board, 2020.
Right:
    Green tea needs 80 °C or less.[^1] So says Kaiser (Kaiser, 2019).

    [^1]: Tea board, 2020.
"""

from __future__ import annotations

import re
from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_REFERENCE = re.compile(r"\[\^([^\]\s]{1,80})\](:?)")
_CITATION = re.compile(
    r"(?<![\w\])!])\[\d{1,3}(?:[,–-]\s?\d{1,3}){0,8}\](?![(:\[])|\[@[^\]\n]{1,120}\](?![(:\[])"
    r"|[(\uff08][A-Z\u00c0-\u00de](?:[^\W\d]|[.&'’ -]){1,60}"
    r"(?:,|\sand(?:\s[^\W\d]{1,30}){1,3},?|\set al\.?,?)\s(?:1[5-9]"
    r"|20)\d\d[a-z]?(?:,\s?p{1,2}\.\s?\d{1,5})?[)\uff09]"
    r"|<cite\b[^<>]{0,500}>[^<]{0,300}</cite>|<sup\b[^<>]{0,300}>(?:<a\b[^<>]{0,500}>)?\[?\d{1,3}\]?(?:</a>)?</sup>"
    r"|\b(?:doi:\s?|https://doi\.org/)10\.\d{4,9}/[^\s<>)\"]{1,120}|\bISBN[\s:-]{0,3}[\dX-]{10,17}"
)
_NOTE = re.compile(r"^(\[\^[^\]\s]{1,80}\]):[ \t]*(\S.{0,2000})$", re.MULTILINE)
_SOURCE = re.compile(
    r"^[*_\s>]{0,6}(?:source|sources|quelle|quellen|fuente|fuentes|fonte|fonti|bron|bronnen|źródło|источник|出典"
    r"|来源|資料來源)s?\s?[:：]",
    re.IGNORECASE | re.MULTILINE,
)


def check(change: Change, options: RuleOptions) -> Findings:
    """Each reference, note and citation that occurs less often than in the base."""
    before, after = change.base.source, change.proposal.source
    references, left = Counter(_marks(before)), Counter(_marks(after))
    for mark in references - left:
        yield Finding(mark, f"the footnote {mark} was removed", mark, "footnotes were removed")
    notes, texts = set(_marks(after)), _REFERENCE.findall(after)
    for name, colon in dict.fromkeys(texts):
        if not colon and f"[^{name}]:" not in notes and f"[^{name}]" not in references:
            yield Finding(f"[^{name}]", f"there is no note for the footnote [^{name}]", name, "footnotes have no note")
    yield from _texts(before, after)
    cited, quoted = Counter(_CITATION.findall(before)), Counter(_CITATION.findall(after))
    for citation in cited - quoted:
        yield Finding(citation[:80], f"the citation {citation[:100]} was removed", citation, "citations were removed")
    for citation in quoted - cited if change.has_base else ():
        yield Finding(citation[:80], f"a new citation: check {citation[:100]}", citation, "new citations")
    sources = [len(_SOURCE.findall(text)) for text in (before, after)]
    if sources[1] < sources[0]:
        yield Finding("", "a line that names the source was removed")


def _texts(before: str, after: str) -> Findings:
    """Notes that say something else: what another one said, or other words."""
    old, new = dict(_NOTE.findall(before)), dict(_NOTE.findall(after))
    said = {text: mark for mark, text in old.items()}
    for mark, text in old.items():
        now = new.get(mark, text)
        if now != text:
            other = said.get(now)
            evidence = f"the note {mark} says what {other} said" if other else f"the note {mark} says something else"
            yield Finding(mark, evidence, mark, "notes have another text", None if other else "info")


def _marks(text: str) -> list[str]:
    return [match[0] for match in _REFERENCE.finditer(text)]
