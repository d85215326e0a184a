"""`api` steps that read lists in pages: every end is known to be the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.analysis.linter import check
from flowbuilder.definition.loader import load
from flowbuilder.steps.http.links import Malformed, targets
from flowbuilder.testing import Finished

Run = Callable[..., Finished]
Answer = Callable[[Request, int], Response]
LAST = 3


@pytest.fixture
def pages(run: Run, httpserver: HTTPServer) -> Callable[..., Finished]:
    """`pages(answer, paginate)`: the list that `answer(request, number)` gives, where `number` is of `?page=`."""

    def read(answer: Answer, paginate: dict[str, Any], path: str = "/list", **more: Any) -> Finished:
        httpserver.clear_all_handlers()
        httpserver.expect_request("/list").respond_with_handler(
            lambda request: answer(request, int(request.args.get("page", 1)))
        )
        url = httpserver.url_for("/list") + path.removeprefix("/list")
        return run({"type": "api", "url": url, "paginate": paginate, **more})

    return read


def sent(value: Any, **headers: str) -> Response:
    return Response(json.dumps(value), headers=headers, content_type="application/json")


def items(finished: Finished) -> Any:
    assert finished.status == "completed", finished.error
    return finished.outputs["s"]["body"]


def refusal(finished: Finished) -> str:
    assert finished.error is not None
    assert finished.error["code"] == "paginate", finished.error
    return str(finished.error["message"])


LINKS = {
    "a comma in the URL": "<{url}?fields=id,name&page={next}>; rel=next",
    "a title with a comma": '<{url}?page={next}>; title="a, b; rel=prev"; rel="next"',
    "single quotes": "<{url}?page={next}>; rel='next'",
    "several relations": '<{url}?page={next}>; rel="last  next"',
    "any case": "<{url}?page={next}>;Rel=Next",
    "spaces": '  < {url}?page={next} > ;  rel = "next" ; ',
    "other links around": '<https://x.example/a>; rel="preload", <{url}?page={next}>; rel="next", <?page=9>; rel=last',
    "a relative URL": '<?page={next}>; rel="next"',
    "an escaped quote": '<{url}?page={next}>; title="a \\" b"; rel="next"',
    "empty elements": ', ,<{url}?page={next}>; rel="next",',
    "a parameter without a value": '<{url}?page={next}>; crossorigin; rel="next"',
    "the same link twice": '<{url}?page={next}>; rel=next, <{url}?page={next}>; rel=next',
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_links_are_read_as_the_standard_says(pages: Any, name: str) -> None:
    def answer(request: Request, number: int) -> Response:
        link = LINKS[name].format(url=request.base_url, next=number + 1)
        return sent([number], **({"Link": link} if number < LAST else {"Link": '<?page=1>; rel="first"'}))

    finished = pages(answer, {})
    assert items(finished) == [1, 2, 3]
    assert finished.outputs["s"]["truncated"] is False


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('<a>; rel="prev"; rel="next"', []),  # only the first rel counts
        ('<a>; rel="next"; anchor="/other"', []),  # of another document
        ('<a>; rel="nextpage"', []),
        ('<a>; title="rel=next"', []),
        ("<a>", []),
        ("", []),
        ("<a>; rel=next, <b>; rel=next", ["a", "b"]),
    ],
)
def test_other_links_are_no_next_page(header: str, found: list[str]) -> None:
    assert list(targets(header, "next")) == found


@pytest.mark.parametrize("header", ["a; rel=next", "<a; rel=next", '<a>; rel="next', "<a> rel=next", "<a>; rel=next b"])
def test_a_header_that_is_no_list_of_links_is_an_error(pages: Any, header: str) -> None:
    with pytest.raises(Malformed):
        list(targets(header, "next"))
    assert "Link header cannot be read" in refusal(pages(lambda request, _: sent([1], Link=header), {}))


def test_another_header_that_cannot_be_read_does_not_matter(pages: Any) -> None:
    assert items(pages(lambda request, _: sent([1], Link="https://x.example; rel=preconnect"), {})) == [1]


def linked(last: int) -> Answer:
    def answer(request: Request, number: int) -> Response:
        link = {"Link": f"<?page={number + 1}>; rel=next"} if number < last else {}
        return sent([number], **link)

    return answer


def test_more_pages_than_are_read_are_said(pages: Any) -> None:
    assert "more than 10 pages; raise max_pages" in refusal(pages(linked(25), {"max_pages": 10}))
    assert items(pages(linked(25), {"max_pages": 25})) == list(range(1, 26))
    assert len(items(pages(linked(99), {}))) == 99
    stopped = pages(linked(25), {"max_pages": 10, "on_more": "stop"})
    assert (items(stopped), stopped.outputs["s"]["truncated"]) == (list(range(1, 11)), True)


STUCK = {
    "the page itself": (lambda request, _: sent([1], Link=f"<{request.url}>; rel=next"), {}),
    "an empty target": (lambda request, _: sent([1], Link="<>; rel=next"), {}),
    "a circle": (lambda request, number: sent([number], Link=f"<?page={number % 2 + 1}>; rel=next"), {}),
    "a field": (lambda request, _: sent({"i": [1], "next": "/list"}), {"next": "next", "items": "i"}),
    "a cursor": (lambda request, _: sent({"i": [1], "next": "same"}),
                 {"next": {"cursor": "body.next", "as": "query.after"}, "items": "i"}),
    "a number that the server does not know": (lambda request, _: sent([1, 2]), {"next": {"page": 1, "as": "query.p"}}),
    "an offset that the server does not know": (lambda request, _: sent([1]), {"next": {"offset": 0, "as": "query.p"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", STUCK)
def test_a_list_that_leads_back_to_itself_is_an_error(pages: Any, name: str) -> None:
    answer, paginate = STUCK[name]
    said = refusal(pages(answer, paginate))
    assert "leads back to itself" in said or "may not know query.p" in said
    stopped = pages(answer, {**paginate, "on_more": "stop"})
    assert items(stopped)
    assert stopped.outputs["s"]["truncated"] is True


UNUSABLE: list[tuple[Any, str]] = [
    (2, "next: {cursor: body.next, as: query.NAME}"),
    ("eyJpZCI6N30=", "next: {cursor: body.next, as: query.NAME}"),
    ("a/b+c==", "next: {cursor: body.next, as: query.NAME}"),
    (True, "no URL"),
    ({"href": "/list?page=2"}, "no URL"),
    ("https://evil.example/", "on another site"),
    ("http://[::bad", "no URL"),
    ("//evil.example/x", "on another site"),
]


@pytest.mark.parametrize(("found", "said"), UNUSABLE)
def test_a_next_page_that_cannot_be_used_is_not_the_end(pages: Any, found: Any, said: str) -> None:
    paginate = {"next": "next", "items": "items"}
    assert said in refusal(pages(lambda request, _: sent({"items": [1], "next": found}), paginate))


@pytest.mark.parametrize("found", [None, "", False])
def test_no_next_page_is_the_end(pages: Any, found: Any) -> None:
    paginate = {"next": "next", "items": "items"}
    assert items(pages(lambda request, _: sent({"items": [1], "next": found}), paginate)) == [1]
    assert items(pages(lambda request, _: sent({"items": [1]}), paginate)) == [1]


@pytest.mark.parametrize("number", [True, False])
def test_cursors_and_numbers_are_sent_where_the_author_says(pages: Any, number: bool) -> None:
    asked: list[list[tuple[str, str]]] = []

    def answer(request: Request, _: int) -> Response:
        asked.append(list(request.args.items(multi=True)))
        now = int(request.args.get("after", "c1").removeprefix("c"))
        following = (now + 1 if number else f"c{now + 1}") if now < LAST else None
        return sent({"data": {"rows": [now]}, "paging": {"next": following}})

    paginate = {"next": {"cursor": "body.paging.next", "as": "query.after"}, "items": "body.data.rows"}
    assert items(pages(answer, paginate, "/list?q=a%20b", query={"n": 5})) == [1, 2, 3]
    mark = "" if number else "c"
    assert asked == [[("q", "a b"), ("n", "5"), *([("after", f"{mark}{n}")] if n > 1 else [])] for n in (1, 2, 3)]


def test_a_cursor_may_be_in_a_header_and_in_the_first_url(pages: Any) -> None:
    def answer(request: Request, _: int) -> Response:
        now = int(request.args["c"])
        assert request.args.getlist("c") == [str(now)]
        return sent([now], **({"X-Next": str(now + 1)} if now < LAST else {}))

    paginate = {"next": {"cursor": "headers.x-next", "as": "query.c"}}
    assert items(pages(answer, paginate, "/list?c=1&a=b")) == [1, 2, 3]


def test_a_last_cursor_is_no_further_page_where_the_answer_says_so(pages: Any) -> None:
    def answer(request: Request, _: int) -> Response:
        now = int(request.args.get("after", 1))
        return sent({"nodes": [now], "info": {"end": str(min(now + 1, LAST)), "more": now < LAST}})

    paginate = {"next": {"cursor": "info.end", "as": "query.after"}, "items": "nodes", "more": "info.more"}
    assert items(pages(answer, paginate)) == [1, 2, 3]
    broken = {"next": {"cursor": "info.no", "as": "query.after"}, "items": "nodes", "more": "info.more"}
    assert "info.more says that there is a further page" in refusal(pages(answer, broken))


@pytest.mark.parametrize("says", [True, False])
def test_the_cursor_may_be_the_last_item(pages: Any, says: bool) -> None:
    def answer(request: Request, _: int) -> Response:
        after = int(request.args.get("after", 0))
        found = [{"id": str(number)} for number in range(after + 1, min(after + 2, 5) + 1)]
        return sent({"data": found, **({"has_more": after + 2 < 5} if says else {})})

    paginate = {"next": {"cursor": "body.data.-1.id", "as": "query.after"}, "items": "data"}
    finished = pages(answer, paginate | ({"more": "body.has_more"} if says else {}))
    assert [item["id"] for item in items(finished)] == ["1", "2", "3", "4", "5"]
    assert finished.outputs["s"]["warnings"] == []
    assert items(pages(lambda request, _: sent({"data": []}), paginate)) == []


def test_the_name_of_a_place_may_have_dots(pages: Any) -> None:
    def answer(request: Request, number: int) -> Response:
        more = {"@odata.nextLink": f"?page={number + 1}"} if number < LAST else {}
        return sent({"@odata": {"count": 3}, "value": [number], **more})

    assert items(pages(answer, {"next": "@odata.nextLink", "items": "value"})) == [1, 2, 3]
    assert items(pages(answer, {"next": "body.@odata.nextLink", "items": "body.value"})) == [1, 2, 3]


def test_a_cursor_of_zero_is_the_end(pages: Any) -> None:
    answer = lambda request, number: sent({"ids": [number], "next": number + 1 if number < LAST else 0})  # noqa: E731
    finished = pages(answer, {"next": {"cursor": "next", "as": "query.page"}, "items": "ids"})
    assert (items(finished), finished.outputs["s"]["warnings"]) == ([1, 2, 3], [])


def test_the_end_is_certain_where_an_earlier_page_had_the_header(pages: Any) -> None:
    def answer(request: Request, number: int) -> Response:
        return sent([number], **({"Link": f"<?page={number + 1}>; rel=next"} if number < LAST else {}))

    finished = pages(answer, {})
    assert (items(finished), finished.outputs["s"]["warnings"]) == ([1, 2, 3], [])


def test_pages_are_counted_until_one_is_empty(pages: Any) -> None:
    answer = lambda request, number: sent({"items": [number] if number <= LAST else []})  # noqa: E731
    paginate = {"next": {"page": 1, "as": "query.page"}, "items": "items"}
    assert items(pages(answer, paginate)) == [1, 2, 3]
    assert "more than 3 pages" in refusal(pages(answer, {**paginate, "max_pages": 3}))
    assert items(pages(answer, {**paginate, "next": {"page": 4, "as": "query.page"}})) == []


def test_an_offset_grows_by_the_items_of_each_page(pages: Any, httpserver: HTTPServer) -> None:
    def answer(request: Request, _: int) -> Response:
        start = int(request.args["offset"])
        return sent({"items": list(range(start, min(start + 2, 5))), "total": 5}, **{"X-Total": "5"})

    paginate = {"next": {"offset": 0, "as": "query.offset"}, "items": "items"}
    assert items(pages(answer, paginate)) == [0, 1, 2, 3, 4]
    assert len(httpserver.log) == 4
    for total in ("total", "body.total", "headers.x-total"):
        httpserver.clear_log()
        assert items(pages(answer, {**paginate, "total": total})) == [0, 1, 2, 3, 4]
        assert len(httpserver.log) == 3


def test_a_list_that_ends_before_its_total_is_an_error(pages: Any) -> None:
    answer = lambda request, number: sent({"items": [number], "total": 9})  # noqa: E731
    paginate = {"next": "next", "items": "items", "total": "total"}
    assert "ended after 1 of 9 items" in refusal(pages(answer, paginate))
    assert pages(answer, {**paginate, "on_more": "stop"}).outputs["s"]["truncated"] is True
    assert "total is None, not a number" in refusal(pages(lambda request, _: sent({"items": [1]}), paginate))


def test_a_status_may_be_the_end(pages: Any) -> None:
    def answer(request: Request, number: int) -> Response:
        return sent([number]) if number <= LAST else Response('{"code": "invalid_page_number"}', 400)

    paginate = {"next": {"page": 1, "as": "query.page"}}
    finished = pages(answer, paginate)
    assert finished.error is not None
    assert finished.error["code"] == "http_400"
    assert items(pages(answer, {**paginate, "end_status": 400})) == [1, 2, 3]
    first = pages(answer, {"next": {"page": 9, "as": "query.page"}, "end_status": [400, 404]})
    assert first.error is not None  # the first page is no end
    assert first.error["code"] == "http_400"


def test_a_status_is_no_end_before_the_total(pages: Any) -> None:
    def answer(request: Request, number: int) -> Response:
        return sent([number], **{"X-Total": "9"}) if number <= LAST else Response("{}", 400)

    paginate = {"next": {"page": 1, "as": "query.page"}, "total": "headers.x-total", "end_status": 400}
    assert "ended after 3 of 9 items" in refusal(pages(answer, paginate))
    assert pages(answer, {**paginate, "on_more": "stop"}).outputs["s"]["truncated"] is True


def test_a_total_that_is_too_low_ends_no_list(pages: Any) -> None:
    answer = lambda request, number: sent({"items": [number, -number] if number <= LAST else [], "total": 1})  # noqa: E731
    paginate = {"next": {"page": 1, "as": "query.page"}, "items": "items", "total": "total"}
    assert items(pages(answer, paginate)) == [1, -1, 2, -2, 3, -3]


def test_a_page_without_content_has_no_items(pages: Any) -> None:
    answer = lambda request, number: sent([number]) if number < LAST else Response(status=204)  # noqa: E731
    assert items(pages(answer, {"next": {"page": 1, "as": "query.page"}})) == [1, 2]


@pytest.mark.parametrize(
    "wrong",
    [{"cursor": "a", "page": 1, "as": "query.a"}, {"as": "query.a"}, {"cursor": "a"}, {"cursor": "a", "as": "body.a"},
     {"page": -1, "as": "query.a"}, {"cursor": "", "as": "query.a"}],
)  # fmt: skip
def test_a_wrong_next_is_a_diagnostic(wrong: dict[str, Any]) -> None:
    step = {"id": "s", "type": "api", "url": "https://a.example/", "paginate": {"next": wrong}}
    _, report = load(json.dumps({"schema": "flowbuilder/v1", "name": "w", "steps": [step]}))
    (found,) = report.errors
    assert found.pointer.startswith("/steps/0/paginate/next")


ONLY_PAGES: dict[str, tuple[dict[str, Any], Any]] = {
    "no meta at all": ({"next": "paging.next"}, {"data": [1]}),
    "a meta without the place": ({"next": "paging.next"}, {"data": [1], "paging": {"limit": 100, "offset": 0}}),
    "the parent is null": ({"next": "links.next"}, {"data": [1], "links": None}),
    "links to other pages": ({"next": "links.next"}, {"data": [1], "links": {"self": "/list", "last": "/list"}}),
    "a cursor to what is behind": (
        {"next": {"cursor": "paging.next.after", "as": "query.after"}},
        {"data": [1], "paging": {"prev": {"before": "abc"}}},
    ),
    "a token for changes later on": (
        {"next": {"cursor": "nextPageToken", "as": "query.pageToken"}},
        {"data": [1], "nextSyncToken": "CPDAlvWDx70CEPDAlvWDx70CGAU="},
    ),
    "an empty cursor elsewhere": ({"next": "next"}, {"data": [1], "meta": {"next_cursor": ""}}),
    "the total is that of the page": ({"next": "next"}, {"data": [1], "total": 1, "limit": 50}),
    "the total is a sum of money": ({"next": "next"}, {"data": [1], "total": 1999, "currency": "EUR"}),
    "the last page by name": ({"next": "next"}, {"data": [1], "last": True, "has_more": False, "total_pages": 1}),
    "names inside of the items": ({"next": "next"}, {"data": [{"next_page": "/x", "has_more": True}]}),
}


@pytest.mark.parametrize("case", ONLY_PAGES)
def test_a_place_that_is_left_out_on_the_only_page_is_its_end_with_a_warning(pages: Any, case: str) -> None:
    paginate, page = ONLY_PAGES[case]
    finished = pages(lambda request, _: sent(page), {**paginate, "items": "data"})
    assert items(finished) == page["data"]
    [warning] = finished.outputs["s"]["warnings"]
    assert "no page has" in warning
    for name in (name for name in page if name != "data"):
        assert name in warning


def test_the_end_is_certain_where_an_answer_has_the_place(pages: Any) -> None:
    finished = pages(lambda request, _: sent({"data": [1], "next": None}), {"next": "next", "items": "data"})
    assert (items(finished), finished.outputs["s"]["warnings"]) == ([1], [])

    def answer(request: Request, number: int) -> Response:
        return sent(
            {"data": [number], **({"next": f"?page={number + 1}"} if number < LAST else {}), "total_count": 900}
        )

    finished = pages(answer, {"next": "next", "items": "data"})
    assert (items(finished), finished.outputs["s"]["warnings"]) == ([1, 2, 3], [])


MISSPELT: dict[str, tuple[dict[str, Any], Any, str]] = {
    "a letter too many": ({"next": "pagging.next"}, {"data": [1], "paging": {"next": "?page=2"}}, "paging.next"),
    "another level": ({"next": "body.next"}, {"data": [1], "meta": {"next": "?page=2"}}, "meta.next"),
    "another case": (
        {"next": {"cursor": "next_cursor", "as": "query.c"}},
        {"data": [1], "nextCursor": "abc"},
        "nextCursor (abc)",
    ),
    "a word of another API": (
        {"next": {"cursor": "meta.after", "as": "query.c"}},
        {"data": [1], "next_page_token": "abc"},
        "next_page_token",
    ),
    "a header": ({"next": {"cursor": "headers.x-nxt-page", "as": "query.page"}}, {"data": [1]}, "headers.x-next-page"),
    "no next given, and no Link header": ({}, {"data": [1], "next": "?page=2"}, "next (?page=2)"),
    "a truth value": ({"next": "nxt"}, {"data": [1], "has_more": True}, "has_more: true"),
    "not the last page": ({"next": "nxt"}, {"data": [1], "last": False}, "last: false"),
    "a total": ({"next": "nxt"}, {"data": [1], "meta": {"totalCount": 7}}, "meta.totalCount: 7"),
    "a total beside a limit": ({"next": "nxt"}, {"data": [1], "total": 7, "limit": 1}, "total: 7"),
    "pages": ({"next": "nxt"}, {"data": [1], "page": 1, "pages": 4}, "pages: 4"),
}


@pytest.mark.parametrize("case", MISSPELT)
def test_a_misspelt_place_of_the_next_page_is_not_the_end(pages: Any, case: str) -> None:
    paginate, page, named = MISSPELT[case]
    answer = lambda request, _: sent(page, **({"X-Next-Page": "2"} if case == "a header" else {}))  # noqa: E731
    assert named in refusal(pages(answer, {**paginate, "items": "data"}))
    stopped = pages(answer, {**paginate, "items": "data", "on_more": "stop"})
    assert (items(stopped), stopped.outputs["s"]["truncated"]) == ([1], True)


def test_an_answer_that_says_that_there_is_more_and_names_no_next_page_is_not_the_end(pages: Any) -> None:
    page = {"data": [1], "next": None, "has_more": True}
    assert "has_more: true" in refusal(pages(lambda request, _: sent(page), {"next": "next", "items": "data"}))


def test_a_misspelt_more_is_not_the_end(pages: Any) -> None:
    def answer(request: Request, number: int) -> Response:
        return sent({"data": [number], "next": f"?page={number + 1}" if number < LAST else None})

    assert items(pages(answer, {"next": "next", "items": "data", "more": "has_mor"})) == [1, 2, 3]

    def left_out(request: Request, number: int) -> Response:
        more = {"has_more": True} if number < LAST else {}  # false is left out
        return sent({"data": [number], "next": f"?page={number + 1}", **more})

    assert items(pages(left_out, {"next": "next", "items": "data", "more": "has_more"})) == [1, 2, 3]


LIST = {"type": "array", "items": {"type": "integer"}}
COUNTS = {"type": "object", "required": ["data"], "properties": {"data": LIST}}
BOTH = {**COUNTS, "required": [], "properties": {**COUNTS["properties"], "body": {
    "type": "object", "properties": {"data": {"type": "array", "items": {"type": "string"}}}}}}  # fmt: skip


def test_an_answer_cannot_lead_to_a_list_that_its_schema_says_nothing_about(pages: Any) -> None:
    answer = {"data": [1, 2], "body": {"data": ["text of an outsider"]}}
    assert items(pages(lambda *_: sent(answer), {"items": "body.data"}, response_schema=COUNTS)) == [1, 2]
    assert items(pages(lambda *_: sent(answer), {"items": "data"}, response_schema=COUNTS)) == [1, 2]


def test_where_a_schema_has_a_member_body_the_list_is_in_it(pages: Any) -> None:
    inside = {"body": {"data": ["a"]}, "data": [1]}
    assert items(pages(lambda *_: sent(inside), {"items": "body.data"}, response_schema=BOTH)) == ["a"]
    message = refusal(pages(lambda *_: sent({"data": [1]}), {"items": "body.data"}, response_schema=BOTH))
    assert "no list at body.data" in message


def test_without_a_schema_a_path_is_looked_for_in_the_body_first(pages: Any) -> None:
    assert items(pages(lambda *_: sent({"data": [1]}), {"items": "body.data"})) == [1]
    assert items(pages(lambda *_: sent({"body": {"data": [2]}, "data": [1]}), {"items": "body.data"})) == [2]
    anything = {"type": "object", "additionalProperties": {"type": ["object", "array"]}}
    assert items(pages(lambda *_: sent({"data": [1]}), {"items": "body.data"}, response_schema=anything)) == [1]
    assert items(pages(lambda *_: sent([1]), {"items": "body"}, response_schema={"type": "array"})) == [1]


def test_a_list_whose_place_a_schema_leaves_open_is_untrusted() -> None:
    anything = {"type": "object", "additionalProperties": {"type": "object"}, **{"properties": COUNTS["properties"]}}
    for schema, code in ((anything, "FB401"), (COUNTS, None)):
        steps = [
            {"id": "list", "type": "api", "url": "https://a.example/", "paginate": {"items": "body.data"},
             "response_schema": schema},
            {"id": "send", "type": "api", "method": "POST", "url": "https://b.example/",
             "json": "{{ steps.list.output.body }}"},
        ]  # fmt: skip
        found = check(load(json.dumps({"schema": "flowbuilder/v1", "name": "w", "steps": steps}))[0])
        assert [one.code for one in found.diagnostics if one.severity == "error"] == ([code] if code else [])
