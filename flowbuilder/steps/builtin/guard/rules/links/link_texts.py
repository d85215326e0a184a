"""A link leads somewhere else than the link of the same text did, or its text no longer says where it leads.

A text that has no word of the old one is worth a look.

Base:
    Read [storing tea](/store) and [brewing tea](/brew).
Wrong:
    Read [storing tea](/brew) and [brewing tea](/store).
Wrong:
    Read [here](/store) and [brewing tea](/brew).
Right:
    Read [how to store tea](/store) and [brewing tea](/brew).
"""

from __future__ import annotations

from collections import defaultdict

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Block
from flowbuilder.steps.builtin.guard.references import bare_target
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
_GENERIC = frozenset(
    [
        "here",
        "click here",
        "this",
        "link",
        "this link",
        "this page",
        "read more",
        "more",
        "learn more",
        "see here",
        "see more",
        "click",
        "details",
        "more info",
        "page",
        "article",
        "hier",
        "hier klicken",
        "klicken sie hier",
        "mehr",
        "mehr erfahren",
        "weiterlesen",
        "ici",
        "cliquez ici",
        "en savoir plus",
        "lire la suite",
        "aquí",
        "haz clic aquí",
        "haga clic aquí",
        "leer más",
        "más información",
        "más",
        "aqui",
        "clique aqui",
        "saiba mais",
        "leia mais",
        "qui",
        "clicca qui",
        "leggi",
        "leggi di più",
        "scopri di più",
        "klik hier",
        "lees meer",
        "meer",
        "tutaj",
        "kliknij tutaj",
        "więcej",
        "czytaj więcej",
        "здесь",
        "тут",
        "подробнее",
        "читать далее",
        "こちら",
        "ここ",
        "詳細",
        "続きを読む",
        "这里",
        "這裡",
        "点击这里",
        "点击此处",
        "此处",
        "更多",
        "了解更多",
        "查看更多",
        "여기",
        "자세히",
        "더 보기",
    ]
)


def check(change: Change, options: RuleOptions) -> Findings:
    """Each text whose target changed while both were there, and each text that became generic."""
    before, after = _by_text(change.before), _by_text(change.after)
    for text, targets in before.items():
        if not text or text not in after:
            continue
        gone = [target for target in targets if target not in after[text]]
        come = [target for target in after[text] if target not in targets]
        for old, new in zip(gone, come, strict=False):
            if new in change.base.targets and old != text and bare_target(old) != bare_target(new):
                yield Finding(
                    text[:80],
                    f"the link “{text[:60]}” led to {old}, now to {new}",
                    text[:80],
                    "links lead somewhere else",
                )
    texts = {target: text for text, targets in before.items() for target in targets}
    for text, targets in after.items():
        for target in targets:
            old_text = texts.get(target)
            if old_text is None or old_text == text or target in after.get(old_text, ()):
                continue
            if text not in _GENERIC or old_text in _GENERIC:
                if not set(words_of(text)).isdisjoint(words_of(old_text)):
                    continue
                yield Finding(
                    target,
                    f"the link to {target} said “{old_text[:60]}”, now “{text[:60]}”",
                    target,
                    "links have another text",
                    "info",
                )
            else:
                yield Finding(
                    target,
                    f"the link to {target} said “{old_text[:60]}”, now “{text}”",
                    target,
                    "links have a generic text",
                )


def _by_text(blocks: list[Block]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for block in blocks:
        for text, target in block.inline.links:
            found[" ".join(text.casefold().split())].append(target)
    return found
