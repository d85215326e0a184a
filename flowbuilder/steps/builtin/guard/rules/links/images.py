"""An image of the base is missing or shows another file, or its alternative text is lost or that of another one.

Base:
    ![A green kettle](/kettle.jpg)

    Pour slowly.
Wrong:
    ![](/kettle.jpg)

    Pour slowly.
Wrong:
    ![A green kettle](/pot.jpg)

    Pour slowly.
Right:
    ![A green kettle](/kettle.jpg)

    Pour it slowly.
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each lost image, and each one whose alternative text was removed or changed."""
    before = [image for block in change.before for image in block.inline.images]
    after = [image for block in change.after for image in block.inline.images]
    sources, left = Counter(source for source, _ in before), Counter(source for source, _ in after)
    fresh = list((left - sources).elements())
    for source in (sources - left).elements():
        if fresh:
            new = fresh.pop(0)
            yield Finding(source, f"the image {source} was replaced by {new}", source, "images were replaced")
        else:
            yield Finding(source, f"the image {source} was removed", source, "images were removed")
    for new in fresh:
        yield Finding(new, f"a new image: check that {new} exists", new, "new images: check that they exist", "info")
    texts = dict(before)
    for source, text in after:
        old = texts.get(source)
        if old is None or old.split() == text.split():
            continue
        if not text.strip():
            yield Finding(
                source,
                f"the image {source} lost its alternative text “{old[:80]}”",
                source,
                "images lost their alternative texts",
            )
        elif any(text == other for other_source, other in before if other_source != source):
            yield Finding(
                source,
                f"the image {source} has the alternative text of another one: “{text[:80]}”",
                source,
                "images have the alternative texts of others",
            )
        else:
            yield Finding(
                source,
                f"the alternative text “{old[:80]}” became “{text[:80]}”",
                source,
                "alternative texts were changed",
                "info",
            )
