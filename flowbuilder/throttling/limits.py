"""Declared limits of a connection: concurrency and rate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowbuilder.diagnostics import did_you_mean
from flowbuilder.errors import ConfigurationError

UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*([a-z]+)\s*")
_FIELDS = ("concurrency", "rate", "burst")
BURST_PART = 10
"""Without `burst`, a tenth of the rate may be called at once, so no window exceeds the rate by more than that."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`calls` in `seconds`, `burst` of which may be made at once after a pause."""

    calls: int
    seconds: float
    burst: int

    @property
    def per_second(self) -> float:
        """Calls a second, on average."""
        return self.calls / self.seconds


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one connection; None is no limit."""

    concurrency: int | None = None
    rate: Rate | None = None


UNLIMITED = Limits()


def limits_of(name: str, connection: Mapping[str, Any]) -> Limits:
    """The `limits` of a connection, `{concurrency: 4, rate: 60/minute, burst: 6}`, each optional.

    `ConfigurationError` names the wrong field and a correct form.
    """
    given = connection.get("limits")
    if given is None:
        return UNLIMITED
    if not isinstance(given, Mapping):
        raise _wrong(name, "limits", given, "write limits: {concurrency: 4, rate: 60/minute}")
    for field in given:
        if field not in _FIELDS:
            hint = did_you_mean(str(field), _FIELDS)
            raise ConfigurationError(f"connection {name}: limits has no field {field!r:.40}; {hint}")
    concurrency = None if given.get("concurrency") is None else _count(name, "concurrency", given["concurrency"])
    return Limits(concurrency=concurrency, rate=_rate(name, given))


def _rate(name: str, given: Mapping[str, Any]) -> Rate | None:
    text = given.get("rate")
    if text is None:
        if given.get("burst") is not None:
            raise ConfigurationError(f"connection {name}: limits.burst needs a limits.rate, such as 60/minute")
        return None
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    unit = match[2].removesuffix("s") if match else ""
    if match is None or unit not in UNITS or int(match[1]) == 0:
        raise _wrong(name, "limits.rate", text, f"write a number and a unit, such as 60/minute ({', '.join(UNITS)})")
    calls = int(match[1])
    burst = max(1, calls // BURST_PART) if given.get("burst") is None else _count(name, "burst", given["burst"])
    return Rate(calls=calls, seconds=UNITS[unit], burst=burst)


def _count(name: str, field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise _wrong(name, f"limits.{field}", value, "write a whole number, 1 or more; omit it for no limit")
    return value


def _wrong(name: str, place: str, value: object, hint: str) -> ConfigurationError:
    return ConfigurationError(f"connection {name}: {place} cannot be {value!r:.60}; {hint}")
