"""The Ghost adapter against a server that speaks the Admin API: answers that a real Ghost does not produce at will."""

from __future__ import annotations

import json
import re
import time
from email.utils import formatdate
from typing import Any

import jwt
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.cms import FORMS
from flowbuilder.adapters.cms.ghost import Ghost
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.devstack.cms_checks import key_problems
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError, TransientError
from flowbuilder.ports import CmsWrite
from flowbuilder.settings import Settings
from tests.support.ghost_documents import card, document, text

KEY = f"{'6b' * 12}:{'0f' * 32}"
ROUTES = "routes:\n\ncollections:\n  /:\n    permalink: {}\n    template: index\n"


class Blog:
    """One post; what is sent is stored, changed by `twist`. `seen` are (method, kind), `sent` the last row."""

    def __init__(self, http: HTTPServer) -> None:
        self.http, self.url = http, http.url_for("").rstrip("/")
        self.post: dict[str, Any] = {
            "id": "7" * 24, "slug": "tea", "status": "published", "url": f"{self.url}/tea/", "title": "Tea",
            "lexical": document(text("Hot water.")), "updated_at": "2026-01-05T09:00:00.000Z",
            "custom_excerpt": None, "meta_title": None, "meta_description": None,
        }  # fmt: skip
        self.routes, self.clock = ROUTES.format("/{slug}/"), time.time()
        self.seen: list[tuple[str, str]] = []
        self.sent: dict[str, Any] = {}
        self.tokens: list[str] = []
        self.answer: Response | None = None
        self.twist: Any = lambda row: row
        http.expect_request("/ghost/api/admin/settings/routes/yaml/").respond_with_handler(
            lambda _: Response(self.routes)
        )
        for place in ("posts/", "pages/", f"posts/{self.post['id']}/"):
            http.expect_request(f"/ghost/api/admin/{place}").respond_with_handler(self._handle)

    def cms(self, **record: Any) -> Ghost:
        return Ghost(GuardedHttp(Egress(["127.0.0.1"])), {"url": f"{self.url}/", "admin_api_key": KEY}, record)

    def _handle(self, request: Request) -> Response:
        kind = request.path.split("/")[4]
        self.seen.append((request.method, kind))
        self.tokens.append(request.headers["Authorization"])
        if self.answer is not None:
            return self.answer
        if request.method == "GET":
            by_slug = request.args.get("filter") == f"slug:'{self.post['slug']}'"
            found = kind == "posts" and (by_slug or self.post["id"] in request.path)
            return self._said(kind, [self.post] if found else [])
        self.sent = request.get_json()[kind][0]
        stored = {**self.sent, "lexical": self.sent["lexical"].strip()} if "lexical" in self.sent else self.sent
        self.post = self.twist({**self.post, **stored})
        return self._said(kind, [self.post])

    def _said(self, kind: str, rows: list[Any]) -> Response:
        headers = {"Date": formatdate(self.clock, usegmt=True)}
        return Response(json.dumps({kind: rows}), content_type="application/json", headers=headers)

    @property
    def writes(self) -> list[str]:
        return [method for method, _ in self.seen if method != "GET"]


@pytest.fixture
def blog(httpserver: HTTPServer) -> Blog:
    return Blog(httpserver)


