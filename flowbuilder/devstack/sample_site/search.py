"""Search data of the sample site, in the form of Search Console's `searchAnalytics/query`.

The data is generated from a small table (pages, queries, clicks per day, trend). It is deterministic for a day.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

FRESH_DAYS = 2
"""The data of this many last days is not final."""
DECAY_DAYS = 84
"""The number of days over which a trend develops."""
MAX_ROWS = 25_000
DIMENSIONS = ("date", "page", "query", "country", "device")


class BadQuery(ValueError):
    """The request is invalid; the message is that of the API's error response."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """A query of a page: its clicks and impressions per day at the start, and the share that remains at the end."""

    path: str
    query: str
    clicks: float
    impressions: float
    position: float
    remaining: float


@dataclass(frozen=True, kw_only=True)
class Day:
    """The data of a query of a page on one day."""

    keys: Mapping[str, str]
    clicks: int
    impressions: int
    position: float


def read_series(file: Path) -> tuple[Series, ...]:
    """Read the table in a search file: `{PATH: [{query, clicks, impressions, position, remaining}]}`."""
    table = yaml.safe_load(file.read_text(encoding="utf-8"))
    return tuple(
        Series(
            path=path,
            query=row["query"],
            clicks=float(row["clicks"]),
            impressions=float(row["impressions"]),
            position=float(row["position"]),
            remaining=float(row.get("remaining", 1.0)),
        )
        for path, rows in table.items()
        for row in rows
    )


def answer_query(series: tuple[Series, ...], base_url: str, request: Mapping[str, Any], today: date) -> dict[str, Any]:
    """The response to a `searchAnalytics/query` request. Raises `BadQuery` for a request that the API refuses."""
    start, end = _date(request, "startDate"), _date(request, "endDate")
    if start > end:
        raise BadQuery(f"startDate {start} is after endDate {end}")
    dimensions = request.get("dimensions") or []
    unknown = next((name for name in dimensions if name not in DIMENSIONS), None)
    if unknown is not None:
        raise BadQuery(f"Invalid value at 'dimensions': {unknown}")
    limit, first = _number(request, "rowLimit", 1000, 1, MAX_ROWS), _number(request, "startRow", 0, 0, 10**9)
    include_fresh = request.get("dataState", "final") != "final"
    last = today - timedelta(days=1 if include_fresh else 1 + FRESH_DAYS)
    groups = request.get("dimensionFilterGroups") or []
    wanted = [_filter(item) for group in groups for item in group.get("filters", [])]
    days = (
        day
        for day in _days(series, base_url, start, min(end, last), last)
        if all(matches(day.keys) for matches in wanted)
    )
    rows = _rows(days, dimensions)[first : first + limit]
    answer: dict[str, Any] = {"responseAggregationType": "byPage" if "page" in dimensions else "byProperty"}
    if rows:
        answer["rows"] = rows
    incomplete = today - timedelta(days=FRESH_DAYS)
    if include_fresh and "date" in dimensions and end >= incomplete:
        answer["metadata"] = {"first_incomplete_date": incomplete.isoformat()}
    return answer


def _rows(days: Iterator[Day], dimensions: list[str]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, ...], list[float]] = {}
    for day in days:
        total = sums.setdefault(tuple(day.keys[name] for name in dimensions), [0, 0, 0.0])
        total[0] += day.clicks
        total[1] += day.impressions
        total[2] += day.position * day.impressions
    rows = [
        {
            "keys": list(keys),
            "clicks": clicks,
            "impressions": impressions,
            "ctr": clicks / impressions if impressions else 0.0,
            "position": round(weighted / impressions, 2) if impressions else 0.0,
        }
        for keys, (clicks, impressions, weighted) in sums.items()
    ]
    if "date" in dimensions:
        return sorted(rows, key=lambda row: row["keys"])
    return sorted(rows, key=lambda row: (-row["clicks"], -row["impressions"], row["keys"]))


def _days(series: tuple[Series, ...], base_url: str, start: date, end: date, newest: date) -> Iterator[Day]:
    for number in range((end - start).days + 1):
        day = start + timedelta(days=number)
        age = (newest - day).days
        for one in series:
            passed = min(1.0, max(0.0, 1 - age / DECAY_DAYS))
            share = (1 + (one.remaining - 1) * passed) * _daily_noise(one, day)
            impressions = round(one.impressions * (0.5 + share / 2))
            yield Day(
                keys={
                    "date": day.isoformat(),
                    "page": base_url.rstrip("/") + one.path,
                    "query": one.query,
                    "country": "gbr",
                    "device": "MOBILE" if number % 2 else "DESKTOP",
                },
                clicks=min(impressions, round(one.clicks * share)),
                impressions=impressions,
                position=one.position + (1 - share) * 4,
            )


def _daily_noise(one: Series, day: date) -> float:
    """A factor between 0.85 and 1.15, deterministic for a query and a day; lower at weekends."""
    seed = hashlib.sha256(f"{one.path} {one.query} {day}".encode()).digest()[0]
    return (0.85 + 0.3 * seed / 255) * (0.8 if day.weekday() >= 5 else 1.0)


def _filter(item: Mapping[str, Any]) -> Callable[[Mapping[str, str]], bool]:
    name, expression = item.get("dimension"), str(item.get("expression", ""))
    if name not in DIMENSIONS:
        raise BadQuery(f"Invalid value at 'dimension': {name}")
    operator = item.get("operator", "equals")
    if operator not in _OPERATORS:
        raise BadQuery(f"Invalid value at 'operator': {operator}")
    test = _OPERATORS[operator]
    return lambda keys: test(keys[str(name)], expression)


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda value, expression: value == expression,
    "notEquals": lambda value, expression: value != expression,
    "contains": lambda value, expression: expression.lower() in value.lower(),
    "notContains": lambda value, expression: expression.lower() not in value.lower(),
    "includingRegex": lambda value, expression: re.search(expression, value) is not None,
    "excludingRegex": lambda value, expression: re.search(expression, value) is None,
}


def _date(request: Mapping[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(str(request[name]))
    except (KeyError, ValueError):
        raise BadQuery(f"Invalid value at '{name}': a date such as 2026-01-31 is needed") from None


def _number(request: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = request.get(name, default)
    if not isinstance(value, int) or not least <= value <= most:
        raise BadQuery(f"Invalid value at '{name}': a number from {least} to {most} is needed")
    return value
