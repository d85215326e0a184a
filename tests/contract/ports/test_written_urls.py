"""What is written goes to the place that a person reads in its URL, or nowhere."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.cms.addresses import open_addresses
from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.adapters.cms.page_url import split_page_url
from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.errors import StepError
from flowbuilder.ports import CmsWrite, HttpRequest
from flowbuilder.testing import FakeHttp

SITE = "https://my.example"
HIDDEN = [
    "/%70ricing",
    "/pric%69ng",
    "/prices%32",
    "/\npricing",
    "/pri\tcing",
    "\r/pricing",
    "/pricing ",
    "/pricing\x00",
]
PLAIN = ["/pricing", "/caf%C3%A9", "/café", "/my%20page", "/a-b_c~d", "/?p=7", "/pricing?utm=%61#prices", "/100%25"]


@pytest.mark.parametrize("place", HIDDEN)
async def test_nothing_is_written_at_a_url_that_hides_its_page(place: str, tmp_path: Path) -> None:
    (tmp_path / "pricing.md").write_text("old")
    http = FakeHttp()
    wordpress = WordPress(http, {"url": SITE, "username": "ana", "password": "secret"}, {})
    files = FilesCms(tmp_path, base_url=SITE)
    generated = FilesCms(tmp_path, base_url=SITE, addresses=open_addresses({"generator": "hugo"}))
    for cms in (files, generated, wordpress):
        with pytest.raises(StepError) as caught:
            await cms.update(CmsWrite(url=SITE + place, body="new"))
        assert caught.value.code == "bad_url"
    assert (tmp_path / "pricing.md").read_text() == "old"
    assert http.requests == []


@pytest.mark.parametrize("place", PLAIN)
def test_a_plain_url_is_read(place: str) -> None:
    assert split_page_url(SITE + place).netloc == "my.example"


def test_only_letters_and_digits_are_written_out() -> None:
    for number in range(128):
        code = f"%{number:02X}"
        if chr(number) in string.ascii_letters + string.digits:
            with pytest.raises(StepError, match=code):
                split_page_url(f"{SITE}/{code}")
        else:
            split_page_url(f"{SITE}/{code}")


@pytest.mark.parametrize("place", ["/public/../admin", "/public/%2e%2E/admin", "/./admin", "/public/.."])
async def test_nothing_is_sent_to_a_path_that_changes_on_the_way(place: str, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/admin").respond_with_json({"ok": True})
    http = GuardedHttp(Egress(["127.0.0.1"]))
    with pytest.raises(StepError, match="write the path out"):
        await http.send(HttpRequest(method="POST", url=httpserver.url_for("/") + place.lstrip("/"), json={"a": 1}))
    assert httpserver.log == []


async def test_dots_elsewhere_in_a_url_are_sent(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1.0/a..b/...").respond_with_json({"ok": True})
    url = httpserver.url_for("/v1.0/a..b/...") + "?path=/../x"
    answer = await GuardedHttp(Egress(["127.0.0.1"])).send(HttpRequest(method="POST", url=url, json={"a": 1}))
    assert answer.status == 200
