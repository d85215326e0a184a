"""The WordPress adapter against a server that speaks the REST API: cases that a real WordPress does not produce."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError, TransientError
from flowbuilder.ports import CmsWrite
from flowbuilder.ports.cms import page_hash
from flowbuilder.values import digest_text


class Blog:
    """One post; what is sent is stored, changed as a plug-in would by `twist`. `seen` are (method, route)."""

    def __init__(self, http: HTTPServer) -> None:
        self.url = http.url_for("").rstrip("/")
        self.post: dict[str, Any] = {"content": "<p>Old.</p>", "title": "Tea", "excerpt": ""}
        self.seen: list[tuple[str, str]] = []
        self.auth: set[str] = set()
        self.answer: Response | None = None
        self.twist = str
        http.expect_request("/").respond_with_handler(self._handle)

    def cms(self, **record: Any) -> WordPress:
        connection = {"url": self.url, "username": "ana", "password": "abcd efgh"}
        return WordPress(GuardedHttp(Egress(["127.0.0.1"])), connection, record)

    def _handle(self, request: Request) -> Response:
        route = request.args["rest_route"]
        self.seen.append((request.method, route))
        self.auth.add(request.headers.get("authorization", ""))
        if self.answer is not None:
            return self.answer
        if route == "/wp/v2/users/me":
            return self._json({"id": 1, "capabilities": {"unfiltered_html": True}})
        if request.method == "POST":
            self.post |= {name: self.twist(value) for name, value in request.get_json().items()}
            return self._json(self._record())
        if route == "/wp/v2/posts":
            return self._json([self._record()] if request.args["slug"] == "tea" else [])
        return self._json(self._record() if route == "/wp/v2/posts/7" else [])

    def _record(self) -> dict[str, Any]:
        raw = {name: {"raw": text, "rendered": text} for name, text in self.post.items()}
        return {"id": 7, "link": f"{self.url}/tea/", "modified_gmt": "2026-01-05T09:00:00", **raw}

    def _json(self, value: Any) -> Response:
        return Response(json.dumps(value), content_type="application/json")


@pytest.fixture
def blog(httpserver: HTTPServer) -> Blog:
    return Blog(httpserver)


async def test_a_page_is_read_with_its_raw_content_and_the_application_password(blog: Blog) -> None:
    page = await blog.cms().read(f"{blog.url}/tea/")
    assert (page.title, page.body, page.hash) == (
        "Tea",
        "<p>Old.</p>",
        page_hash(title="Tea", body="<p>Old.</p>", description=""),
    )
    assert blog.auth == {"Basic YW5hOmFiY2QgZWZnaA=="}


async def test_nothing_is_sent_when_the_content_is_current_or_has_changed(blog: Blog) -> None:
    cms, url = blog.cms(), f"{blog.url}/tea/"
    await cms.update(CmsWrite(url=url, body="<p>Old.</p>", if_unchanged="another hash"))
    with pytest.raises(Conflict):
        await cms.update(CmsWrite(url=url, body="<p>New.</p>", if_unchanged=digest_text("older")))
    assert {method for method, _ in blog.seen} == {"GET"}


async def test_only_the_fields_that_are_given_are_sent_sanitised(blog: Blog) -> None:
    page = await blog.cms().update(CmsWrite(url=f"{blog.url}/tea/", body="<p>New.</p><script>x()</script>"))
    assert (page.title, page.body) == ("Tea", "<p>New.</p>")


async def test_a_page_goes_to_the_trash_unless_someone_has_changed_it(blog: Blog) -> None:
    cms, url = blog.cms(), f"{blog.url}/tea/"
    with pytest.raises(Conflict):
        await cms.delete(url, if_unchanged=digest_text("older"))
    assert {method for method, _ in blog.seen} == {"GET"}
    await cms.delete(url, if_unchanged=digest_text("<p>Old.</p>"))
    assert blog.seen[-1] == ("DELETE", "/wp/v2/posts/7")
    await cms.delete(f"{blog.url}/nothing/", if_unchanged=digest_text("x"))
    assert [method for method, _ in blog.seen].count("DELETE") == 1


@pytest.mark.parametrize("answer", ["{}", "[1]", '["a"]', '[{"id": "x"}]', '{"id": 7}', "[[]]"])
async def test_an_answer_of_another_form_is_said(blog: Blog, answer: str) -> None:
    blog.answer = Response(answer, content_type="application/json")
    with pytest.raises(StepError) as caught:
        await blog.cms().read(f"{blog.url}/tea/")
    assert caught.value.code == "bad_answer"


async def test_links_of_another_form_are_left_out(blog: Blog) -> None:
    record = {**blog._record(), "_links": {"predecessor-version": [1]}}
    blog.answer = blog._json([record])
    assert (await blog.cms(types=["posts"]).read(f"{blog.url}/tea/")).revision == "2026-01-05T09:00:00"


async def test_a_plugin_that_changes_the_content_is_detected(blog: Blog) -> None:
    blog.twist = lambda text: text + " [ad]"
    with pytest.raises(StepError) as caught:
        await blog.cms().update(CmsWrite(url=f"{blog.url}/tea/", body="<p>New.</p>"))
    assert (caught.value.code, caught.value.detail) == (
        "not_verified",
        {"changed": ["body"], "url": f"{blog.url}/tea/"},
    )


@pytest.mark.parametrize("url", ["https://other.example/tea/", "http://localhost:1/tea/"])
async def test_a_page_of_another_site_is_refused_before_anything_is_sent(blog: Blog, url: str) -> None:
    with pytest.raises(StepError) as caught:
        await blog.cms().read(url)
    assert (caught.value.code, blog.seen) == ("not_this_site", [])


@pytest.mark.parametrize("place", ["/?p=7", "?page_id=7", "/index.php?p=7"])
async def test_a_page_is_found_by_its_number_at_the_address_of_the_site(blog: Blog, place: str) -> None:
    assert (await blog.cms().read(blog.url + place)).title == "Tea"


@pytest.mark.parametrize("place", ["/news/harmless/?p=7", "/coffee?page_id=7", "/tea/index.php/coffee?p=7"])
async def test_a_number_behind_the_path_of_another_page_names_no_page(blog: Blog, place: str) -> None:
    """The reviewer was shown a path, and this page would have been written."""
    with pytest.raises(NotFound):
        await blog.cms().update(CmsWrite(url=blog.url + place, body="<p>New.</p>"))
    assert {method for method, _ in blog.seen} == {"GET"}


@pytest.mark.parametrize("name", ["Grüner-Tee", "a--b", "-a", "a.html", ""])
async def test_a_name_that_wordpress_would_change_is_refused(blog: Blog, name: str) -> None:
    with pytest.raises(StepError) as caught:
        await blog.cms().create(CmsWrite(url=f"{blog.url}/{name}", title="x", body="x"))
    assert caught.value.code == "bad_url"
    assert "POST" not in {method for method, _ in blog.seen}


async def test_a_missing_page_is_searched_in_every_post_type(blog: Blog) -> None:
    with pytest.raises(NotFound):
        await blog.cms(types=["posts", "pages", "recipes"]).read(f"{blog.url}/nothing/")
    assert [route for _, route in blog.seen] == ["/wp/v2/posts", "/wp/v2/pages", "/wp/v2/recipes"]


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (Response("{}", status=503, content_type="application/json"), TransientError, "server_error"),
        (Response("{}", status=429, headers={"Retry-After": "5"}), TransientError, "rate_limit"),
        (Response('{"code": "x", "message": "no"}', status=403), StepError, "auth"),
        (Response('{"code": "x", "message": "bad"}', status=400), StepError, "http_400"),
        (Response("<h1>Welcome</h1>"), StepError, "not_json"),
        (Response('"text"'), StepError, "not_json"),
    ],
)
async def test_every_failure_has_its_kind(blog: Blog, answer: Response, kind: type[StepError], code: str) -> None:
    blog.answer = answer
    with pytest.raises(kind) as caught:
        await blog.cms().read(f"{blog.url}/tea/")
    assert caught.value.code == code
    assert "abcd" not in str(caught.value)


@pytest.mark.parametrize("missing", ["url", "username", "password"])
def test_an_incomplete_connection_is_explained(missing: str) -> None:
    whole = {"url": "https://x.example", "username": "a", "password": "b"}
    with pytest.raises(ConfigurationError, match=missing):
        WordPress(GuardedHttp(), {name: value for name, value in whole.items() if name != missing}, {})
