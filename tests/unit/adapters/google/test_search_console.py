"""Search Console's real requests against a local server, tokens by google-auth included."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.google.search_console import GoogleSearchConsole
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, TransientError
from flowbuilder.ports import SearchQuery
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeConnections

PROPERTY = "sc-domain:tea.example"
ROUTE = "/webmasters/v3/sites/sc-domain%3Atea.example/searchAnalytics/query"
SITE = {"site": "tea.example", "gsc": {"property": PROPERTY, "connection": "gsc"}}
QUERY = SearchQuery(dimensions=("page", "query"), start_date="2026-01-01", end_date="2026-01-28", row_limit=10)


class Google:
    """Search Console and the token server; `asked` are the bodies of the queries, `tokens` those of the exchanges.

    `final` is the last date with final data, which a query by date shows.
    """

    def __init__(self, http: HTTPServer, rows: int = 0) -> None:
        self.asked: list[dict[str, Any]] = []
        self.bearers: list[str] = []
        self.tokens: list[dict[str, list[str]]] = []
        self.rows = rows
        self.final = ""
        self.more: dict[str, Any] = {}
        self.failure: Response | None = None
        self.url = http.url_for("").rstrip("/")
        # the property's slash and colon are escaped: compare the path as it was sent
        http.expect_request("/webmasters/v3/sites/sc-domain:tea.example/searchAnalytics/query").respond_with_handler(
            self._query
        )
        http.expect_request("/v1/urlInspection/index:inspect").respond_with_handler(self._inspect)
        http.expect_request("/token").respond_with_handler(self._token)

    def console(self, connection: dict[str, Any] | None = None) -> GoogleSearchConsole:
        known = FakeConnections({"gsc": connection or {"auth": "none"}})
        return GoogleSearchConsole(GuardedHttp(Egress(["127.0.0.1"])), known, base_url=self.url)

    def fail(self, status: int, message: str = "", reason: str = "", **headers: str) -> None:
        error = {"code": status, "message": message, "errors": [{"reason": reason, "domain": "usageLimits"}]}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.failure = Response(
            json.dumps({"error": error}), status=status, headers=sent, content_type="application/json"
        )

    def _query(self, request: Request) -> Response:
        asked = request.get_json()
        self.bearers.append(request.headers.get("authorization", ""))
        row = {"clicks": 2.0, "impressions": 40.0, "ctr": 0.05, "position": 7.5}
        if asked["dimensions"] == ["date"] and self.failure is None:
            days = [{"keys": [self.final], **row}] if self.final else []
            return Response(json.dumps({"rows": days, **self.more}), content_type="application/json")
        self.asked.append(asked)
        assert request.environ["RAW_URI"] == ROUTE
        if self.failure is not None:
            return self.failure
        first = asked["startRow"]
        count = max(0, min(asked["rowLimit"], self.rows - first))
        rows = [{"keys": ["https://tea.example/", f"q{first + n}"], **row} for n in range(count)]
        answer = {"responseAggregationType": "byPage", **({"rows": rows} if rows else {}), **self.more}
        return Response(json.dumps(answer), content_type="application/json")

    def _inspect(self, request: Request) -> Response:
        self.asked.append(request.get_json())
        result = {"indexStatusResult": {"verdict": "PASS", "coverageState": "Submitted and indexed"}}
        return Response(json.dumps({"inspectionResult": result}), content_type="application/json")

    def _token(self, request: Request) -> Response:
        self.tokens.append(parse_qs(request.get_data(as_text=True)))
        if self.failure is not None:
            return self.failure
        answer = {"access_token": f"ya29.{len(self.tokens)}", "expires_in": 3600, "token_type": "Bearer"}
        return Response(json.dumps(answer), content_type="application/json")


@pytest.fixture
def google(httpserver: HTTPServer) -> Google:
    return Google(httpserver)


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.private_bytes(*form).decode()


async def test_a_query_is_the_documented_request_and_rows_are_unchanged(google: Google) -> None:
    google.rows, google.final = 2, "2026-01-26"
    filters = ({"dimension": "page", "operator": "contains", "expression": "/guides/"},)
    found = await google.console().query(SITE, SearchQuery(**{**vars_of(QUERY), "filters": filters}))
    assert google.asked[:1] == [
        {
            "startDate": "2026-01-01",
            "endDate": "2026-01-28",
            "dimensions": ["page", "query"],
            "type": "web",
            "dataState": "final",
            "rowLimit": 10,
            "startRow": 0,
            "dimensionFilterGroups": [{"groupType": "and", "filters": list(filters)}],
        }
    ]
    row = {"clicks": 2.0, "impressions": 40.0, "ctr": 0.05, "position": 7.5}
    assert found["rows"] == [{"keys": ["https://tea.example/", f"q{n}"], **row} for n in range(2)]
    assert found["final_until"] == "2026-01-26"


def vars_of(query: SearchQuery) -> dict[str, Any]:
    return {name: getattr(query, name) for name in query.__dataclass_fields__}


async def test_rows_are_requested_in_pages_of_25000_until_one_is_empty(google: Google) -> None:
    google.rows = 60_000
    found = await google.console().query(SITE, SearchQuery(**{**vars_of(QUERY), "row_limit": 100_000}))
    assert [(asked["startRow"], asked["rowLimit"]) for asked in google.asked] == [
        (0, 25_000),
        (25_000, 25_000),
        (50_000, 25_000),
        (60_000, 25_000),
    ]
    assert len(found["rows"]) == 60_000
    assert len({row["keys"][1] for row in found["rows"]}) == 60_000


async def test_no_more_rows_are_requested_than_the_limit(google: Google) -> None:
    google.rows = 60_000
    found = await google.console().query(SITE, SearchQuery(**{**vars_of(QUERY), "row_limit": 30_000}))
    assert [(asked["startRow"], asked["rowLimit"]) for asked in google.asked] == [(0, 25_000), (25_000, 5_000)]
    assert len(found["rows"]) == 30_000


async def test_preliminary_figures_name_the_first_date_that_is_not_final(google: Google) -> None:
    google.more = {"metadata": {"first_incomplete_date": "2026-01-27"}}
    found = await google.console().query(SITE, SearchQuery(**{**vars_of(QUERY), "data_state": "all"}))
    assert google.asked[0]["dataState"] == "all"
    assert found == {"rows": [], "final_until": "2026-01-26"}


async def test_inspection_returns_the_index_status(google: Google) -> None:
    found = await google.console().inspect(SITE, "https://tea.example/a")
    assert google.asked == [{"inspectionUrl": "https://tea.example/a", "siteUrl": PROPERTY}]
    assert found["indexStatusResult"]["verdict"] == "PASS"


async def failure(work: Any, kind: type[FlowbuilderError]) -> Any:
    with pytest.raises(kind) as caught:
        await work
    return caught.value


@pytest.mark.parametrize(
    ("status", "message", "reason", "headers", "wait"),
    [
        (429, "Quota exceeded for sites", "rateLimitExceeded", {}, None),
        (403, "Search Analytics load quota exceeded", "quotaExceeded", {}, 900.0),
        (403, "User rate limit", "userRateLimitExceeded", {}, None),
        (429, "Slow down", "rateLimitExceeded", {"Retry_After": "33"}, 33.0),
    ],
)
async def test_quota_errors_are_transient_and_load_quota_waits_fifteen_minutes(
    google: Google, status: int, message: str, reason: str, headers: dict[str, str], wait: float | None
) -> None:
    google.fail(status, message, reason, **headers)
    problem = await failure(google.console().query(SITE, QUERY), TransientError)
    assert (problem.reason, problem.retry_after) == ("rate_limit", wait)
    assert message in str(problem)


async def test_a_server_error_is_transient(google: Google) -> None:
    google.fail(503, "backend")
    assert (await failure(google.console().query(SITE, QUERY), TransientError)).reason == "server_error"


@pytest.mark.parametrize(("status", "code"), [(400, "http_400"), (403, "auth"), (401, "auth"), (404, "http_404")])
async def test_other_errors_are_permanent_with_googles_message(google: Google, status: int, code: str) -> None:
    google.fail(status, "User does not have sufficient permission", "forbidden")
    problem = await failure(google.console().query(SITE, QUERY), StepError)
    assert not isinstance(problem, TransientError)
    assert problem.code == code
    assert "sufficient permission" in str(problem)


async def test_a_service_account_signs_for_a_token_that_is_used_until_it_expires(google: Google, key: str) -> None:
    account = {"type": "service_account", "client_email": "bot@p.iam.gserviceaccount.com", "private_key": key}
    console = google.console({"service_account": {**account, "token_uri": f"{google.url}/token"}})
    await console.query(SITE, QUERY)
    await console.query(SITE, QUERY)
    assert google.bearers == ["Bearer ya29.1"] * 4
    (exchange,) = google.tokens
    assert exchange["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


async def test_a_key_file_may_be_given_as_a_string(google: Google, key: str) -> None:
    account = {"client_email": "bot@p.example", "private_key": key, "token_uri": f"{google.url}/token"}
    await google.console({"service_account": json.dumps(account)}).query(SITE, QUERY)
    assert set(google.bearers) == {"Bearer ya29.1"}


def refreshing(google: Google) -> dict[str, str]:
    return {"refresh_token": "1//r", "client_id": "id", "client_secret": "hunter2", "token_uri": f"{google.url}/token"}


async def test_a_refresh_token_is_exchanged(google: Google) -> None:
    await google.console(refreshing(google)).query(SITE, QUERY)
    assert google.tokens[0]["refresh_token"] == ["1//r"]
    assert set(google.bearers) == {"Bearer ya29.1"}


async def test_refused_credentials_are_a_permanent_error_without_secrets(google: Google) -> None:
    google.failure = Response('{"error": "invalid_grant"}', status=400, content_type="application/json")
    problem = await failure(google.console(refreshing(google)).query(SITE, QUERY), StepError)
    assert problem.code == "auth"
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    "body", ["<html>", "", "[]", "{}", "null",
             '"x"', '{"access_token": null}', '{"access_token": 7, "expires_in": "x"}',
             '{"access_token": ["a"]}', '{"access_token": "a", "expires_in": "soon"}']
)  # fmt: skip
async def test_an_odd_answer_of_the_token_server_is_an_error_of_its_own(google: Google, body: str) -> None:
    google.failure = Response(body, status=200, content_type="application/json")
    problem = await failure(google.console(refreshing(google)).query(SITE, QUERY), StepError)
    assert problem.code in ("bad_answer", "auth")


async def test_an_unreachable_token_server_is_a_transient_failure(google: Google) -> None:
    gone = {**refreshing(google), "token_uri": "http://127.0.0.1:9/token"}
    problem = await failure(google.console(gone).query(SITE, QUERY), TransientError)
    assert problem.reason == "connection"


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({"service_account": "{"}, "not the JSON of a key file"),
        ({"service_account": {"client_email": "x"}}, "cannot be used"),
        ({"refresh_token": "x"}, "cannot be used"),
        ({"token": "x"}, "needs service_account"),
    ],
)
async def test_credentials_that_cannot_work_are_explained(
    google: Google, connection: dict[str, Any], said: str
) -> None:
    problem = await failure(google.console(connection).query(SITE, QUERY), ConfigurationError)
    assert said in str(problem)


@pytest.mark.parametrize("site", [{}, {"site": "a"}, {"site": "a", "gsc": {"connection": "gsc"}}])
async def test_a_site_without_a_property_is_explained(google: Google, site: dict[str, Any]) -> None:
    problem = await failure(google.console().query(site, QUERY), ConfigurationError)
    assert "add gsc: {property" in str(problem)


async def test_only_googles_own_address_requires_credentials(google: Google) -> None:
    site = {"site": "a", "gsc": {"property": PROPERTY}}
    assert (await google.console().query(site, QUERY))["rows"] == []
    real = GoogleSearchConsole(GuardedHttp(), FakeConnections(), base_url=Settings().gsc_base_url)
    problem = await failure(real.query(site, QUERY), ConfigurationError)
    assert "needs a connection" in str(problem)


async def test_a_site_may_name_another_address_for_the_api(google: Google) -> None:
    far = GoogleSearchConsole(GuardedHttp(Egress(["127.0.0.1"])), FakeConnections(), base_url="https://google.example")
    site = {"site": "t", "gsc": {"property": PROPERTY, "base_url": google.url}}
    assert (await far.query(site, QUERY))["rows"] == []
