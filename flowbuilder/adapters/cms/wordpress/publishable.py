"""What WordPress stores of a proposal: Markdown as blocks, new HTML cleaned, everything else byte for byte. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import islice

from flowbuilder.adapters.cms.html import cleaned, unsafe_parts
from flowbuilder.adapters.cms.kept_tags import counted, swallowing
from flowbuilder.adapters.cms.wordpress.block_markup import Block, paragraphs, parse_blocks, with_attributes
from flowbuilder.adapters.cms.wordpress.markdown import to_blocks, to_html
from flowbuilder.adapters.cms.wordpress.markdown_tokens import form_of, has_open_fence, is_code
from flowbuilder.adapters.cms.wordpress.saving import trimmed, with_link_rel, with_valid_entities
from flowbuilder.errors import StepError
from flowbuilder.ports import CmsField, Publishable
from flowbuilder.values import JsonObject

MAX_FINDINGS = 20
MAX_COMPARED = 5_000
"""Number of characters of the longest passage that is compared with those of the page."""
_BLOCK_MARK = "<!-- wp:"


def publishable(field: CmsField, base: str, proposal: str) -> Publishable:
    """Implements `ports.PublishableForm`. `StepError` for HTML beyond the limits of a page, and (`not_publishable`) for
    new text that would be a part of what the page leaves open, or unsafe beside what the page has."""
    if proposal == base:
        return Publishable(text=proposal)
    findings: list[JsonObject] = []
    if field == "body":
        text = _body(base, proposal, findings)
    elif field == "description":
        text = _told(findings, "HTML", *cleaned(proposal))
    else:
        text = _told(findings, "HTML", *cleaned(proposal, inline=True))
    if field in ("body", "description"):
        text = _saved(findings, text, with_valid_entities(text), "a number of a character that HTML does not have")
    if field in ("title", "description"):
        text = _saved(findings, text, with_link_rel(text), 'links with a target: rel="noopener" was added')
    if field in ("title", "seo_title", "seo_description"):
        text = _saved(findings, text, trimmed(text), "blanks at the ends")
    return Publishable(text=text, findings=tuple(findings[:MAX_FINDINGS]))


def _body(base: str, proposal: str, findings: list[JsonObject]) -> str:
    """The content as it is stored; `StepError` (`not_publishable`)."""
    if around := swallowing(base, proposal):
        raise _refusal(f"the page leaves {around} open, and new text would be a part of it: close it there first")
    kept = counted(base)
    if kept:
        uncleaned = _Body(base, [], None)
        uncleaned.of(proposal)
        kept.subtract(sum(map(counted, uncleaned.unchanged), Counter()))
    text = _Body(base, findings, kept).of(proposal)
    added = unsafe_parts(text) - (unsafe_parts(base) | unsafe_parts(with_link_rel(base)))
    if not added:
        return text
    if not base.strip():  # parts that are safe alone, and not beside each other
        return _told(findings, "the page as a whole", *cleaned(text))
    found = ", ".join(sorted(f"<{tag}>" for tag, *_ in added))
    raise _refusal(f"beside what the page has already, the new text makes {found} that may not be published")


class _Body:
    """The content of a page that has `base`. `findings` takes what is changed in a proposal. `kept` are the tags of the
    page that changed passages may still have; with None nothing is cleaned. `unchanged` are the passages that the page
    has already."""

    def __init__(self, base: str, findings: list[JsonObject], kept: Counter[str] | None) -> None:
        self._findings = findings
        self._kept = kept
        self.unchanged: list[str] = []
        document = parse_blocks(base)
        self._in_blocks = bool(document.blocks) or not base.strip()
        self._known = Counter(block.text for block in document.inside())
        self._shells = {block.shell for block in document.inside() if block.blocks}
        own = [part for part in document.parts if isinstance(part, str)]
        self._paragraphs = Counter(text for part in own for text in paragraphs(part) if text.strip())

    def of(self, proposal: str) -> str:
        """The proposal as it is stored."""
        if _BLOCK_MARK in proposal and is_code(proposal, _BLOCK_MARK):
            document = Block(parts=[proposal])
        else:
            document = parse_blocks(proposal)
        return "".join(self._piece(part) for part in document.parts)

    def _piece(self, part: str | Block) -> str:
        return self._freeform(part) if isinstance(part, str) else self._block(part)

    # --- blocks ---

    def _block(self, block: Block) -> str:
        text = block.text
        if self._known[text] > 0:
            self._known[text] -= 1
            self._known.subtract(inner.text for inner in block.inside())
            self.unchanged.append(text)
            return text
        if not block.closer and block.parts and isinstance(block.parts[-1], str):  # what follows a block left open
            head = Block(name=block.name, opener=block.opener, attributes=block.attributes, parts=block.parts[:-1])
            if self._known[head.text] > 0 or head.shell in self._shells:
                return self._block(head) + self._freeform(block.parts[-1])
        name = f"block {block.name}"
        opener = with_attributes(block, lambda value: self._attribute(value, name))
        if block.blocks and block.shell in self._shells:
            self.unchanged += block.shell
            inner = [part if isinstance(part, str) else self._block(part) for part in block.parts]
            return block.opener + "".join(inner) + block.closer
        held = [self._block(part) for part in block.blocks]
        marks = [f"<!--{_name_for(text)}-{number}-->" for number in range(len(held))]
        rest = iter(marks)
        own = "".join(part if isinstance(part, str) else next(rest) for part in block.parts)
        clean = self._linked(self._cleaned(own, name), name)
        for mark, inner_text in zip(marks, held, strict=True):
            if mark not in clean:
                self._findings.append(_finding("taken_out", name, "a block inside what was taken out"))
            clean = clean.replace(mark, inner_text)
        return opener + clean + block.closer

    def _attribute(self, value: str, name: str) -> str:
        if value.strip().lower().startswith(("javascript:", "vbscript:", "data:text")):
            return _told(self._findings, name, "", [f"the address {value[:40]}"])
        return _told(self._findings, name, *cleaned(value))

    def _cleaned(self, html: str, where: str) -> str:
        return html if self._kept is None else _told(self._findings, where, *cleaned(html, kept=self._kept))

    def _linked(self, html: str, where: str) -> str:
        return _saved(self._findings, html, with_link_rel(html), 'links with a target: rel="noopener" was added', where)

    # --- text that is in no block: of the classic editor, HTML, or Markdown ---

    def _freeform(self, text: str) -> str:
        if not text.strip():
            return text
        runs = list(self._runs(text))
        self.unchanged += (piece for known, piece in runs if known)
        return "".join(piece if known else self._new(piece) for known, piece in runs)

    def _runs(self, text: str) -> Iterator[tuple[bool, str]]:
        """The text in runs: those that the page has already, and those that are new."""
        pieces = paragraphs(text)
        known = [not piece.strip() or self._take(piece) for piece in pieces]
        new = [index for index, is_known in enumerate(known) if not is_known]
        if not new:
            yield True, text
            return
        if any(has_open_fence(pieces[index]) for index in new):  # code with blank lines: its lines belong together
            known[new[0] : new[-1] + 1] = [False] * (new[-1] + 1 - new[0])
        runs: list[tuple[bool, list[str]]] = []
        for index, piece in enumerate(pieces):
            between = not piece.strip() and 0 < index < len(pieces) - 1
            is_known = known[index] and not (between and not known[index - 1] and not known[index + 1])
            if runs and runs[-1][0] == is_known:
                runs[-1][1].append(piece)
            else:
                runs.append((is_known, [piece]))
        for is_known, parts in runs:
            yield is_known, "".join(parts)

    def _made(self, part: str | Block) -> str:
        return part if isinstance(part, str) else self._block(part)

    def _is_edited(self, text: str) -> bool:
        """Whether a passage stands in the place of one that has marks of Markdown too, and is no Markdown."""
        size = len(text)
        gone = (one for one, count in self._paragraphs.items() if count > 0 and size / 2 < len(one) < size * 2)
        alike = (
            one for one in islice(gone, 20) if size < MAX_COMPARED and SequenceMatcher(None, one, text).ratio() > 0.7
        )
        return any(form_of(one) == "markdown" for one in alike)

    def _take(self, piece: str) -> bool:
        if self._paragraphs[piece] < 1:
            return False
        self._paragraphs[piece] -= 1
        return True

    def _new(self, text: str) -> str:
        form = form_of(text)
        if form == "markdown" and not self._in_blocks and self._is_edited(text):
            form = "html"
        if form == "markdown" or (self._in_blocks and form == "plain"):
            start, end = _ends(text)
            kind, make = ("blocks", to_blocks) if self._in_blocks else ("HTML", to_html)
            text = start + make(text) + end
            self._findings.append(_finding("converted", "text", f"Markdown became {kind}"))
            if self._in_blocks:
                return "".join(map(self._made, parse_blocks(text).parts))
        return self._linked(self._cleaned(text, "text"), "text")


def _refusal(message: str) -> StepError:
    return StepError(message, code="not_publishable", definitive=True)


def _ends(text: str) -> tuple[str, str]:
    """The blank lines at the start and at the end of a text."""
    start = text[: len(text) - len(text.lstrip())]
    end = text[len(text.rstrip()) :]
    return start[: start.rfind("\n") + 1], end


def _name_for(text: str) -> str:
    """A name that is in no text that can be made to hold it."""
    return "kept-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _told(findings: list[JsonObject], where: str, text: str, taken_out: list[str]) -> str:
    findings += (_finding("taken_out", where, f"{part} was taken out: it may not be published") for part in taken_out)
    return text


def _saved(findings: list[JsonObject], before: str, after: str, what: str, where: str = "text") -> str:
    if before != after:
        findings.append(_finding("changed_on_save", where, f"as WordPress stores it: {what}"))
    return after


def _finding(rule: str, place: str, evidence: str) -> JsonObject:
    severity = "info" if rule == "converted" else "warning"
    return {"rule": rule, "severity": severity, "place": place, "evidence": evidence}
