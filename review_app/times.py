"""Formats times and durations. Pure: the current time is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(seconds: float) -> str:
    """A duration in its largest unit: 90.0 is `1 min`, 0.25 is `250 ms`. Days from two on; below that, `47 h`."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    for size, name in _UNITS:
        if seconds >= size and not (name == "d" and seconds < 2 * size):
            return f"{int(seconds // size)} {name}"
    return "0 s"


def ago(moment: datetime, now: datetime) -> str:
    """`3 h ago`, `just now`, or `in 2 d`."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def due(moment: datetime, now: datetime) -> tuple[str, bool]:
    """The text of a due date, and whether it is past: `("Due in 2 d", False)`, `("Overdue by 3 h", True)`."""
    left = (moment - now).total_seconds()
    return (f"Due in {span(left)}", False) if left >= 0 else (f"Overdue by {span(-left)}", True)


def stamp(moment: datetime, zone: tzinfo) -> str:
    """Date and time in a time zone, to the second."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z").strip()


def clock(moment: datetime, zone: tzinfo) -> str:
    """The time of day in a time zone."""
    return moment.astimezone(zone).strftime("%H:%M:%S")


def elapsed(start: datetime | None, end: datetime) -> str:
    """The time from start to end; empty when it has not started."""
    return "" if start is None else span(max(timedelta(0), end - start).total_seconds())
