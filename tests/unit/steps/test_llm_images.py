"""`images` of `llm` and `mcp_llm`: what is fetched and checked, what is refused, and whose text the answer is then."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder import check, load
from flowbuilder.errors import DefinitionError
from flowbuilder.ports import Ports
from flowbuilder.steps import images as limits
from flowbuilder.steps.http.bodies import file_value
from flowbuilder.testing import FakeHttp, FakeMcp, FakeModel, Finished, ModelServer, fake_ports, run_locally
from flowbuilder.testing.fakes.http import respond

Run = Callable[..., Finished]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2
GIF = b"GIF89a" + bytes(64)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>'


@pytest.fixture
def site(httpserver: HTTPServer) -> HTTPServer:
    httpserver.expect_request("/cup.png").respond_with_data(PNG, content_type="image/png")
    httpserver.expect_request("/dot").respond_with_data(GIF, content_type="application/octet-stream")
    httpserver.expect_request("/a b/c.png").respond_with_data(PNG, content_type="text/html")
    httpserver.expect_request("/vector.svg").respond_with_data(SVG, content_type="image/svg+xml")
    httpserver.expect_request("/gone.png").respond_with_data("<html>no", status=404, content_type="text/html")
    httpserver.expect_request("/sign-in").respond_with_data("<!doctype html><p>Sign in", content_type="text/html")
    httpserver.expect_request("/moved").respond_with_data("", status=302, headers={"location": "/cup.png"})
    httpserver.expect_request("/inside").respond_with_data("", status=302, headers={"location": "http://10.0.0.7/x"})
    return httpserver


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer("openai") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def llm(images: Any, **more: Any) -> dict[str, Any]:
    return {"type": "llm", "model": "openai:gpt-4o-mini", "prompt": "What is it?", "images": images, **more}


def seen(model: ModelServer) -> list[tuple[str, bytes]]:
    (asked,) = model.asked
    return model.wire.images(asked)


def test_urls_are_fetched_here_and_their_bytes_sent(run: Run, site: HTTPServer, model: ModelServer) -> None:
    address = site.url_for
    dot = {"url": address("/dot"), "alt": "A dot"}
    finished = run(llm([address("/cup.png"), dot, address("/moved"), None, {"content": None}]))
    assert finished.status == "completed", finished.error
    # the type is that of the bytes, not that of the header
    assert seen(model) == [("image/png", PNG), ("image/gif", GIF), ("image/png", PNG)]
    assert "[image 2: A dot]" in model.wire.texts(model.asked[0])
    assert all("authorization" not in request.headers for request, _ in site.log)


def test_one_image_needs_no_list_and_values_in_its_url_are_encoded(
    run: Run, site: HTTPServer, model: ModelServer
) -> None:
    base = site.url_for("").rstrip("/")
    finished = run(llm(f"{base}/{{{{ inputs.n }}}}/c.png"), inputs={"n": {"type": "string"}}, given={"n": "a b"})
    assert finished.status == "completed", finished.error
    assert seen(model) == [("image/png", PNG)]


@pytest.mark.parametrize("shape", ["{{ steps.photo.output.body }}", {"content": "{{ steps.photo.output.body }}"}])
def test_the_bytes_of_an_earlier_step_are_sent_without_another_request(
    ports: Ports, site: HTTPServer, model: ModelServer, shape: Any
) -> None:
    photo = {"id": "photo", "type": "api", "url": site.url_for("/dot")}
    document = {"schema": "flowbuilder/v1", "name": "w", "steps": [photo, {"id": "s", **llm([shape])}]}
    finished = run_locally(document, ports=ports)
    assert finished.status == "completed", finished.error
    assert seen(model) == [("image/gif", GIF)]
    assert len(site.log) == 1


def test_the_images_of_a_page_can_be_given_as_they_are(ports: Ports, site: HTTPServer, model: ModelServer) -> None:
    html = '<html><body><article><h1>Tea</h1><p>A long enough text.</p><img src="/cup.png" alt="A cup">'
    site.expect_request("/page").respond_with_data(html + "<p>More of it.</p></article>", content_type="text/html")
    page = {"id": "page", "type": "page", "url": site.url_for("/page")}
    step = {"id": "s", **llm("{{ steps.page.output.images }}")}
    document = {"schema": "flowbuilder/v1", "name": "w", "hosts": ["localhost", "127.0.0.1"], "steps": [page, step]}
    finished = run_locally(document, ports=ports)
    assert finished.status == "completed", finished.error
    assert seen(model) == [("image/png", PNG)]
    assert "A cup" in model.wire.texts(model.asked[0])


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/vector.svg", "not_an_image", "image/svg+xml"),
        ("/sign-in", "not_an_image", "text/html"),
        ("/gone.png", "http_404", "404"),
        ("/inside", "egress", "10.0.0.7"),
    ],
)
def test_what_is_no_image_is_named_and_the_model_is_not_asked(
    run: Run, site: HTTPServer, model: ModelServer, path: str, code: str, said: str
) -> None:
    finished = run(llm([site.url_for(path)]))
    assert (finished.status, finished.error["code"]) == ("failed", code)
    assert said in finished.error["message"]
    assert not model.asked


def test_an_image_inside_the_network_is_not_fetched(run: Run, model: ModelServer) -> None:
    for url in ("http://169.254.169.254/latest", "http://[::1]:80/a.png", "http://[bad/a.png"):
        finished = run(llm([url]))
        assert finished.status == "failed"
        assert finished.error["code"] in ("egress", "bad_url", "invalid_field"), (url, finished.error)
    assert not model.asked


def test_size_and_number_have_limits(run: Run, site: HTTPServer, model: ModelServer) -> None:
    def large(request: Request) -> Response:
        return Response(PNG + bytes(limits.MAX_IMAGE_BYTES), content_type="image/png")

    site.expect_request("/large.png").respond_with_handler(large)
    assert run(llm([site.url_for("/large.png")])).error["code"] == "too_large"
    file = file_value(PNG + bytes(limits.MAX_IMAGE_BYTES), "image/png")
    finished = run(llm({"content": "{{ inputs.file }}"}), inputs={"file": {"type": "object"}}, given={"file": file})
    assert finished.error["code"] == "too_large"
    many = run(llm("{{ inputs.many }}"), inputs={"many": {"type": "array"}}, given={"many": ["https://e.com/a"] * 21})
    assert (many.error["code"], "at most 20" in many.error["message"]) == ("invalid_field", True)
    assert not model.asked


def test_changed_bytes_are_not_sent(run: Run, model: ModelServer) -> None:
    file = {**file_value(PNG, "image/png"), "sha256": "0" * 64}
    finished = run(llm([{"content": "{{ inputs.file }}"}]), inputs={"file": {"type": "object"}}, given={"file": file})
    assert (finished.error["code"], "changed" in finished.error["message"]) == ("invalid_field", True)


@pytest.mark.parametrize(
    "item", [7, "cup.png", "ftp://example.com/a.png", {"alt": "x"}, {"url": "https://e.com/a", "content": "x"},
             {"content": "text"}, {"src": "https://e.com/a.png"}, {"url": "https://e.com/a.png", "alt": 7}],
)  # fmt: skip
def test_what_cannot_be_an_image_is_an_error_of_the_document(run: Run, item: Any) -> None:
    for images in ([item], item):
        with pytest.raises(DefinitionError):
            run(llm(images))


def test_a_model_that_sees_none_hands_over_to_its_fallback(run: Run, site: HTTPServer, model: ModelServer) -> None:
    finished = run(llm([site.url_for("/cup.png")], model="demo:x", fallback="openai:gpt-4o-mini"))
    assert finished.status == "completed", finished.error
    assert seen(model) == [("image/png", PNG)]
    (done,) = [event for event in finished.events if event.type == "step_completed"]
    assert done.data["usage"]["fell_back"]["code"] == "images_not_supported"


# whose text is it


def document(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schema": "flowbuilder/v1", "name": "w", "steps": list(steps), **more}


def codes(*steps: dict[str, Any], **more: Any) -> set[str]:
    definition, _ = load(document(*steps, **more))
    assert definition is not None
    return {found.code for found in check(definition).errors}


PAGE = {"id": "page", "type": "page", "url": "https://example.com/a"}
PHOTO = {"id": "photo", "type": "api", "url": "https://example.com/a.png"}
POST = {
    "id": "post",
    "type": "api",
    "method": "POST",
    "url": "https://example.com/w",
    "body": "{{ steps.s.output.text }}",
}


@pytest.mark.parametrize(
    ("first", "images"),
    [
        ([], "https://elsewhere.example/a.png"),
        ([], [{"url": "https://elsewhere.example/a.png"}]),
        ([], ["{{ inputs.url }}"]),
        ([], "{{ inputs.urls }}"),
        ([PHOTO], ["{{ steps.photo.output.body }}"]),
        ([PHOTO], [{"content": "{{ steps.photo.output.body }}"}]),
        ([PAGE], [{"content": "{{ inputs.file }}", "alt": "{{ steps.page.output.title }}"}]),
    ],
)
def test_what_a_model_says_of_an_outsiders_image_is_not_published_without_a_review(first: Any, images: Any) -> None:
    inputs = {"url": {"type": "string"}, "urls": {"type": "array"}, "file": {"type": "object"}}
    assert "FB401" in codes(*first, {"id": "s", **llm(images)}, POST, inputs=inputs)
    inside = {"id": "s", "type": "mcp_llm", "model": "demo:", "prompt": "x", "images": images}
    assert "FB401" in codes(*first, inside, POST, inputs=inputs)


def test_an_image_of_the_caller_is_as_trusted_as_his_other_inputs() -> None:
    step = {"id": "s", **llm([{"content": "{{ inputs.file }}", "alt": "{{ inputs.alt }}"}])}
    assert codes(step, POST, inputs={"file": {"type": "object"}, "alt": {"type": "string"}}) == set()


def test_the_worker_refuses_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the linter switched off, the provenance of the running execution says the same."""
    monkeypatch.setattr("flowbuilder.analysis.linter.rules", dict)
    image = "https://example.com/a.png"
    http = FakeHttp({image: respond(PNG, headers={"content-type": "image/png"}), f"POST {POST['url']}": "sent"})
    ports = fake_ports(http=http, models=FakeModel(["buy now"]))
    for images, sent in (([image], 0), ([{"content": "{{ inputs.file }}"}], 1)):
        given = {"file": file_value(PNG, "image/png")}
        flow = document({"id": "s", **llm(images)}, POST, inputs={"file": {"type": "object"}})
        finished = run_locally(flow, given, ports=ports)
        assert (finished.error or {}).get("code") == (None if sent else "not_approved"), finished.error
        assert sum(request.method == "POST" for request in http.requests) == sent


