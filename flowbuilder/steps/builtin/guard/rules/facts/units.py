"""A number of the base has another unit or currency in the proposal.

Base:
    Wait 3 minutes, and pay $5.
Wrong:
    Wait 3 hours, and pay $5.
Wrong:
    Wait 3 minutes, and pay €5.
Right:
    Wait 3 minutes more, and pay $5.
"""

from __future__ import annotations

from collections import defaultdict

from flowbuilder.steps.builtin.guard.amounts import amounts_of
from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_SAME = {"percent": "%", "procent": "%", "prozent": "%", "％": "%", "℃": "°c", "min": "minute", "mins": "minute",
"sec": "second", "h": "hour",
         "hr": "hour", "hrs": "hour", "s": "second", "€": "eur", "euro": "eur", "$": "usd", "us$": "usd",
         "dollar": "usd", "us dollar": "usd",
         "£": "gbp", "pound": "gbp", "metre": "meter", "kilometre": "kilometer", "litre": "liter", "km": "kilometer",
         "kg": "kilogram"}  # fmt: skip


def check(change: Change, options: RuleOptions) -> Findings:
    """Each number of a changed sentence whose unit was replaced, removed or added."""
    for pair in change.sentences:
        before, after = _units(pair.base), _units(pair.proposal)
        for number, units in before.items():
            now = after.get(number)
            if now is None or sorted(map(_unit, units)) == sorted(map(_unit, now)) or len(units) != len(now):
                continue
            old, new = next((a, b) for a, b in zip(units, now, strict=True) if _unit(a) != _unit(b)) if [
                *map(_unit, units)] != [*map(_unit, now)] else ("", "")  # fmt: skip
            if old or new:
                yield Finding(
                    excerpt(pair.proposal),
                    f"“{f'{number} {old}'.strip()}” became “{f'{number} {new}'.strip()}”: {excerpt(pair.proposal)}",
                    f"{number} {new}".strip(),
                    "numbers have another unit",
                    None if old else "info",
                )


def _units(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for amount in amounts_of(text):
        found[amount.number].append(amount.unit)
    return found


def _unit(unit: str) -> str:
    bare = unit.replace(" ", "") if unit.startswith("°") else unit
    if len(bare) <= 3 and bare.lower() not in _SAME:
        return bare
    bare = bare.lower()
    return _SAME.get(bare) or _SAME.get(bare.removesuffix("s"), bare.removesuffix("s"))
