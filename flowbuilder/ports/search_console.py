"""Google Search Console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """A question to Search Console's performance report. Dates are ISO dates, both inclusive."""

    dimensions: tuple[str, ...]
    start_date: str
    end_date: str
    filters: tuple[JsonObject, ...] = ()
    row_limit: int = 1000
    search_type: str = "web"
    data_state: str = "final"


class SearchConsole(Protocol):
    """Google Search Console for a site's property (`site["gsc"]`)."""

    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        """`{rows: [{keys, clicks, impressions, ctr, position}], final_until}`; `final_until` is an ISO date."""

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        """What the index knows of a URL: the API's `inspectionResult`."""
