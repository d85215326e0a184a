"""The Ghost adapter on a real Ghost: bytes, conflicts, addresses, and writes that were cut off."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from flowbuilder.adapters.cms.ghost import Ghost
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.devstack.cms_checks import key_problems
from flowbuilder.errors import Conflict, NotFound, StepError
from flowbuilder.ports import CmsPage, CmsWrite, HttpRequest, HttpResponse
from flowbuilder.settings import Settings
from tests.support.ghost_documents import KINDS, document, text
from tests.support.servers.ghost_site import GhostSite

pytestmark = [pytest.mark.ghost, pytest.mark.timeout(300)]
HTTP = GuardedHttp(Egress(["127.0.0.1"]))


@pytest.fixture
def cms(ghost_site: GhostSite) -> Ghost:
    return _cms(ghost_site)


def _cms(site: GhostSite, http: Any = HTTP, **record: Any) -> Ghost:
    return Ghost(http, {"url": site.url, "admin_api_key": site.key}, record)


def _slug() -> str:
    return f"tea-{uuid4().hex[:12]}"


def _post(site: GhostSite, kind: str = "posts", **fields: Any) -> dict[str, Any]:
    """A post that a colleague wrote."""
    row = {"title": "Tea", "slug": _slug(), "status": "published", "lexical": document(text("Hot water.")), **fields}
    made: dict[str, Any] = site.admin("POST", f"{kind}/?formats=lexical", {kind: [row]})[kind][0]
    return made


def _held(site: GhostSite, made: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = site.admin("GET", f"posts/{made['id']}/?formats=lexical,html")["posts"][0]
    return row


async def test_every_kind_of_content_is_read_gets_a_paragraph_and_is_restored_byte_for_byte(
    ghost_site: GhostSite, cms: Ghost
) -> None:
    made = {kind: _post(ghost_site, lexical=document(*blocks)) for kind, blocks in KINDS.items()}
    stored = {kind: str(row["lexical"]) for kind, row in made.items()}
    assert {kind: lexical for kind, lexical in stored.items() if lexical != document(*KINDS[kind])} == {}

    async def append_and_restore(kind: str) -> tuple[bool, bool]:
        page = await cms.read(made[kind]["url"])
        body = f"{page.body}\n\n<p>More.</p>".strip()
        write = CmsWrite(url=page.url, body=body, if_unchanged=page.hash, approved=frozenset({"body"}))
        before = await cms.before(write)
        assert before is not None
        written = await cms.update(write)
        assert written.body == body
        appended = json.loads(_held(ghost_site, made[kind])["lexical"])["root"]["children"]
        earlier = json.loads(stored[kind])["root"]["children"] if page.body else []
        await cms.restore(page.url, before, if_unchanged=written.hash)
        return appended[:-1] == earlier, _held(ghost_site, made[kind])["lexical"] == stored[kind]

    results = await asyncio.gather(*map(append_and_restore, KINDS))
    assert {kind: result for kind, result in zip(KINDS, results, strict=True) if result != (True, True)} == {}
    assert len(KINDS) >= 40


FIELDS = {
    "body": {"lexical": document(text("Theirs."))},
    "title": {"title": "Theirs"},
    "description": {"custom_excerpt": "Theirs."},
    "seo_title": {"meta_title": "Theirs"},
    "seo_description": {"meta_description": "Theirs."},
}
OURS = {"body": "<p>Ours.</p>", **{name: "Ours" for name in FIELDS if name != "body"}}


async def test_an_edit_of_a_colleague_in_any_field_is_a_conflict_and_stays(ghost_site: GhostSite, cms: Ghost) -> None:
    async def race(theirs: str, ours: str) -> bool:
        made = _post(ghost_site)
        page = await cms.read(made["url"])
        ghost_site.edit("posts", made["slug"], **FIELDS[theirs])
        held = _held(ghost_site, made)
        fields: dict[str, Any] = {ours: OURS[ours]}
        with pytest.raises(Conflict):
            await cms.update(CmsWrite(url=page.url, **fields, if_unchanged=page.hash))
        return _held(ghost_site, made) == held

    assert all(await asyncio.gather(*(race(theirs, ours) for theirs in FIELDS for ours in FIELDS)))


class Meanwhile:
    """An `Http` that lets a colleague edit the page before the call that writes."""

    def __init__(self, edit: Any) -> None:
        self._edit = edit

    async def send(self, request: HttpRequest) -> HttpResponse:
        if request.method == "PUT" and self._edit is not None:
            edit, self._edit = self._edit, None
            edit()
        return await HTTP.send(request)


@pytest.mark.parametrize("theirs", ["body", "title", "description"])
@pytest.mark.parametrize("ours", list(FIELDS))
async def test_an_edit_between_the_comparison_and_the_write_is_refused_by_ghost(
    ghost_site: GhostSite, theirs: str, ours: str
) -> None:
    made = _post(ghost_site)
    racing = _cms(ghost_site, Meanwhile(lambda: ghost_site.edit("posts", made["slug"], **FIELDS[theirs])))
    page = await racing.read(made["url"])
    fields: dict[str, Any] = {ours: OURS[ours]}
    with pytest.raises(Conflict):
        await racing.update(CmsWrite(url=page.url, **fields, if_unchanged=page.hash))
    held = _held(ghost_site, made)
    assert {name: held[name] for name in FIELDS[theirs]} == FIELDS[theirs]


class CutOff:
    """An `Http` of which the process dies after a call was made, before the answer is read."""

    def __init__(self, method: str) -> None:
        self._method = method

    async def send(self, request: HttpRequest) -> HttpResponse:
        answer = await HTTP.send(request)
        if request.method == self._method:
            raise KeyboardInterrupt
        return answer


@pytest.mark.parametrize("after", ["POST", "PUT"])
async def test_a_page_is_created_once_though_the_answer_was_never_read(ghost_site: GhostSite, after: str) -> None:
    slug = _slug()
    write = CmsWrite(url=f"{ghost_site.url}/{slug}/", title="Tea", body="<p>Hot water.</p>")
    with pytest.raises(KeyboardInterrupt):
        await _cms(ghost_site, CutOff(after)).create(write)
    made = await _cms(ghost_site).create(write)
    assert made.live_url == write.url
    found = ghost_site.admin("GET", f"posts/?filter=slug:~^'{slug}'")["posts"]
    assert [(row["slug"], row["status"]) for row in found] == [(slug, "published")]


async def test_an_update_is_found_again_though_the_answer_was_never_read(ghost_site: GhostSite, cms: Ghost) -> None:
    made = _post(ghost_site)
    page = await cms.read(made["url"])
    write = CmsWrite(url=page.url, body="<p>Ours.</p>", if_unchanged=page.hash)
    with pytest.raises(KeyboardInterrupt):
        await _cms(ghost_site, CutOff("PUT")).update(write)
    held = _held(ghost_site, made)
    assert (await cms.update(write)).body == "<p>Ours.</p>"
    assert _held(ghost_site, made) == held


async def test_a_page_that_is_taken_back_is_a_draft_that_a_person_can_find(ghost_site: GhostSite, cms: Ghost) -> None:
    made: CmsPage = await cms.create(CmsWrite(url=f"{ghost_site.url}/{_slug()}/", title="Tea", body="<p>a</p>"))
    slug = made.url.rstrip("/").rpartition("/")[2]
    changed = ghost_site.edit("posts", slug, meta_title="Theirs")
    with pytest.raises(Conflict):
        await cms.delete(made.url, if_unchanged=made.hash)
    assert _held(ghost_site, changed)["status"] == "published"
    await cms.delete(made.url, if_unchanged=(await cms.read(made.url)).hash)
    held = _held(ghost_site, changed)
    assert (held["status"], held["slug"], held["lexical"]) == ("draft", f"{slug}-removed", changed["lexical"])
    with pytest.raises(NotFound):
        await cms.read(made.url)


async def test_pages_and_drafts_are_found_where_ghost_shows_them(ghost_site: GhostSite, cms: Ghost) -> None:
    page, draft = _post(ghost_site, "pages"), _post(ghost_site, status="draft", title="Draft")
    for url in (page["url"], page["url"].rstrip("/"), f"{page['url']}?ref=x#y"):
        assert (await cms.read(url)).title == "Tea"
    for url in (draft["url"], f"{ghost_site.url}/{draft['slug']}/"):  # its preview, and where it will be
        assert (await cms.read(url)).title == "Draft"
    written = await cms.update(CmsWrite(url=f"{ghost_site.url}/{draft['slug']}/", title="Ours"))
    assert (written.title, _held(ghost_site, draft)["status"]) == ("Ours", "draft")


@pytest.mark.parametrize(
    "place", ["/", "/tag/news/", "/author/ana/", "/blog/{slug}/", "/{slug}/page/2/", "/p/{slug}/", "/x/"]
)
async def test_what_is_no_post_and_no_page_is_not_found(ghost_site: GhostSite, cms: Ghost, place: str) -> None:
    made = _post(ghost_site)
    with pytest.raises(NotFound):
        await cms.read(ghost_site.url + place.format(slug=made["slug"]))


@pytest.mark.parametrize(
    "place", ["/blog/{slug}/", "/Tea-{slug}/", "/té-{slug}/", "/", "/a--{slug}/", "/2026/01/{slug}/"]
)
async def test_a_page_is_created_at_its_address_or_not_at_all(ghost_site: GhostSite, cms: Ghost, place: str) -> None:
    slug = uuid4().hex[:12]
    with pytest.raises(StepError) as caught:
        await cms.create(CmsWrite(url=ghost_site.url + place.format(slug=slug), title=slug, body="<p>a</p>"))
    assert (caught.value.code, caught.value.definitive) == ("bad_url", True)
    assert ghost_site.admin("GET", f"posts/?filter=title:'{slug}'")["posts"] == []


async def test_a_new_page_gets_the_type_and_the_status_that_the_site_says(ghost_site: GhostSite) -> None:
    draft = await _cms(ghost_site, create_status="draft").create(
        CmsWrite(url=f"{ghost_site.url}/{_slug()}/", title="Tea", body="<p>a</p>")
    )
    assert (
        ghost_site.admin("GET", f"posts/slug/{draft.url.rstrip('/').rpartition('/')[2]}/")["posts"][0]["status"]
        == "draft"
    )
    page = await _cms(ghost_site, create_type="pages").create(
        CmsWrite(url=f"{ghost_site.url}/{_slug()}/", title="Tea", body="<p>a</p>", seo_title="S", seo_description="D")
    )
    assert (page.seo_title, page.seo_description) == ("S", "D")
    assert "<title>S</title>" in ghost_site.live(page.live_url)


async def test_what_ghost_would_change_is_changed_before_the_review_and_refused_after_it(
    ghost_site: GhostSite, cms: Ghost
) -> None:
    made = _post(ghost_site)
    page = await cms.read(made["url"])
    proposal = f'{page.body}\n\n<p><a href="/about/">a</a> <a href="{ghost_site.url}">b</a></p><script>x()</script>'
    shown = await cms.publishable("body", page.body, proposal)
    added = f'<p><a href="{ghost_site.url}/about/">a</a> <a href="{ghost_site.url}/">b</a></p>'
    assert shown.text == f"{page.body}\n\n{added}"
    assert len(shown.findings) == 2
    assert await cms.publishable("body", page.body, shown.text) == type(shown)(text=shown.text)
    with pytest.raises(StepError) as caught:
        await cms.update(CmsWrite(url=page.url, body=proposal, approved=frozenset({"body"})))
    assert (caught.value.code, caught.value.definitive) == ("not_publishable", True)
    written = await cms.update(CmsWrite(url=page.url, body=shown.text, approved=frozenset({"body"})))
    assert written.body == shown.text


def test_the_doctor_names_pages_of_ghosts_earlier_editor(ghost_site: GhostSite) -> None:
    settings, connection = Settings(egress_allow="127.0.0.1"), {"url": ghost_site.url, "admin_api_key": ghost_site.key}
    ((message, remedy),) = key_problems(settings, connection)
    assert f"{ghost_site.url}/about/" in message
    assert "save it once" in remedy


async def test_a_page_of_ghosts_earlier_editor_is_read_and_not_written(ghost_site: GhostSite, cms: Ghost) -> None:
    url = f"{ghost_site.url}/about/"  # Ghost's own first page is one
    page = await cms.read(url)
    assert page.body.startswith("<p>")
    assert page.refusal is not None
    assert (page.refusal.code, page.refusal.definitive) == ("old_editor", True)
    for write in (CmsWrite(url=url, title="x"), CmsWrite(url=url, body="<p>x</p>")):
        with pytest.raises(StepError) as caught:
            await cms.update(write)
        assert (caught.value.code, caught.value.definitive) == ("old_editor", True)
    assert await cms.read(url) == page


async def test_a_page_that_was_unpublished_meanwhile_is_a_conflict(ghost_site: GhostSite, cms: Ghost) -> None:
    made = _post(ghost_site)
    page = await cms.read(made["url"])
    write = CmsWrite(url=page.url, title="Ours", if_unchanged=page.hash)
    before = await cms.before(write)
    assert before is not None
    written = await cms.update(write)
    ghost_site.edit("posts", made["slug"], status="draft")
    assert (await cms.read(page.url)).hidden == "draft"
    for work in (
        cms.update(CmsWrite(url=page.url, title="Again", if_unchanged=written.hash)),
        cms.restore(page.url, before, if_unchanged=written.hash),
    ):
        with pytest.raises(Conflict):
            await work
    assert (await cms.read(page.url)).title == "Ours"
