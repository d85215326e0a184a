"""`guard`: check a proposal by rules before a reviewer sees it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator

from flowbuilder.model.invisible_characters import hidden_characters
from flowbuilder.steps.step import Completed, Record, Step, StepResult, StepRun, Templated
from flowbuilder.values import JsonObject, canonical

Severity = Literal["block", "warning", "info"]
_ORDER: tuple[Severity, ...] = ("block", "warning", "info")
MAX_FINDINGS = 200
MAX_TEXT = 400_000
_LINK = re.compile(r"\]\(\s*<?([^\s)>]+)|\bhref\s*=\s*[\"']([^\"']+)|(?<![\w(\"'=])(https?://[^\s)>\"']+)")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?:\s?%)?")
_HEADING = re.compile(
    r"^(#{1,6})[ \t]+([^\n]{1,300})|<h([1-6])[^>]{0,200}>(.{0,300}?)</h\3>", re.MULTILINE | re.DOTALL | re.IGNORECASE
)
_RUNS = re.compile(
    r"<\s*(script|iframe|object|embed|form|meta|base)\b|\bon[a-z]{3,20}\s*=\s*[\"']|javascript:", re.IGNORECASE
)
_LEFT_OVER = re.compile(
    r"as an ai\b|language model|\blorem ipsum\b|\[insert|\[your |\btodo\b|\btktk\b|^(sure|certainly)[!,]"
    r"|here is the (rewritten|updated)",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"\w+")


class RuleOptions(Record):
    """Options of a rule: its severity and, for the rules that use them, `words` or the threshold `share`."""

    severity: Severity | None = None
    words: tuple[str, ...] = ()
    share: Annotated[float, Field(gt=0, le=1)] | None = None


Options = Literal["off", "block", "warning", "info"] | RuleOptions


class Guard(Step):
    """Compare a proposal with the content it replaces: lost links, new numbers, skipped headings, scripts.

    `rules` sets a rule to `off`, to another severity, or to `{severity, words, share}`. The output is `{findings,
    worst}`, for a review's `findings` or a condition; the rules change nothing.
    """

    cooperative: ClassVar[bool] = False

    base: Templated[Any] = None
    proposal: Templated[Any]
    rules: Templated[dict[str, Options]] = Field(default_factory=dict)

    class Output(BaseModel, defer_build=True):
        """`worst` is the worst severity among the findings: block, warning, info, or null when there are none."""

        findings: list[dict[str, Any]]
        worst: Literal["block", "warning", "info"] | None

    @field_validator("rules")
    @classmethod
    def _known(cls, value: dict[str, Options]) -> dict[str, Options]:
        # one template in the place of all rules is looked at when it has its value
        unknown = next((name for name in value if name not in RULES), None) if isinstance(value, dict) else None
        if unknown is not None:
            raise ValueError(f"there is no rule {unknown}; the rules are {', '.join(RULES)}")
        return value

    async def run(self, run: StepRun) -> StepResult:
        """The most severe findings come first."""
        base, proposal = _text(self.base)[:MAX_TEXT], _text(self.proposal)[:MAX_TEXT]
        found: list[JsonObject] = []
        for name, (rule, usual) in RULES.items():
            chosen = self.rules.get(name, usual)
            if chosen == "off":
                continue
            options = chosen if isinstance(chosen, RuleOptions) else RuleOptions(severity=chosen)
            severity = options.severity or usual
            for place, evidence in rule(base, proposal, options):
                found.append({"rule": name, "severity": severity, "place": place, "evidence": evidence[:300]})
        found = sorted(found, key=lambda finding: _ORDER.index(finding["severity"]))[:MAX_FINDINGS]
        return Completed(output={"findings": found, "worst": found[0]["severity"] if found else None})


Found = Iterator[tuple[str, str]]
Rule = Callable[[str, str, RuleOptions], Found]


def _what_runs(base: str, proposal: str, options: RuleOptions) -> Found:
    for match in _RUNS.finditer(proposal):
        yield _near(proposal, match.start()), f"would run a script or load content: {match[0]}"


def _invisible(base: str, proposal: str, options: RuleOptions) -> Found:
    for at, character in hidden_characters(proposal):
        if character != "\u00ad":  # a soft hyphen: content systems write it into long words
            yield _near(proposal, at), f"an invisible character, U+{ord(character):04X}"


def _lost_links(base: str, proposal: str, options: RuleOptions) -> Found:
    kept = set(_links(proposal))
    for link in dict.fromkeys(_links(base)):
        if link not in kept:
            yield link, f"the link to {link} was removed"


def _new_links(base: str, proposal: str, options: RuleOptions) -> Found:
    known = {urlsplit(link).hostname for link in _links(base)}
    for link in dict.fromkeys(_links(proposal)):
        host = urlsplit(link).hostname
        if host is not None and host not in known:
            yield link, f"a link to {host}, which the page did not link to"


def _new_numbers(base: str, proposal: str, options: RuleOptions) -> Found:
    known = set(_NUMBER.findall(base))
    for match in _NUMBER.finditer(re.sub(r"^[ \t]{0,20}\d{1,9}[.)]\s", "", proposal, flags=re.MULTILINE)):
        if match[0] not in known:
            known.add(match[0])
            yield match[0], f"the number {match[0]} is not on the page; check its source"


def _headings(base: str, proposal: str, options: RuleOptions) -> Found:
    before = 0
    for level, text in _titles(proposal):
        if before and level > before + 1:
            yield text, f"a heading of level {level} follows a heading of level {before}"
        before = level


def _left_over(base: str, proposal: str, options: RuleOptions) -> Found:
    for match in _LEFT_OVER.finditer(proposal):
        yield _near(proposal, match.start()), f"looks like a leftover note: {match[0].strip()}"


def _banned_words(base: str, proposal: str, options: RuleOptions) -> Found:
    for word in options.words:
        for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", proposal, re.IGNORECASE):
            yield _near(proposal, match.start()), f"the word {match[0]} is banned"


def _shrinks(base: str, proposal: str, options: RuleOptions) -> Found:
    old, new = len(_WORD.findall(base)), len(_WORD.findall(proposal))
    if old and new < old * (options.share or 0.6):
        yield "", f"{new} words instead of {old}"


def _rewrites(base: str, proposal: str, options: RuleOptions) -> Found:
    lines = [Counter(line.strip() for line in text.splitlines() if line.strip()) for text in (base, proposal)]
    kept, all_lines = sum((lines[0] & lines[1]).values()), sum(lines[0].values())
    changed = 1 - kept / all_lines if all_lines else 0.0
    if changed > (options.share or 0.8):
        yield "", f"{changed:.0%} of the lines are changed or removed"


RULES: Mapping[str, tuple[Rule, Severity]] = {
    "what_runs": (_what_runs, "block"),
    "invisible": (_invisible, "block"),
    "banned_words": (_banned_words, "block"),
    "lost_links": (_lost_links, "warning"),
    "new_links": (_new_links, "warning"),
    "new_numbers": (_new_numbers, "warning"),
    "headings": (_headings, "warning"),
    "left_over": (_left_over, "warning"),
    "shrinks": (_shrinks, "warning"),
    "rewrites": (_rewrites, "info"),
}


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("body"), str):
        return str(value["body"])
    return value if isinstance(value, str) else "" if value is None else canonical(value)


def _links(text: str) -> Iterator[str]:
    for match in _LINK.finditer(text):
        yield (match[1] or match[2] or match[3]).rstrip(".,;")


def _titles(text: str) -> Iterator[tuple[int, str]]:
    for match in _HEADING.finditer(text):
        level = len(match[1]) if match[1] else int(match[3])
        yield level, (match[2] or match[4] or "").strip(" \t#")


def _near(text: str, at: int) -> str:
    """The shortened line around an offset, for a reviewer to search for."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)]
    return line[max(0, at - start - 40) :][:80].strip()
