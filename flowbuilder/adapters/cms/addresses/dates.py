"""Dates in front matter and file names, as generators read them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

_DATE = re.compile(
    r"(\d{2,4})[-/.](\d{1,2})[-/.](\d{1,2})"
    r"(?:[Tt ]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*([Zz]|UTC|[+-]\d{2}:?\d{2})?)?"
)


def parse_date(text: str, *, zone: str = "") -> datetime | None:
    """The date at the start of a text; None where there is none.

    The time is the one that is written. With a time zone, a date with a time is converted to it; one that names no
    zone of its own is in UTC.
    """
    found = _DATE.match(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if year < 100:
        year += 2000 if year < 70 else 1900
    with suppress(ValueError, OverflowError, OSError):
        date = datetime(year, month, day, hour, minute, second)
        if zone and found[4]:
            return date.replace(tzinfo=_zone(found[7] or "Z")).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return date
    return None


def _zone(text: str) -> timezone:
    if text[0] not in "+-":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
