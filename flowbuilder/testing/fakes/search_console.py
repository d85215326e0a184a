"""Search figures given beforehand."""

from __future__ import annotations

from collections.abc import Iterable

from flowbuilder.ports import SearchQuery
from flowbuilder.values import JsonObject


class FakeSearchConsole:
    """Rows given beforehand, whatever is asked, up to the row limit. `queries` are those that were asked."""

    def __init__(self, rows: Iterable[JsonObject] = (), *, final_until: str | None = None) -> None:
        self._rows = list(rows)
        self._final_until = final_until
        self.queries: list[SearchQuery] = []

    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        """The rows."""
        self.queries.append(query)
        return {"rows": self._rows[: query.row_limit], "final_until": self._final_until or query.end_date}

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        """A page that is indexed."""
        return {"indexStatusResult": {"verdict": "PASS", "coverageState": "Submitted and indexed"}}
