"""Code of the base is missing in the proposal or was changed: a block, its language, or code in a sentence.

Lines that were added, other comments, white space, quotation marks, the language of a block, and code of a sentence
that is plain text now or whose sentence was rewritten, are worth a look.

Base:
    Call `brew(80)`:

    ```python
    brew(80)
    ```
Wrong:
    Call `brew(80)`:

    ```python
    brew(90)
    ```
Wrong:
    Call `brew`:

    ```python
    brew(80)
    ```
Right:
    Now call `brew(80)`:

    ```python
    brew(80)
    ```
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from flowbuilder.steps.builtin.guard.alignment import similarity
from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Block
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions, Severity
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
ALIKE = 0.9
"""A block that is less alike was rewritten, and its code with it."""
MAX_LINES = 20
"""Lines of a lost code block that are looked for."""
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|--|;|%|\*|/\*|<!--).*$|\s*/\*.*?\*/\s*")

_STYLE = re.compile(r"[\s;,\"'`]+")


def check(change: Change, options: RuleOptions) -> Findings:
    """Each piece of code that was removed or changed."""
    for block in change.removed:
        if block.kind == "code":
            place = block.excerpt()
            yield Finding(place, f"a code block was removed: {place}", place, "code blocks were removed")
    for old, new in change.changed:
        if old.kind == "code":
            yield from _block(old, new)
    yield from _unmarked(change)
    yield from _spans(change)


def _unmarked(change: Change) -> Findings:
    """Code of which nothing but the text is left, where all of the page was code."""
    if change.removed or not (lost := [block for block in change.lost if block.kind == "code"]):
        return
    text = " ".join(" ".join(block.raw for block in change.proposal.blocks if block.kind != "code").split())
    for block in lost:
        if (lines := block.raw.split("\n")) and all(" ".join(line.split()) in text for line in lines[:MAX_LINES]):
            place = block.excerpt()
            yield Finding(place, f"is no longer marked as code: {place}", place, "code blocks are no longer marked")


def _block(old: Block, new: Block) -> Findings:
    """What happened to a code block."""
    place = new.excerpt()
    if old.raw.split() != new.raw.split():
        texts = {bare: line for block in (new, old) for bare, line in _lines(block.raw)}
        before, after = (Counter(bare for bare, _ in _lines(block.raw)) for block in (old, new))
        lost, come = (next(iter(difference), None) for difference in (before - after, after - before))
        severity: Severity | None = None if lost else "info"
        became = f"became “{texts[come][:80]}”" if come else "was removed"
        line = f"“{texts[lost][:80]}” {became}" if lost else ""
        many = "code blocks were changed" if lost else "code blocks have new lines or other comments"
        yield Finding(place, f"code was changed: {line or _first_difference(old.raw, new.raw)}", place, many, severity)
    elif old.info != new.info:
        evidence = f"the language of a code block was “{old.info}”, now “{new.info}”"
        yield Finding(place, evidence, place, "code blocks have another language", "info")
    elif old.raw != new.raw:
        evidence = "the white space of a code block was changed"
        yield Finding(place, evidence, place, "code blocks have other white space", "info")


def _spans(change: Change) -> Findings:
    """Code in sentences that is missing."""
    before, after = (
        Counter(span for block in blocks if block.prose for span in block.inline.code)
        for blocks in (change.before, change.after)
    )
    missing = before - after
    if not missing:
        return
    plain = [" ".join(new.text.split()) for new in change.after]
    for old, new in change.changed:
        for span in Counter(old.inline.code) - Counter(new.inline.code) if old.prose else ():
            if not span or missing[span] <= 0:
                continue
            missing[span] -= 1
            replaced = old.text == new.text
            marked = replaced or not any(span in text for text in plain)
            kept = marked and (replaced or similarity(words_of(old.text), words_of(new.text)) >= ALIKE)
            yield Finding(
                span[:80],
                f"the code `{span[:100]}` {'was removed' if marked else 'is no longer marked as code'}",
                span,
                "pieces of code in sentences are missing",
                None if kept else "info",
            )


def _lines(source: str) -> Iterator[tuple[str, str]]:
    """The lines, each with what it is without comments, white space and marks of style."""
    for line in source.split("\n"):
        if bare := _STYLE.sub("", _COMMENT.sub("", line[:2_000])):
            yield bare, line.strip()


def _first_difference(old: str, new: str) -> str:
    lines = (old.split("\n"), new.split("\n"))
    for before, after in zip(*lines, strict=False):
        if before.split() != after.split():
            return f"“{before.strip()[:80]}” became “{after.strip()[:80]}”"
    return f"{len(lines[1])} lines instead of {len(lines[0])}"