async def test_every_call_has_a_short_token_that_is_signed_with_the_key(blog: Blog) -> None:
    page = await blog.cms().read(f"{blog.url}/tea/")
    assert (page.title, page.body, page.revision) == ("Tea", "<p>Hot water.</p>", "2026-01-05T09:00:00.000Z")
    token = blog.tokens[0].removeprefix("Ghost ")
    claims = jwt.decode(token, bytes.fromhex("0f" * 32), algorithms=["HS256"], audience="/admin/")
    assert claims["exp"] - claims["iat"] <= 300
    assert jwt.get_unverified_header(token)["kid"] == "6b" * 12
    assert "0f0f" not in token


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({}, "needs url, admin_api_key"),
        ({"url": "https://t.example"}, "needs admin_api_key"),
        (
            {"url": "https://t.example", "admin_api_key": "s3cret-of-another-kind"},
            "Admin API key of a custom integration",
        ),
        ({"url": "tea", "admin_api_key": KEY}, "address of the connection"),
    ],
)
async def test_a_connection_that_cannot_be_used_is_a_configuration_error(connection: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        await Ghost(GuardedHttp(Egress()), connection, {}).read("https://t.example/tea/")
    assert "s3cret" not in str(caught.value)


def _error(message: str, status: int, **more: str) -> Response:
    body = {"errors": [{"message": message, "context": None, **more}]}
    return Response(json.dumps(body), status, content_type="application/json")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (_error("Unknown Admin API Key", 401), "auth", "Unknown Admin API Key .*admin_api_key"),
        (_error("No", 403), "auth", "denied: No"),
        (_error("Validation error", 422, context="Too long"), "http_422", "Validation error Too long"),
        (_error("Error parsing filter", 400), "http_400", "Error parsing filter"),
        (Response("<html>", content_type="text/html"), "not_json", "is a Ghost site"),
        (Response("[]", content_type="application/json"), "not_json", "is a Ghost site"),
        (Response('{"posts": [1]}', content_type="application/json"), "not_json", "is a Ghost site"),
        (Response('{"posts": ' + "[" * 90_000, content_type="application/json"), "not_json", "is a Ghost site"),
        (Response("busy", 503), "server_error", "answered 503"),
        (Response("busy", 429, headers={"Retry-After": "9"}), "rate_limit", "answered 429"),
        (Response("", 418), "http_418", "answered 418"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_answer_that_is_no_page_is_an_error_that_says_why(
    blog: Blog, answer: Response, code: str, said: str
) -> None:
    blog.answer = answer
    with pytest.raises(StepError, match=said) as caught:
        await blog.cms().read(f"{blog.url}/tea/")
    assert caught.value.code == code
    assert isinstance(caught.value, TransientError) == (code in ("server_error", "rate_limit"))


async def test_a_collision_that_ghost_reports_is_a_conflict(blog: Blog) -> None:
    url = f"{blog.url}/tea/"
    held = blog.cms()
    page = await held.read(url)

    def collide(row: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError(row)

    blog.twist = collide
    blog.http.clear_all_handlers()
    blog.http.expect_request("/ghost/api/admin/posts/", method="GET").respond_with_json({"posts": [blog.post]})
    blog.http.expect_request("/ghost/api/admin/pages/", method="GET").respond_with_json({"pages": []})
    blog.http.expect_request(f"/ghost/api/admin/posts/{blog.post['id']}/", method="PUT").respond_with_handler(
        lambda _: _error("Saving failed! Someone else is editing this post.", 409)
    )
    with pytest.raises(Conflict, match="Someone else is editing"):
        await held.update(CmsWrite(url=url, title="Ours", if_unchanged=page.hash))


async def test_a_token_that_a_server_sends_back_is_not_in_the_error(blog: Blog) -> None:
    def echo(request: Request) -> Response:
        return _error(f"bad {request.headers['Authorization']}", 401)

    blog.http.clear_all_handlers()
    blog.http.expect_request("/ghost/api/admin/posts/").respond_with_handler(echo)
    with pytest.raises(StepError, match=r"bad Ghost \[token\]"):
        await blog.cms().read(f"{blog.url}/tea/")


async def test_a_redirect_to_another_address_is_said_and_the_key_does_not_follow_it(blog: Blog) -> None:
    with HTTPServer(host="127.0.0.1") as other:
        other.expect_request("/x").respond_with_json({"posts": []})
        blog.answer = Response("", 301, headers={"Location": other.url_for("/x")})
        with pytest.raises(StepError, match="write the address of Ghost itself") as caught:
            await blog.cms().read(f"{blog.url}/tea/")
        assert caught.value.code == "moved"
        assert "Authorization" not in other.log[0][0].headers


async def test_every_write_sends_the_document_so_that_ghost_compares_the_time_of_the_last_edit(blog: Blog) -> None:
    held = blog.post["lexical"]
    page = await blog.cms().update(CmsWrite(url=f"{blog.url}/tea/", seo_title="S"))
    assert page.seo_title == "S"
    assert blog.sent == {"meta_title": "S", "lexical": f"{held} ", "updated_at": "2026-01-05T09:00:00.000Z"}
    assert blog.writes == ["PUT"]


async def test_nothing_is_written_within_the_second_of_the_last_edit(blog: Blog) -> None:
    """Two edits of one second have one `updated_at`: the second one would overwrite the first unnoticed."""
    blog.clock = time.time()
    blog.post["updated_at"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(blog.clock))
    begun = time.monotonic()
    await blog.cms().update(CmsWrite(url=f"{blog.url}/tea/", title="Ours"))
    assert time.monotonic() - begun >= 1
    assert blog.seen[-2:] == [("GET", "posts"), ("PUT", "posts")]


async def test_nothing_is_sent_when_the_content_is_current_or_has_changed(blog: Blog) -> None:
    cms, url = blog.cms(), f"{blog.url}/tea/"
    await cms.update(CmsWrite(url=url, body="<p>Hot water.</p>", title="Tea", description="", if_unchanged="another"))
    with pytest.raises(Conflict):
        await cms.update(CmsWrite(url=url, body="<p>New.</p>", if_unchanged="another"))
    assert blog.writes == []


async def test_content_that_ghost_stores_otherwise_is_reported(blog: Blog) -> None:
    blog.twist = lambda row: {**row, "lexical": document(text("[ad]"))}
    with pytest.raises(StepError) as caught:
        await blog.cms().update(CmsWrite(url=f"{blog.url}/tea/", body="<p>New.</p>"))
    assert (caught.value.code, caught.value.detail) == ("not_verified", {"changed": ["lexical"]})


async def test_a_new_page_under_another_slug_or_at_another_address_stays_a_draft(blog: Blog) -> None:
    write = CmsWrite(url=f"{blog.url}/new/", title="New", body="<p>a</p>")
    blog.twist = lambda row: {**row, "slug": row["slug"] if row["slug"].endswith("removed") else "new-2"}
    with pytest.raises(StepError, match="another slug, 'new-2'"):
        await blog.cms().create(write)
    assert (blog.post["status"], blog.post["slug"]) == ("draft", "new-removed")
    blog.twist = lambda row: {**row, "url": f"{blog.url}/elsewhere/"}
    with pytest.raises(StepError, match="is a draft again"):
        await blog.cms().create(write)
    assert blog.post["status"] == "draft"


@pytest.mark.parametrize(
    ("permalink", "place", "found"),
    [
        ("/{slug}/", "/tea/", True),
        ("/blog/{slug}/", "/blog/tea/", True),
        ("/blog/{slug}/", "/tea/", False),
        ("/{year}/{month}/{slug}/", "/2026/01/tea/", True),
        ("/{year}/{month}/{slug}/", "/blog/01/tea/", False),
        ("/{primary_tag}/{slug}/", "/green/tea/", True),
        ("'/{primary_tag}/{slug}/'", "/a/b/tea/", False),
    ],
)
async def test_a_draft_is_found_where_the_sites_routes_would_show_it(
    blog: Blog, permalink: str, place: str, found: bool
) -> None:
    blog.post |= {"status": "draft", "url": f"{blog.url}/p/0f/"}
    blog.routes = ROUTES.format(permalink)
    if found:
        assert (await blog.cms().read(blog.url + place)).title == "Tea"
        return
    with pytest.raises(NotFound):
        await blog.cms().read(blog.url + place)


@pytest.mark.parametrize("permalink", ["/{primary_tag}/{slug}/", "/{year}/{slug}/", "/blog/{slug}/"])
async def test_a_page_is_not_created_where_its_address_cannot_be_told(blog: Blog, permalink: str) -> None:
    blog.routes = ROUTES.format(permalink)
    with pytest.raises(StepError) as caught:
        await blog.cms().create(CmsWrite(url=f"{blog.url}/new/", title="New", body="<p>a</p>"))
    assert (caught.value.code, caught.value.definitive, blog.writes) == ("bad_url", True, [])


@pytest.mark.parametrize("url", ["https://other.example/tea/", "http://localhost:1/tea/"])
async def test_a_page_of_another_site_is_refused_before_anything_is_sent(blog: Blog, url: str) -> None:
    with pytest.raises(StepError) as caught:
        await blog.cms().read(url)
    assert (caught.value.code, blog.seen) == ("not_this_site", [])


def test_the_doctor_says_what_is_wrong_with_a_key(blog: Blog) -> None:
    settings = Settings(egress_allow="127.0.0.1")
    connection = {"url": blog.url, "admin_api_key": KEY}
    assert list(key_problems(settings, connection)) == []
    blog.answer = _error("Unknown Admin API Key", 401)
    ((message, remedy),) = key_problems(settings, connection)
    assert "Unknown Admin API Key" in message
    assert "admin_api_key" in remedy
    ((message, _),) = key_problems(settings, {"url": blog.url})
    assert message == "cms: the Ghost connection needs admin_api_key"


FORM = FORMS[Ghost.form]
GALLERY = '<!--kg-card: {"type":"gallery","version":1,"images":[]}-->'
SCRIPT = "<!--kg-card-begin: html-->\n<script>x()\n\n</script>\n<!--kg-card-end: html-->"
IFRAME = '<iframe src="https://v.example/1"></iframe>'


@pytest.mark.parametrize(
    ("proposal", "shown", "findings"),
    [
        ("<p>a</p>", "<p>a</p>", 0),
        ("Two *minutes*.\n\n* a\n* b", "<p>Two <em>minutes</em>.</p>\n\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>", 0),
        ('<p onclick="x()">a</p>', "<p>a</p>", 1),
        ("<p>a</p>\n\nTwo *minutes*.", "<p>a</p>\n\n<p>Two <em>minutes</em>.</p>", 0),
        ("<script>x()</script>", "", 1),
        ('<p><a href="javascript:x()">a</a></p>', "<p>a</p>", 1),
        ('<p><a href="java&#10;script:x()">a</a></p>', "<p>a</p>", 1),
        ('<figure><img src="javascript:x()" alt=""></figure>', "", 1),
        (GALLERY, "", 1),
        (IFRAME, "", 1),
        (f"<!--kg-card-begin: html-->\n{GALLERY}\n<!--kg-card-end: html-->", "", 1),
        ("<!--kg-card-begin: markdown-->\n<script>x()</script>\n<!--kg-card-end: markdown-->", "", 1),
        ('<!--kg-card: {"type":"html","version":1,"html":"<script>x()</script>"}-->', "", 1),
        (
            '<!--kg-card: {"type":"paragraph","version":1,"children":[{"type":"link","url":"javascript:x"}]}-->',
            "",
            1,
        ),
        (
            '<table class="t"><tr><td>1</td></tr></table>',
            '<table class="t"><tbody><tr><td>1</td></tr></tbody></table>',
            1,
        ),
    ],
)
def test_what_a_proposal_adds_is_shown_as_it_would_be_stored(proposal: str, shown: str, findings: int) -> None:
    found = FORM("body", "", proposal)
    assert (found.text, len(found.findings)) == (shown, findings)
    assert FORM("body", "", shown) == type(found)(text=shown)


def test_what_the_page_has_already_stays_as_it_is() -> None:
    base = f"<p>a</p>\n\n{GALLERY}\n\n{IFRAME}\n\n{SCRIPT}"
    found = FORM("body", base, f"{base}\n\n<p>b</p>")
    assert (found.text, found.findings) == (f"{base}\n\n<p>b</p>", ())
    assert FORM("body", base, f"New *text*.\n\n{GALLERY}").text == f"<p>New <em>text</em>.</p>\n\n{GALLERY}"
    moved = f"{IFRAME}\n\n<p>a</p>"
    assert FORM("body", base, moved).text == moved


@pytest.mark.parametrize("kind", ["html", "markdown", "embed", "signup", "call-to-action", "unknown"])
def test_a_card_in_any_spelling_brings_no_script(kind: str) -> None:
    evil = card(
        kind,
        **{"html": "<script>steal()</script>", "markdown": "<script>steal()</script>", kind: "<svg onload=steal()>"},
    )
    said = f"<!--kg-card: {json.dumps(evil)}-->"
    for proposal in (said, said.replace("<script>", "\\u003cscript\\u003e"), f"<p>a</p>\n{said}", f"Text\n\n{said}"):
        assert not re.search(r"<(script|svg|!--)", FORM("body", "", proposal).text)
