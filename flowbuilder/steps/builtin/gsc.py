"""`gsc`: Google Search Console data of a site."""

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from flowbuilder import ports
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.steps.step import Completed, Record, Step, StepResult, StepRun, Templated, TemplatedField

Dimension = Literal["country", "date", "device", "page", "query", "searchAppearance"]
_AGO = r"-(\d{1,3})d"


class Filter(Record):
    """Keep the rows whose `dimension` is (or contains, or matches) `expression`."""

    dimension: Literal["country", "device", "page", "query", "searchAppearance"]
    operator: Literal["contains", "equals", "notContains", "notEquals", "includingRegex", "excludingRegex"] = "equals"
    expression: str


class Row(BaseModel, defer_build=True):
    """One row: `keys` in the order of `dimensions`; `ctr` is from 0 to 1, `position` from 1, or null."""

    keys: list[str]
    clicks: float
    impressions: float
    ctr: float
    position: float | None


class Gsc(Step):
    """Query the search performance of the site's Search Console property, or the index status of one URL.

    Dates are ISO dates (2026-01-31), `today`, `yesterday`, or days before today such as `-28d`: days of Pacific time,
    as Search Console counts them.
    """

    cooperative: ClassVar[bool] = True
    untrusted: ClassVar[str | None] = "search data"

    operation: Literal["query", "inspect"] = "query"
    dimensions: Templated[tuple[Dimension, ...]] = ("query",)
    start_date: Templated[str] = "-28d"
    end_date: Templated[str] = "-1d"
    filters: Templated[tuple[Filter, ...]] = ()
    row_limit: Templated[Annotated[int, Field(ge=1, le=1_000_000)]] = 1000
    search_type: Literal["web", "image", "video", "news", "discover", "googleNews"] = "web"
    data_state: Literal["final", "all"] = "final"
    url: Annotated[str | None, TemplatedField(url=True)] = Field(default=None, description="the URL to inspect")

    class Output(BaseModel, defer_build=True):
        """`final_until` is the last date with final data, or null; `inspection` is only for `inspect`."""

        rows: list[Row]
        final_until: str | None
        inspection: Any = None

    async def run(self, run: StepRun) -> StepResult:
        """Rows come in Search Console's order: by clicks, most first."""
        console = run.ports.search_console
        if console is None:
            raise ConfigurationError("this installation has no Search Console adapter")
        if self.operation == "inspect":
            if not self.url:
                raise StepError("operation inspect needs a url", code="invalid_field", detail={"field": "url"})
            inspection = await console.inspect(run.site, self.url)
            return Completed(output={"rows": [], "final_until": None, "inspection": inspection})
        today = _pacific_day(run.ports.clock.now())
        start, end = _day(self.start_date, today, "start_date"), _day(self.end_date, today, "end_date")
        if start > end:
            message = f"start_date {start.isoformat()} is after end_date {end.isoformat()}"
            raise StepError(message, code="invalid_field", detail={"field": "start_date"})
        found = await console.query(
            run.site,
            ports.SearchQuery(
                dimensions=tuple(self.dimensions),
                start_date=start.isoformat(),
                end_date=end.isoformat(),
                filters=tuple(item.model_dump() for item in self.filters),
                row_limit=self.row_limit,
                search_type=self.search_type,
                data_state=self.data_state,
            ),
        )
        return Completed(output={"rows": found["rows"], "final_until": found["final_until"], "inspection": None})


def _pacific_day(now: datetime) -> date:
    """The day in California at a time: Search Console's days begin and end there."""
    from zoneinfo import ZoneInfo  # here: validating a document needs no time zones

    return now.astimezone(ZoneInfo("America/Los_Angeles")).date()


def _day(text: str, today: date, field: str) -> date:
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    if match := re.fullmatch(_AGO, text):
        return today - timedelta(days=int(match[1]))
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{field}: {text!r:.40} is not a date such as 2026-01-31, nor yesterday, nor -28d"
        raise StepError(message, code="invalid_field", detail={"field": field}) from None
