"""Functions of dates. The language has no clock: `execution.started_at` is the time of the execution."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flowbuilder.errors import LanguageError
from flowbuilder.language.evaluation.functions.registry import bad_argument, function
from flowbuilder.language.evaluation.operators import kind, wrong
from flowbuilder.language.limits import Meter

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_DIRECTIVE = r"%(-?[a-zA-Z%])"


@function(gives="text", name="date", renamed={"pattern": "format"})
def date_(meter: Meter, value: Any, format: str = "%Y-%m-%d") -> str:
    """A date (ISO text, or seconds since 1970) in a format. `"2026-03-05T08:30:00Z" | date` -> `"2026-03-05"`.

    `"2026-03-05" | date("%A, %-d %B %Y")` -> `"Thursday, 5 March 2026"`.

    The directives are `%Y %m %d %H %M %S %y %j %B %b %A %a %Z %z`, and `%-d %-m %-H` without a leading zero.
    """
    moment = _moment(value)
    meter.hold(12 * len(format))
    meter.work(len(format))
    return re.sub(_DIRECTIVE, lambda match: _directive(match[1], moment), format)


@function(gives="text")
def add_days(_meter: Meter, value: Any, days: int | float) -> str:
    """The date `days` later; a date without a time stays one. `"2026-02-27" | add_days(2)` -> `"2026-03-01"`."""
    moment = _moment(value)
    try:
        later = moment + timedelta(days=days)
    except OverflowError:
        raise LanguageError("overflow", "the date is out of range", stage="run") from None
    whole = value.__class__ is str and len(value.strip()) == 10 and days == int(days)
    return later.date().isoformat() if whole else later.isoformat().replace("+00:00", "Z")


@function(gives="number")
def days_between(_meter: Meter, value: Any, other: Any) -> int | float:
    """The number of days from the first date to the second. `"2026-03-01" | days_between("2026-03-08")` -> `7`."""
    days = (_moment(other) - _moment(value)) / timedelta(days=1)
    return int(days) if days == int(days) else days


def _moment(value: Any) -> datetime:
    if value.__class__ is int or value.__class__ is float:
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, ValueError, OSError):
            raise LanguageError("overflow", "the date is out of range", stage="run") from None
    if value.__class__ is str:
        text = value.strip()
        try:
            if len(text) == 10:
                day = date.fromisoformat(text)
                return datetime(day.year, day.month, day.day, tzinfo=UTC)
            if 10 < len(text) < 40:
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except ValueError:
            pass
        raise wrong(f'"{text[:40]}" is no date', "a date is written 2026-03-05 or 2026-03-05T08:30:00Z")
    raise wrong(f"a date is text or a number; this is {kind(value)}")


def _directive(name: str, moment: datetime) -> str:
    match name:
        case "Y":
            return f"{moment.year:04}"
        case "y":
            return f"{moment.year % 100:02}"
        case "m" | "d" | "H" | "M" | "S":
            return f"{_part(name, moment):02}"
        case "-m" | "-d" | "-H" | "-M" | "-S":
            return str(_part(name[1], moment))
        case "e":
            return str(moment.day)
        case "B" | "b":
            return _MONTHS[moment.month - 1][: None if name == "B" else 3]
        case "A" | "a":
            return _DAYS[moment.weekday()][: None if name == "A" else 3]
        case "j":
            return f"{moment.timetuple().tm_yday:03}"
        case "z":
            return moment.strftime("%z")
        case "Z":
            return "UTC" if moment.utcoffset() == timedelta() else moment.strftime("%z")
        case "%":
            return "%"
    raise bad_argument("date", f"there is no directive %{name}")


def _part(name: str, moment: datetime) -> int:
    return {"m": moment.month, "d": moment.day, "H": moment.hour, "M": moment.minute, "S": moment.second}[name]
