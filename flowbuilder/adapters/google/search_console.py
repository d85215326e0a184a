"""Google Search Console: the performance report and the index status of a URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from flowbuilder.adapters.google.token import GoogleTokens
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.ports import Connections, Http, HttpRequest, HttpResponse, NoThrottle, SearchQuery, Throttle
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.throttle import limit_key
from flowbuilder.values import JsonObject

GOOGLE = "https://searchconsole.googleapis.com"
PAGE = 25_000
"""Maximum number of rows of one request."""
LOAD_QUOTA_SECONDS = 900.0
"""Wait, in seconds, after load quota is used up: it is counted over ten minutes, and earlier retries use more."""
_QUOTA = frozenset({"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded"})


class GoogleSearchConsole:
    """Implements `ports.SearchConsole`. The site's record has `gsc: {property, connection}`.

    The connection is `{service_account: {...}}`, `{refresh_token, client_id, client_secret}`, or `{auth: none}`; a
    server other than Google's may need none. `base_url` in the site's `gsc` replaces the API's address.
    """

    def __init__(
        self,
        http: Http,
        connections: Connections,
        *,
        base_url: str,
        throttle: Throttle | None = None,
        secrets: KnownSecrets | None = None,
    ) -> None:
        self._http = http
        self._throttle = throttle or NoThrottle()
        self._connections = connections
        self._base = base_url.rstrip("/")
        self._tokens = GoogleTokens()
        self._secrets = secrets or KnownSecrets()

    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        """`{rows, final_until}`, of as many pages as `row_limit` needs; `final_until` is None when unknown."""
        record = _record(site)
        rows: list[JsonObject] = []
        incomplete: str | None = None
        while len(rows) < query.row_limit:
            size = min(PAGE, query.row_limit - len(rows))
            route = f"webmasters/v3/sites/{quote(str(record['property']), safe='')}/searchAnalytics/query"
            answer = await self._post(record, route, _body(query, size, len(rows)))
            found = [_row(item) for item in answer.get("rows") or ()]
            rows += found
            incomplete = incomplete or _first_incomplete(answer)
            if len(found) < size:
                break
        return {"rows": rows, "final_until": _final_until(query, incomplete)}

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        """The API's `inspectionResult`: `indexStatusResult` with verdict, coverage, last crawl and canonical."""
        record = _record(site)
        body = {"inspectionUrl": url, "siteUrl": str(record["property"])}
        answer = await self._post(record, "v1/urlInspection/index:inspect", body)
        found = answer.get("inspectionResult")
        return found if isinstance(found, dict) else {}

    async def _post(self, record: Mapping[str, Any], route: str, body: JsonObject) -> JsonObject:
        auth: dict[str, str] = {}
        base = str(record.get("base_url") or self._base).rstrip("/")
        if record.get("connection"):
            token = await self._tokens.token(await self._connections.get(str(record["connection"])))
            auth = {"Authorization": f"Bearer {token}"} if token else {}
            self._secrets.add(f"secret of connection {record['connection']}", [token] if token else [])
        elif base == GOOGLE:
            raise ConfigurationError("gsc needs a connection with credentials for Search Console's API")
        request = HttpRequest(
            method="POST", url=f"{base}/{route}", auth=auth, json=body, timeout=60.0, max_bytes=64 * 1024 * 1024
        )
        name, kind = limit_key(str(record.get("connection") or ""), base)
        async with self._throttle.acquire(name, kind=kind):
            return _result(await self._http.send(request))


def _record(site: JsonObject) -> Mapping[str, Any]:
    record = site.get("gsc")
    if not isinstance(record, Mapping) or not record.get("property"):
        name = site.get("site") or "(none)"
        raise ConfigurationError(
            f"site {name} has no Search Console property; "
            "add gsc: {property: 'sc-domain:example.com', connection: NAME}"
        )
    return record


def _body(query: SearchQuery, size: int, start: int) -> JsonObject:
    body: JsonObject = {
        "startDate": query.start_date,
        "endDate": query.end_date,
        "dimensions": list(query.dimensions),
        "type": query.search_type,
        "dataState": query.data_state,
        "rowLimit": size,
        "startRow": start,
    }
    if query.filters:
        filters = [dict(item) for item in query.filters]
        body["dimensionFilterGroups"] = [{"groupType": "and", "filters": filters}]
    return body


def _row(item: Mapping[str, Any]) -> JsonObject:
    return {
        "keys": [str(key) for key in item.get("keys") or ()],
        "clicks": float(item.get("clicks", 0)),
        "impressions": float(item.get("impressions", 0)),
        "ctr": float(item.get("ctr", 0)),
        "position": float(item.get("position", 0)),
    }


def _first_incomplete(answer: JsonObject) -> str | None:
    metadata = answer.get("metadata") or {}
    # the documentation says first_incomplete_date, generated clients firstIncompleteDate
    found = metadata.get("first_incomplete_date") or metadata.get("firstIncompleteDate")
    return str(found)[:10] if found else None


def _final_until(query: SearchQuery, incomplete: str | None) -> str | None:
    if incomplete is None:
        # the query was for final data, or the API reports all of this data as final
        return query.end_date if query.data_state == "final" or "date" in query.dimensions else None
    try:
        before = (date.fromisoformat(incomplete) - timedelta(days=1)).isoformat()
    except ValueError:
        return None
    return min(before, query.end_date)


def _result(answer: HttpResponse) -> JsonObject:
    what = "Search Console"
    try:
        body = json.loads(answer.body) if answer.body else {}
    except (ValueError, RecursionError):
        body = None
    if answer.status == 200:
        if not isinstance(body, dict):
            raise StepError(f"{what} answered without JSON", code="not_json")
        return body
    error = body.get("error") if isinstance(body, dict) else None
    reason = str(error.get("message", ""))[:300] if isinstance(error, dict) else ""
    message = f"{what} answered {answer.status}: {reason}" if reason else f"{what} answered {answer.status}"
    reasons = {str(item.get("reason")) for item in error.get("errors") or ()} if isinstance(error, dict) else set()
    if answer.status == 429 or (answer.status == 403 and reasons & _QUOTA):
        load = "load quota" in reason.lower() or "quotaExceeded" in reasons
        wait = answer.retry_after or (LOAD_QUOTA_SECONDS if load else None)
        raise TransientError(message, reason="rate_limit", retry_after=wait)
    if answer.status in (401, 403):
        raise StepError(
            f"{message} (check that the account has access to this property)",
            code="auth",
            detail={"status": answer.status},
        )
    if reason and answer.status < 500:
        rejected = answer.status >= 400
        raise StepError(message, code=f"http_{answer.status}", detail={"status": answer.status}, definitive=rejected)
    answer.ensure_success(what)
    raise StepError(message, code="not_json")
