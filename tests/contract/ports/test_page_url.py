"""A page is only found at a URL that says which page it is to a person who reads it."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.adapters.cms.page_url import split_page_url
from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.errors import StepError
from flowbuilder.ports import CmsWrite
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
    for cms in (FilesCms(tmp_path, base_url=SITE), wordpress):
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
