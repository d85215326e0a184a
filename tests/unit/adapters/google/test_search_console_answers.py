"""Odd answers of Search Console: each gives its rows, or one error that says what is wrong; none is a crash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from flowbuilder.adapters.google.search_console import GoogleSearchConsole, property_of
from flowbuilder.errors import StepError, TransientError
from flowbuilder.ports import HttpRequest, HttpResponse, SearchQuery
from flowbuilder.testing import FakeConnections
from flowbuilder.values import ensure_json

SITE = {"site": "tea.example", "gsc": {"property": "sc-domain:tea.example", "connection": "g"}}
ROW = {"keys": ["tea"], "clicks": 2, "impressions": 40, "ctr": 0.05, "position": 7.5}


class Server:
    """Answers each request by `answer(body of the request)`; `asked` records the bodies."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        assert isinstance(request.json, dict)
        self.asked.append(request.json)
        found = self.answer(request.json)
        status, body, *headers = found if isinstance(found, tuple) else (200, found)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return HttpResponse(status=status, headers=headers[0] if headers else {}, body=data, url=request.url)


def ask(answer: Callable[[dict[str, Any]], Any], **changes: Any) -> tuple[dict[str, Any], Server]:
    server = Server(answer)
    console = GoogleSearchConsole(server, FakeConnections({"g": {"auth": "none"}}), base_url="https://google.example")
    given = {"dimensions": ("query",), "start_date": "2026-01-01", "end_date": "2026-01-28", "row_limit": 10}
    return asyncio.run(console.query(SITE, SearchQuery(**{**given, **changes}))), server


def once(body: Any) -> Callable[[dict[str, Any]], Any]:
    """`body` for the first rows, then no rows; nothing by date."""

    def answer(asked: dict[str, Any]) -> Any:
        return {} if asked["startRow"] or asked["dimensions"] == ["date"] else body

    return answer


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key != name}


BAD: dict[str, Any] = {
    "HTML": b"<html><title>Sign in</title></html>",
    "nothing": b"",
    "white space": b" \n",
    "cut off": b'{"rows": [{"keys": ["a"',
    "two objects": b"{}{}",
    "an XSSI prefix": b")]}'\n{}",
    "a list": [],
    "a list of rows": [ROW],
    "a text": "no",
    "a number": 7,
    "null": None,
    "true": True,
    "not UTF-8": b'{"rows": "\xff\xfe\xfa"}',
    "NaN": b'{"rows": [{"keys": ["a"], "clicks": NaN, "impressions": 1}]}',
    "Infinity": b'{"rows": [{"keys": ["a"], "clicks": Infinity, "impressions": 1}]}',
    "too large a number": b'{"rows": [{"keys": ["a"], "clicks": 1e999, "impressions": 1}]}',
    "too many digits": b'{"rows": [{"keys": ["a"], "clicks": ' + b"9" * 400 + b', "impressions": 1}]}',
    "more digits than Python reads": b'{"rows": [{"keys": ["a"], "clicks": ' + b"9" * 9000 + b', "impressions": 1}]}',
    "deep": b"[" * 100_000,
    "an error with status 200": {"error": {"code": 403, "message": "no"}},
    "an error as a text": {"error": "invalid_grant"},
    "rows are an object": {"rows": {"0": ROW}},
    "rows are a text": {"rows": "none"},
    "rows are a number": {"rows": 3},
    "rows are false": {"rows": False},
    "a row is null": {"rows": [None]},
    "a row is a list": {"rows": [["tea", 1, 2]]},
    "a row is a text": {"rows": ["tea"]},
    "a row is a number": {"rows": [ROW, 4]},
    "an empty row": {"rows": [{}]},
    "no keys": {"rows": [without("keys")]},
    "keys are null": {"rows": [{**ROW, "keys": None}]},
    "keys are a text": {"rows": [{**ROW, "keys": "tea"}]},
    "keys are an object": {"rows": [{**ROW, "keys": {"query": "tea"}}]},
    "a key is a number": {"rows": [{**ROW, "keys": [1]}]},
    "a key is null": {"rows": [{**ROW, "keys": [None]}]},
    "a key is a list": {"rows": [{**ROW, "keys": [["tea"]]}]},
    "too few keys": {"rows": [{**ROW, "keys": []}]},
    "too many keys": {"rows": [{**ROW, "keys": ["https://tea.example/", "tea"]}]},
    "no clicks": {"rows": [without("clicks")]},
    "no impressions": {"rows": [without("impressions")]},
    "clicks are a text": {"rows": [{**ROW, "clicks": "2"}]},
    "clicks are true": {"rows": [{**ROW, "clicks": True}]},
    "clicks are a list": {"rows": [{**ROW, "clicks": [2]}]},
    "clicks are negative": {"rows": [{**ROW, "clicks": -1}]},
    "impressions are an object": {"rows": [{**ROW, "impressions": {"value": 1}}]},
    "impressions are a text": {"rows": [{**ROW, "impressions": "1,000"}]},
    "ctr is a text": {"rows": [{**ROW, "ctr": "5%"}]},
    "position is a text": {"rows": [{**ROW, "position": "7.5"}]},
    "position is false": {"rows": [{**ROW, "position": False}]},
    "position is negative": {"rows": [{**ROW, "position": -3}]},
    "a second row is odd": {"rows": [ROW, {**ROW, "keys": ["b"], "clicks": None}]},
    "status 204": (204, b""),
    "status 202": (202, {}),
}


