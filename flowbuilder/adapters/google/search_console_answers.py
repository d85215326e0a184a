"""What Search Console answers: rows, dates and errors, each read strictly. What is odd raises `bad_answer`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from flowbuilder.errors import StepError, TransientError
from flowbuilder.ports import HttpResponse
from flowbuilder.values import JsonObject, NotJson, ensure_json, well_formed_value

LOAD_QUOTA_SECONDS = 900.0
"""Wait, in seconds, after load quota is used up: it is counted over ten minutes, and earlier retries use more."""
MAX_FIGURE = 1e15
_QUOTA = frozenset({"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded"})
_WHAT = "Search Console"


def result_of(answer: HttpResponse) -> JsonObject:
    """The object that an answer of status 200 holds.

    `TransientError` for a quota, a 408 or a 5xx; `StepError`: `auth`, `http_4xx`, or `bad_answer` for what is no answer
    of this API.
    """
    body, problem = _parsed(answer.body)
    if answer.status == 200:
        if not isinstance(body, dict):
            raise bad_answer(problem or f"an object is needed, not {_kind(body)}")
        if body.get("error") is not None:
            raise bad_answer(f"status 200 with an error: {_message(body['error']) or 'without a message'}")
        return body
    error = body.get("error") if isinstance(body, dict) else None
    message = _message(error)
    said = f"{_WHAT} answered {answer.status}: {message}" if message else f"{_WHAT} answered {answer.status}"
    reasons = _reasons(error)
    if answer.status == 429 or (answer.status == 403 and reasons & _QUOTA):
        raise _quota(answer, said, message, reasons)
    if answer.status in (401, 403):
        said = f"{said} ({_access_hint(answer.status, message)})"
        raise StepError(said, code="auth", detail={"status": answer.status})
    if 400 <= answer.status < 500 and answer.status != 408:
        raise StepError(said, code=f"http_{answer.status}", detail={"status": answer.status}, definitive=True)
    answer.ensure_success(_WHAT)
    raise bad_answer(f"status {answer.status}")


def rows_of(answer: JsonObject, dimensions: int) -> list[JsonObject]:
    """`[{keys, clicks, impressions, ctr, position}]`; `position` is None where there is none, as in `discover`."""
    rows = answer.get("rows")
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise bad_answer(f"rows is {_kind(rows)}")
    return [_row(item, f"rows[{number}]", dimensions) for number, item in enumerate(rows)]


def final_until(answer: JsonObject, last: str) -> str | None:
    """The last date with final data, at most `last`, by the answer to a query by date; None where it does not say."""
    metadata = answer.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_answer(f"metadata is {_kind(metadata)}")
    # the documentation says first_incomplete_date, generated clients firstIncompleteDate
    incomplete = (metadata or {}).get("first_incomplete_date") or (metadata or {}).get("firstIncompleteDate")
    if incomplete is not None:
        first = _date(incomplete)
        return None if first is None else min((first - timedelta(days=1)).isoformat(), last)
    rows = answer.get("rows")
    keys = [item.get("keys") if isinstance(item, dict) else None for item in (rows if isinstance(rows, list) else ())]
    days = [_date(key[0]) if isinstance(key, list) and len(key) == 1 else None for key in keys]
    known = [day for day in days if day is not None]
    return min(max(known).isoformat(), last) if known and len(known) == len(days) else None


def inspection_of(answer: JsonObject) -> JsonObject:
    """The `inspectionResult` of an answer."""
    found = answer.get("inspectionResult")
    if not isinstance(found, dict):
        raise bad_answer(f"inspectionResult is {_kind(found)}")
    try:
        ensure_json(found, where="inspectionResult")
    except NotJson as problem:
        raise bad_answer(str(problem)) from None
    return found


def bad_answer(what: str) -> StepError:
    """The error for an answer that is not of this API's form."""
    return StepError(
        f"{_WHAT}'s answer cannot be read: {what} (check the address of the API: gsc.base_url of the site)",
        code="bad_answer",
    )


def _parsed(body: bytes) -> tuple[Any, str]:
    """The value of a body and an empty text; or None, and what is wrong with the body."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no number")

    if not body.strip():
        return None, "it is empty"
    try:
        value = json.loads(body, parse_constant=refuse)
        return well_formed_value(value) if rb"\u" in body or b"\xed" in body else value, ""
    except (ValueError, RecursionError) as problem:
        kind = "HTML" if body.lstrip()[:1] == b"<" else "not JSON"
        return None, f"it is {kind}: {problem!s:.100}"


def _row(item: Any, where: str, dimensions: int) -> JsonObject:
    if not isinstance(item, dict):
        raise bad_answer(f"{where} is {_kind(item)}")
    keys = item.get("keys")
    if keys is None and not dimensions:
        keys = []
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise bad_answer(f"{where}.keys is {_kind(keys)}, not a list of texts")
    if len(keys) != dimensions:
        raise bad_answer(f"{where} has {len(keys)} keys for {dimensions} dimensions")
    clicks, impressions = _number(item, "clicks", where), _number(item, "impressions", where)
    if clicks is None or impressions is None:
        raise bad_answer(f"{where} has no {'clicks' if clicks is None else 'impressions'}")
    ctr = _number(item, "ctr", where)
    if ctr is None:
        ctr = clicks / impressions if impressions else 0.0
    position = _number(item, "position", where)
    # positions count from 1: Search Console writes 0 where nothing was shown
    return {"keys": keys, "clicks": clicks, "impressions": impressions, "ctr": ctr, "position": position or None}


def _number(item: Mapping[str, Any], name: str, where: str) -> float | None:
    value = item.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_FIGURE:
        raise bad_answer(f"{where}.{name} is {_shown(value)}, not a number from 0")
    return float(value)


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _message(error: Any) -> str:
    found = error.get("message") if isinstance(error, dict) else error
    return " ".join(found.split())[:300] if isinstance(found, str) else ""


def _reasons(error: Any) -> set[str]:
    found: set[str] = set()
    for name in ("errors", "details"):
        items = error.get(name) if isinstance(error, dict) else None
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict):
                found.add(str(item.get("reason")))
    return found


def _quota(answer: HttpResponse, said: str, message: str, reasons: set[str]) -> TransientError:
    load = "load quota" in message.lower() or "quotaExceeded" in reasons
    hint = "ask for fewer days, or for page and query apart" if load else "lower the rate limit of the connection"
    if "dailyLimitExceeded" in reasons:
        hint = "the quota of a day is used up; it begins again at midnight Pacific time"
    wait = answer.retry_after or (LOAD_QUOTA_SECONDS if load else None)
    return TransientError(f"{said} ({hint})", reason="rate_limit", retry_after=wait)


def _access_hint(status: int, message: str) -> str:
    lower = message.lower()
    if "has not been used" in lower or "disabled" in lower:
        return "enable the Search Console API in the Google Cloud project of the credentials"
    if "scope" in lower:
        return "give the credentials the scope webmasters.readonly"
    if status == 401:
        return "renew the credentials of the connection"
    return (
        "check that the account has access to this property: add it in Search Console under Settings, Users; the name "
        "must be as it is there, sc-domain:example.com or https://example.com/"
    )


def _shown(value: Any) -> str:
    return f"{value!r:.40}" if isinstance(value, float | str) else _kind(value)


def _kind(value: Any) -> str:
    if value is None:
        return "missing"
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number")
