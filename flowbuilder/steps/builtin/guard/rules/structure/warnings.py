"""A warning, a note or a disclaimer of the base is missing in the proposal.

Base:
    Warning: hot water burns.

    Pour slowly.
Wrong:
    Pour slowly.
Right:
    Warning: hot water burns the skin.

    Pour slowly.
"""

from __future__ import annotations

import re
from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Block
from flowbuilder.steps.builtin.guard.languages import ENGLISH, Language
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_MARKER = re.compile(
    r"^\[!(\w{1,20})\]|^(?:!!!|\?\?\?\+?|:{3,})\s?\{?\.?(?:callout-)?(note|tip|info|warning|danger|caution"
    r"|important|attention|error|details|success"
    r"|hint|question|example|abstract|bug|quote|failure)\b|\{\{[<%]\s?(note|warning|caution|alert|admonition"
    r"|callout|notice|danger|important)\b"
    r"|<(Note|Warning|Caution|Danger|Alert|Admonition|Callout|Aside|Pitfall|DeepDive|Info|Tip|Important)\b"
    r"|^(?:->|!>|\?>)\s",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"\b(?:not (?:a substitute|(?:legal|medical|financial|investment|tax|professional) advice)|for "
    r"(?:informational|educational) purposes only"
    r"|at your own risk|no (?:warranty|guarantee|liability)|without warranty|as[- ]is basis|consult (?:a|your) "
    r"(?:doctor|physician|lawyer|professional)"
    r"|keine (?:gewähr|haftung|rechtsberatung)|auf eigene gefahr|ohne gewähr|à vos risques|sans garantie|bajo "
    r"su propio riesgo|sin garantía"
    r"|a proprio rischio|por sua conta e risco|op eigen risico|na własne ryzyko|на свой страх и риск)\b"
    r"|免责|免責|自己責任",
    re.IGNORECASE,
)


def check(change: Change, options: RuleOptions) -> Findings:
    """Each one that occurs less often than in the base."""
    before, after = (
        Counter(kind for block in document.blocks if (kind := _kind(block, change.language)))
        for document in (change.base, change.proposal)
    )
    missing = before - after
    for block in change.before:
        kind = _kind(block, change.language)
        if kind and missing[kind] > 0:
            missing[kind] -= 1
            yield Finding(
                block.excerpt(),
                f"a warning or note was removed: {block.excerpt()}",
                block.excerpt(),
                "warnings or notes were removed",
            )


def _kind(block: Block, language: Language) -> str:
    if block.kind not in ("paragraph", "item", "markup", "heading"):
        return ""
    if (match := _MARKER.search(block.raw[:400].strip())) is not None and not block.raw.startswith("{{< /"):
        return next((group.lower() for group in match.groups() if group), "note")
    if block.kind in ("markup", "heading"):
        return ""
    text = block.text.lstrip(" *_>\u26a0\ufe0f\u2757\u2139").casefold()
    for known in {language.code: language, ENGLISH.code: ENGLISH}.values():
        for word in known.warning_words:
            if text.startswith(word) and (not known.spaced or not text[len(word) : len(word) + 1].isalnum()):
                return word
    return "disclaimer" if _DISCLAIMER.search(block.text) else ""