@pytest.mark.parametrize(
    ("images", "code"),
    [
        (["{{ steps.page.output.images[0].url }}"], "FB402"),
        (["{{ steps.page.output.images[0] }}"], "FB402"),
        ("{{ steps.page.output.images }}", "FB402"),
        ([{"url": "{{ steps.photo.output.body.url }}"}], "FB402"),
        (["https://{{ steps.page.output.title }}/a.png"], "FB402"),
        (["https://cdn.example.com/{{ steps.page.output.title }}.png"], None),
        (["{{ steps.photo.output.body }}"], None),
        ("{{ steps.photo.output.body }}", None),
        ([{"content": "{{ steps.photo.output.body }}"}], None),
    ],
)
def test_an_outsider_does_not_decide_whom_the_step_talks_to(images: Any, code: str | None) -> None:
    first = [step for step in (PAGE, PHOTO) if step["id"] in str(images)]
    step = {"id": "s", **llm(images)}
    outputs = {"text": "{{ steps.s.output.text }}"}
    assert codes(*first, step, outputs=outputs) == ({code} if code else set())
    assert codes(*first, step, outputs=outputs, hosts=["example.com"]) == set()


@pytest.mark.parametrize(
    "answer", ["https://elsewhere.example/x", {"url": "https://elsewhere.example/x"}, ["http://a.b"]]
)
def test_bytes_that_are_an_address_after_all_are_not_fetched(answer: Any) -> None:
    http = FakeHttp({PHOTO["url"]: answer})
    for images in (["{{ steps.photo.output.body }}"], "{{ steps.photo.output.body }}"):
        ports = fake_ports(http=http, models=FakeModel(["x"]))
        finished = run_locally(document(PHOTO, {"id": "s", **llm(images)}), ports=ports)
        assert finished.error["code"] in ("egress", "invalid_field"), finished.error
    assert {request.url for request in http.requests} == {PHOTO["url"]}