@pytest.mark.parametrize("name", BAD)
def test_an_odd_answer_is_a_bad_answer(name: str) -> None:
    with pytest.raises(StepError) as caught:
        ask(once(BAD[name]))
    assert caught.value.code == "bad_answer"
    assert not isinstance(caught.value, TransientError)
    assert "Search Console's answer cannot be read" in str(caught.value)
    assert len(str(caught.value)) < 500


GOOD: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "no rows": ({}, []),
    "rows are null": ({"rows": None}, []),
    "empty rows": ({"rows": []}, []),
    "a byte order mark": (b'\xef\xbb\xbf{"rows": []}', []),
    "unknown members": ({"kind": "x", "rows": [{**ROW, "extra": 1}], "responseAggregationType": "byPage"}, [ROW]),
    "no position": ({"rows": [without("position")]}, [{**ROW, "position": None}]),
    "position is null": ({"rows": [{**ROW, "position": None}]}, [{**ROW, "position": None}]),
    "position is zero": ({"rows": [{**ROW, "position": 0}]}, [{**ROW, "position": None}]),
    "no ctr": ({"rows": [without("ctr")]}, [ROW]),
    "nothing was shown": (
        {"rows": [{"keys": ["a"], "clicks": 0, "impressions": 0}]},
        [{"keys": ["a"], "clicks": 0, "impressions": 0, "ctr": 0, "position": None}],
    ),
    "an empty key": ({"rows": [{**ROW, "keys": [""]}]}, [{**ROW, "keys": [""]}]),
    "half a surrogate pair": (b'{"rows": [{"keys": ["\\ud83d"], "clicks": 2, "impressions": 40, "position": 7.5}]}',
                              [{**ROW, "keys": ["\ufffd"]}]),
    "an emoji as escapes": (b'{"rows": [{"keys": ["\\ud83c\\udf75"], "clicks": 2, "impressions": 40,'
                            b' "position": 7.5}]}', [{**ROW, "keys": ["\U0001f375"]}]),
    "more rows than were asked for": ({"rows": [{**ROW, "keys": [f"q{n}"]} for n in range(12)]},
                                      [{**ROW, "keys": [f"q{n}"]} for n in range(10)]),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_an_unusual_answer_gives_its_rows(name: str) -> None:
    body, rows = GOOD[name]
    found, _ = ask(once(body))
    assert found == {"rows": rows, "final_until": None}
    assert ensure_json(found) == found


