"""Runs the rules over a base and a proposal, and joins findings that are alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, RuleOptions, Severity, load_rules
from flowbuilder.values import JsonObject, canonical

MAX_FINDINGS = 200
MAX_ALIKE = 3
"""A rule names so many findings of a kind one by one; more are joined into one."""
_ORDER: tuple[Severity, ...] = ("block", "warning", "info")
_AROUND = ("title", "description")


def findings_of(base: Any, proposal: Any, rules: Mapping[str, Any]) -> list[JsonObject]:
    """The findings, the most severe ones first. `rules` holds the settings of an author by the names of the rules.

    Both are texts, or objects with a text in `body`; `title` and `description` are compared where both have them.
    """
    if base == proposal:
        return []
    change = Change(*_texts(base, proposal))
    found: list[JsonObject] = []
    for name, rule in load_rules().items():
        chosen = rules.get(name, RuleOptions())
        if chosen == "off":
            continue
        options = chosen if isinstance(chosen, RuleOptions) else RuleOptions(severity=chosen)
        for finding in joined(rule.check(change, options)):
            severity = options.severity or finding.severity or rule.SEVERITY
            place, evidence = finding.place[:300], finding.evidence[:300]
            found.append({"rule": name, "severity": severity, "place": place, "evidence": evidence})
    return sorted(found, key=lambda finding: _ORDER.index(finding["severity"]))[:MAX_FINDINGS]


def joined(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; more than `MAX_ALIKE` of a kind are one, which names the first."""
    kinds: dict[tuple[str, Severity | None], list[Finding]] = {}
    for number, finding in enumerate(findings):
        kinds.setdefault((finding.many or str(number), finding.severity), []).append(finding)
    for (many, severity), alike in kinds.items():
        times = sum(finding.times for finding in alike)
        if times <= MAX_ALIKE:
            yield from alike
        else:
            items = "; ".join(_short(finding.item or finding.place) for finding in alike[:MAX_ALIKE])
            yield Finding(alike[0].place, f"{times} {many}; the first: {items}", severity=severity)


def _short(item: str) -> str:
    return item if len(item) <= 70 else item[:69].rstrip() + "…"


def _texts(base: Any, proposal: Any) -> tuple[list[str], list[str]]:
    around = [
        name
        for name in _AROUND
        if all(isinstance(value, Mapping) and isinstance(value.get(name), str) for value in (base, proposal))
    ]
    return _text(base, around), _text(proposal, around)


def _text(value: Any, around: list[str]) -> list[str]:
    if isinstance(value, Mapping) and isinstance(value.get("body"), str):
        return [value["body"], *(value[name] for name in around)]
    return [value if isinstance(value, str) else "" if value is None else canonical(value)]
