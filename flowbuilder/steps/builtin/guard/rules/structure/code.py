"""Code of the base is missing in the proposal or was changed: a block, its language, or code in a sentence.

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

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each piece of code that was removed or changed."""
    for block in change.removed:
        if block.kind == "code":
            yield Finding(
                block.excerpt(),
                f"a code block was removed: {block.excerpt()}",
                block.excerpt(),
                "code blocks were removed",
            )
    for old, new in change.changed:
        if old.kind != "code":
            continue
        if old.raw.split() != new.raw.split():
            line = _first_difference(old.raw, new.raw)
            yield Finding(new.excerpt(), f"code was changed: {line}", new.excerpt(), "code blocks were changed")
        elif old.info != new.info:
            yield Finding(
                new.excerpt(),
                f"the language of a code block was “{old.info}”, now “{new.info}”",
                new.excerpt(),
                "code blocks have another language",
            )
        elif old.raw != new.raw:
            yield Finding(
                new.excerpt(),
                "the white space of a code block was changed",
                new.excerpt(),
                "code blocks have other white space",
            )
    before, after = (
        Counter(span for block in blocks if block.prose for span in block.inline.code)
        for blocks in (change.before, change.after)
    )
    kept = Counter(span for old, _ in change.changed for span in old.inline.code)
    plain = [" ".join(new.raw.split()) for new in change.after]
    for span in before - after:
        if not span or kept[span] == 0:
            continue
        what = "is no longer marked as code" if any(span in text for text in plain) else "was removed"
        yield Finding(span[:80], f"the code `{span[:100]}` {what}", span, "pieces of code in sentences are missing")


def _first_difference(old: str, new: str) -> str:
    lines = (old.split("\n"), new.split("\n"))
    for before, after in zip(*lines, strict=False):
        if before.split() != after.split():
            return f"“{before.strip()[:80]}” became “{after.strip()[:80]}”"
    return f"{len(lines[1])} lines instead of {len(lines[0])}"