FAILED: dict[str, tuple[tuple[Any, ...], str, str]] = {
    "403 in HTML": ((403, b"<html>Forbidden</html>"), "auth", "add it in Search Console under Settings"),
    "403 of another's property": (
        (403, {"error": {"message": "User does not have sufficient permission", "errors": [{"reason": "forbidden"}]}}),
        "auth", "sc-domain:example.com or https://example.com/"),
    "403 of an API that is off": (
        (403, {"error": {"message": "Google Search Console API has not been used in project 1 before or is disabled.",
                         "errors": [{"reason": "accessNotConfigured"}]}}), "auth", "enable the Search Console API"),
    "403 of a scope": ((403, {"error": {"message": "Request had insufficient authentication scopes.",
                                        "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}),
                       "auth", "webmasters.readonly"),
    "401": ((401, {"error": {"message": "Invalid Credentials"}}), "auth", "renew the credentials"),
    "403 with odd reasons": ((403, {"error": {"errors": ["quotaExceeded", None], "details": 4}}),
                             "auth", "answered 403"),
    "an error that is a text": ((400, {"error": "invalid_request"}), "http_400", "invalid_request"),
    "an error that is a list": ((400, {"error": ["x"]}), "http_400", "answered 400"),
    "a message that is an object": ((400, {"error": {"message": {"a": 1}}}), "http_400", "answered 400"),
    "a list with status 400": ((400, [{"error": {"message": "no"}}]), "http_400", "answered 400"),
    "404 in HTML": ((404, b"<html>Not found</html>"), "http_404", "answered 404"),
    "429 without a body": ((429, b""), "rate_limit", "lower the rate limit"),
    "429 in HTML": ((429, b"<html>", {"retry-after": "7"}), "rate_limit", "answered 429"),
    "403 of the quota of a day": ((403, {"error": {"message": "Daily Limit",
                                                 "errors": [{"reason": "dailyLimitExceeded"}]}}),
                                  "rate_limit", "midnight Pacific time"),
    "403 of the load quota": ((403, {"error": {"message": "Search Analytics load quota exceeded",
                                               "errors": [{"reason": "quotaExceeded"}]}}),
                              "rate_limit", "fewer days"),
    "502 in HTML": ((502, b"<html>Bad gateway</html>"), "server_error", "answered 502"),
    "500 with a message": ((500, {"error": {"message": "Internal error"}}), "server_error", "500: Internal error"),
    "302": ((302, b"", {"location": "https://accounts.google.com/"}), "http_302", "answered 302"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILED)
def test_a_refusal_says_what_to_do(name: str) -> None:
    answer, code, said = FAILED[name]
    with pytest.raises(StepError) as caught:
        ask(lambda _: answer)
    assert caught.value.code == code
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", {}, [], {"inspectionResult": None}, {"inspectionResult": []}, {"inspectionResult": "x"},
               b'{"inspectionResult": {"a": 99999999999999999999}}', {"error": {"message": "no"}}]
)  # fmt: skip
def test_an_inspection_without_its_result_is_a_bad_answer(answer: Any) -> None:
    console = GoogleSearchConsole(
        Server(lambda _: answer), FakeConnections({"g": {"auth": "none"}}), base_url="https://google.example"
    )
    with pytest.raises(StepError) as caught:
        asyncio.run(console.inspect(SITE, "https://tea.example/"))
    assert caught.value.code == "bad_answer"


def google(last_final: date, today: date) -> Callable[[dict[str, Any]], Any]:
    """A Search Console with a row a day, of which the days after `last_final` are not final."""

    def answer(asked: dict[str, Any]) -> Any:
        fresh = asked["dataState"] == "all"
        start, end = date.fromisoformat(asked["startDate"]), date.fromisoformat(asked["endDate"])
        last = min(end, today if fresh else last_final)
        if asked["dimensions"] != ["date"]:
            return {"rows": [] if asked["startRow"] else [ROW]}
        days = [start + timedelta(days=n) for n in range((last - start).days + 1)]
        rows = [{**ROW, "keys": [day.isoformat()]} for day in days][asked["startRow"] :]
        more = {"metadata": {"first_incomplete_date": (last_final + timedelta(days=1)).isoformat()}}
        return {"rows": rows, **(more if fresh and end > last_final else {})}

    return answer


@pytest.mark.parametrize("state", ["final", "all"])
@pytest.mark.parametrize("dimensions", [("query",), ("date",)])
@pytest.mark.parametrize(
    ("end", "known"), [("2026-01-28", "2026-01-25"), ("2026-01-25", "2026-01-25"), ("2026-01-20", "2026-01-20")]
)
def test_final_until_is_what_the_data_says(state: str, dimensions: tuple[str, ...], end: str, known: str) -> None:
    answer = google(date(2026, 1, 25), date(2026, 1, 28))
    filters = ({"dimension": "query", "operator": "equals", "expression": "tea"},)
    found, server = ask(answer, data_state=state, dimensions=dimensions, end_date=end, filters=filters, row_limit=100)
    assert found["final_until"] == known
    by_date = server.asked[0]
    assert (by_date["dimensions"], by_date["dataState"]) == (["date"], "final")
    assert "dimensionFilterGroups" not in by_date


@pytest.mark.parametrize(
    ("by_date", "known"),
    [
        ({}, None),
        ({"rows": []}, None),
        ({"rows": [{**ROW, "keys": ["tea"]}]}, None),
        ({"rows": [{**ROW, "keys": ["2026-01-20", "tea"]}]}, None),
        ({"rows": [{**ROW, "keys": ["2026-01-20"]}, None]}, None),
        ({"rows": [{**ROW, "keys": ["2026-01-31"]}]}, "2026-01-28"),
        ({"metadata": {"first_incomplete_date": "2026-01-21"}}, "2026-01-20"),
        ({"metadata": {"firstIncompleteDate": "2026-03-01"}}, "2026-01-28"),
        ({"metadata": {"first_incomplete_date": "soon"}}, None),
        ({"metadata": {"first_incomplete_date": 20260121}}, None),
        ({"metadata": None, "rows": [{**ROW, "keys": ["2026-01-19"]}]}, "2026-01-19"),
    ],
)
def test_final_until_is_null_when_the_data_does_not_say(by_date: Any, known: str | None) -> None:
    found, _ = ask(lambda asked: by_date if asked["dimensions"] == ["date"] else {})
    assert found["final_until"] == known


def rows(first: int, count: int) -> list[dict[str, Any]]:
    return [{**ROW, "keys": [f"q{first + n}"]} for n in range(count)]


@pytest.mark.parametrize("page", [1, 7, 4_999, 25_000])
def test_pages_end_at_zero_rows_and_not_at_a_short_one(page: int) -> None:
    total = min(3 * page + 2, 60_000)

    def answer(asked: dict[str, Any]) -> Any:
        first = asked["startRow"]
        return {} if asked["dimensions"] == ["date"] else {"rows": rows(first, max(0, min(page, total - first)))}

    found, server = ask(answer, row_limit=1_000_000)
    assert [row["keys"][0] for row in found["rows"]] == [f"q{n}" for n in range(total)]
    assert server.asked[-1]["startRow"] == total


def test_a_page_that_comes_again_ends_the_query_and_counts_once() -> None:
    found, server = ask(lambda asked: {} if asked["dimensions"] == ["date"] else {"rows": rows(0, 5)}, row_limit=1000)
    assert len(found["rows"]) == 5
    assert len(server.asked) == 3


def test_pages_without_end_are_a_bad_answer() -> None:
    with pytest.raises(StepError) as caught:
        ask(lambda asked: {"rows": rows(asked["startRow"], 1)}, row_limit=1_000_000)
    assert caught.value.code == "bad_answer"


def test_totals_without_dimensions_are_one_row() -> None:
    total = {"clicks": 5, "impressions": 100, "ctr": 0.05, "position": 3.0}
    found, _ = ask(once({"rows": [total]}), dimensions=())
    assert found["rows"] == [{"keys": [], **total}]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("sc-domain:tea.example", "sc-domain:tea.example"),
        (" SC-Domain:Tea.example/ ", "sc-domain:tea.example"),
        ("https://tea.example", "https://tea.example/"),
        ("https://Tea.Example/", "https://tea.example/"),
        ("https://tea.example/Blog/", "https://tea.example/Blog/"),
        ("https://tea.example/blog", "https://tea.example/blog"),
        ("http://tea.example:8080", "http://tea.example:8080/"),
        ("tea.example", "tea.example"),
    ],
)
def test_a_property_is_named_as_search_console_names_it(written: str, name: str) -> None:
    assert property_of({"property": written}) == name
