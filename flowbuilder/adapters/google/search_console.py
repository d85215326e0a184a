"""Google Search Console: the performance report and the index status of a URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from flowbuilder.adapters.google.search_console_answers import (
    bad_answer,
    final_until,
    inspection_of,
    result_of,
    rows_of,
)
from flowbuilder.adapters.google.token import GoogleTokens
from flowbuilder.errors import ConfigurationError
from flowbuilder.ports import Connections, Http, HttpRequest, NoThrottle, SearchQuery, Throttle
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.throttle import limit_key
from flowbuilder.values import JsonObject

GOOGLE = "https://searchconsole.googleapis.com"
PAGE = 25_000
"""Maximum number of rows of one request."""
MAX_REQUESTS = 200
"""The most requests of one query: 40 give the million rows that a query may ask for."""


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
        """`{rows, final_until}`: pages until one has no new row or `row_limit` is reached.

        `final_until` is the last date for which Search Console has final data, by a query by date; None without any.
        """
        record = _record(site)
        # dates alone, without filters: Search Console's own way to learn for which days it has data
        dates = replace(query, dimensions=("date",), filters=(), data_state="final")
        known = final_until(await self._page(record, dates, PAGE, 0), query.end_date)
        rows: dict[tuple[str, ...], JsonObject] = {}
        for _ in range(MAX_REQUESTS):
            size = min(PAGE, query.row_limit - len(rows))
            found = rows_of(await self._page(record, query, size, len(rows)), len(query.dimensions))
            before = len(rows)
            # keys are unique in a result: a row that comes again is of an overlapping page
            for row in found[:size]:
                rows.setdefault(tuple(row["keys"]), row)
            if len(rows) == before or len(rows) >= query.row_limit:
                return {"rows": list(rows.values()), "final_until": known}
        raise bad_answer(f"{MAX_REQUESTS} pages gave {len(rows):,} rows and still do not end")

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        """The API's `inspectionResult`: `indexStatusResult` with verdict, coverage, last crawl and canonical."""
        record = _record(site)
        body = {"inspectionUrl": url, "siteUrl": property_of(record)}
        return inspection_of(await self._post(record, "v1/urlInspection/index:inspect", body))

    async def _page(self, record: Mapping[str, Any], query: SearchQuery, size: int, start: int) -> JsonObject:
        route = f"webmasters/v3/sites/{quote(property_of(record), safe='')}/searchAnalytics/query"
        return await self._post(record, route, _body(query, size, start))

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
            return result_of(await self._http.send(request))


def _record(site: JsonObject) -> Mapping[str, Any]:
    record = site.get("gsc")
    if not isinstance(record, Mapping) or not record.get("property"):
        name = site.get("site") or "(none)"
        raise ConfigurationError(
            f"site {name} has no Search Console property; "
            "add gsc: {property: 'sc-domain:example.com', connection: NAME}"
        )
    return record


def property_of(record: Mapping[str, Any]) -> str:
    """The name of a site's property as Search Console writes it: `sc-domain:example.com`, or a URL prefix with its `/`.

    Another name is returned as it is: Search Console says that there is no such property.
    """
    name = str(record["property"]).strip()
    if name.lower().startswith("sc-domain:"):
        return name.lower().rstrip("/")
    scheme, separator, rest = name.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.lower()}/{path}" if separator and host and (slash or not path) else name


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