def test_a_fetched_image_does_not_steer_tools_that_write() -> None:
    outputs = {"text": "{{ steps.s.output.text }}"}
    for images, reads_only in itertools.product(
        ("https://example.com/a.png", {"content": "{{ inputs.f }}"}), (True, False)
    ):
        tool = {"server": "drafts", "tool": "delete", "reads_only": reads_only}
        step = {"id": "s", "type": "mcp_llm", "model": "demo:", "prompt": "Tidy", "images": images, "tools": [tool]}
        wrong = not reads_only and isinstance(images, str)
        assert codes(step, inputs={"f": {"type": "object"}}, outputs=outputs) == ({"FB403"} if wrong else set())


def test_mcp_llm_shows_images_beside_its_material(site: HTTPServer, ports: Ports, model: ModelServer) -> None:
    from dataclasses import replace

    mcp = FakeMcp({"docs": {"search": "Found tea."}})
    step = {"id": "s", **llm([site.url_for("/cup.png")]), "type": "mcp_llm"}
    step["context"] = [{"server": "docs", "tool": "search"}]
    finished = run_locally(document(step), ports=replace(ports, mcp=mcp))
    assert finished.status == "completed", finished.error
    assert seen(model) == [("image/png", PNG)]
    assert "Found tea." in model.wire.texts(model.asked[0])
