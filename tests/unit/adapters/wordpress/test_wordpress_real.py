"""The WordPress adapter on a real WordPress with PHP, MariaDB and an application password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.adapters.ports import real_ports
from flowbuilder.errors import Conflict, NotFound, StepError
from flowbuilder.ports import CmsPage, CmsWrite
from flowbuilder.settings import Settings
from flowbuilder.testing import run_locally
from tests.support.servers.requirements import unavailable
from tests.support.servers.wordpress_site import WordPressSite, missing

pytestmark = [pytest.mark.wordpress, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=["", "/%postname%/"], ids=["plain links", "pretty links"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPressSite]:
    absent = missing()
    if absent is not None:
        unavailable(absent)
    with WordPressSite(tmp_path_factory.mktemp("wordpress"), permalinks=request.param) as opened:
        yield opened


@pytest.fixture
def cms(site: WordPressSite) -> WordPress:
    connection = {"url": site.url, "username": "admin", "password": site.password}
    return WordPress(GuardedHttp(Egress(["127.0.0.1"])), connection, {"type": "wordpress", "connection": "wp"})


@pytest.fixture
async def page(site: WordPressSite, cms: WordPress, request: pytest.FixtureRequest) -> CmsPage:
    """A new page for every test, of the classic editor."""
    name = "".join(char if char.isalnum() else "-" for char in request.node.name.lower())[:80].strip("-")
    post = {"title": "Green tea", "content": "<p>Two minutes.</p>\n", "excerpt": "How to.", "status": "publish"}
    return await cms.read(site.rest("POST", "/wp/v2/posts", {**post, "slug": name})["link"])


async def test_a_new_page_is_published_as_blocks_where_addresses_have_names(
    site: WordPressSite, cms: WordPress
) -> None:
    write = CmsWrite(url=f"{site.url}/new-tea/", title="Green tea", body="Two *minutes*.\n", description="How to.")
    if not site.permalinks:
        with pytest.raises(StepError, match="WordPress would put") as caught:
            await cms.create(write)
        assert caught.value.code == "bad_url"
        return
    made = await cms.create(write)
    blocks = "<!-- wp:paragraph -->\n<p>Two <em>minutes</em>.</p>\n<!-- /wp:paragraph -->\n"
    held = await cms.read(made.live_url)
    assert (held.title, held.body, held.description) == ("Green tea", blocks, "How to.")
    assert held.hash == made.hash


async def test_an_update_is_on_the_live_page(site: WordPressSite, cms: WordPress, page: CmsPage) -> None:
    written = await cms.update(CmsWrite(url=page.live_url, body="## How long\n\nOne *short* minute.\n"))
    assert written.body == "<h2>How long</h2>\n<p>One <em>short</em> minute.</p>\n", "a classic post stays one"
    assert "One <em>short</em> minute." in site.live(page.live_url)
    assert written.title == "Green tea"
    assert written.revision != page.revision


async def test_scripts_are_not_sent(site: WordPressSite, cms: WordPress, page: CmsPage) -> None:
    evil = '<p onclick="steal()">Tea</p><script>steal()</script><a href="javascript:steal()">x</a>'
    written = await cms.update(CmsWrite(url=page.live_url, body=evil))
    assert "steal" not in written.body
    assert "steal" not in site.live(page.live_url)


async def test_block_comments_are_kept(cms: WordPress, page: CmsPage) -> None:
    blocks = "<!-- wp:paragraph -->\n<p>Tea</p>\n<!-- /wp:paragraph -->"
    assert (await cms.update(CmsWrite(url=page.live_url, body=blocks))).body == blocks


async def test_an_edit_by_another_editor_is_a_conflict_and_is_kept(
    site: WordPressSite, cms: WordPress, page: CmsPage
) -> None:
    (found,) = [one for one in site.rest("GET", "/wp/v2/posts", per_page="100") if one["link"] == page.live_url]
    site.rest("POST", f"/wp/v2/posts/{found['id']}", {"content": "<p>By hand.</p>"})
    with pytest.raises(Conflict):
        await cms.update(CmsWrite(url=page.live_url, body="Mine.", if_unchanged=page.hash))
    held = await cms.read(page.live_url)
    assert held.body == "<p>By hand.</p>"
    await cms.update(CmsWrite(url=page.live_url, body="Both.", if_unchanged=held.hash))


async def test_writing_the_same_content_creates_no_revision(site: WordPressSite, cms: WordPress, page: CmsPage) -> None:
    changed = await cms.update(CmsWrite(url=page.live_url, body="One minute."))
    again = await cms.update(CmsWrite(url=page.live_url, body="One minute.", if_unchanged=page.hash))
    assert again == changed


async def test_creating_a_page_twice_gives_one_page_and_another_content_is_a_conflict(
    cms: WordPress, page: CmsPage
) -> None:
    same = CmsWrite(url=page.url, title="Green tea", body="<p>Two minutes.</p>\n", description="How to.")
    assert (await cms.create(same)).live_url == page.live_url
    with pytest.raises(Conflict):
        await cms.create(CmsWrite(url=page.url, title="Other", body="Other."))


async def test_pages_are_found_beside_posts(site: WordPressSite, cms: WordPress) -> None:
    made = site.rest(
        "POST", "/wp/v2/pages", {"title": "About", "slug": "about-us", "content": "<p>Us.</p>", "status": "publish"}
    )
    assert (await cms.read(made["link"])).body == "<p>Us.</p>"
    if site.permalinks:
        assert (await cms.read(f"{site.url}/about-us/")).title == "About"
    else:
        with pytest.raises(NotFound, match="list of posts"):
            await cms.read(f"{site.url}/about-us/")


async def test_a_page_that_is_not_there(cms: WordPress, site: WordPressSite) -> None:
    with pytest.raises(NotFound):
        await cms.read(f"{site.url}/nothing-here/")


async def test_a_wrong_password_is_refused_with_wordpresss_message(site: WordPressSite) -> None:
    connection = {"url": site.url, "username": "admin", "password": "wrong wrong"}
    stranger = WordPress(GuardedHttp(Egress(["127.0.0.1"])), connection, {})
    with pytest.raises(StepError) as caught:
        await stranger.read(f"{site.url}/?p=1")
    assert caught.value.code == "auth"
    assert "wrong wrong" not in str(caught.value)


def test_a_workflow_publishes_what_was_approved_and_finds_it_live(site: WordPressSite, tmp_path: Path) -> None:
    made = site.rest(
        "POST",
        "/wp/v2/posts",
        {"title": "Oolong", "slug": f"oolong-{tmp_path.name}", "content": "<p>Old.</p>", "status": "publish"},
    )
    (tmp_path / "connections.yaml").write_text(
        f"wp: {{url: '{site.url}', username: admin, password: {{env: FB_TEST_WP}}}}\n"
    )
    os.environ["FB_TEST_WP"] = site.password
    settings = Settings(home=tmp_path, egress_allow=site.url.removeprefix("http://"))
    document: dict[str, Any] = {
        "schema": "flowbuilder/v1",
        "name": "wp",
        "title": "WordPress",
        "inputs": {"url": {"type": "string"}},
        "steps": [
            {"id": "source", "type": "cms", "url": "{{ inputs.url }}"},
            {"id": "review", "type": "human_review", "title": "Oolong", "base": "{{ steps.source.output.body }}",
             "proposal": "## Fresh\n\nRoll it, rinse it, and infuse it for twenty seconds.\n"},
            {"id": "publish", "type": "cms", "operation": "update", "url": "{{ inputs.url }}",
             "body": "{{ steps.review.output.approved }}", "if_unchanged": "{{ steps.source.output.hash }}"},
            {"id": "live", "type": "page", "url": "{{ steps.publish.output.url }}"},
        ],
        "outputs": {"text": "{{ steps.live.output.text }}", "hash": "{{ steps.publish.output.hash }}"},
    }  # fmt: skip
    finished = run_locally(
        document,
        {"url": made["link"]},
        ports=real_ports(settings, FileConnections(tmp_path)),
        site={"site": "wp.example", "cms": {"type": "wordpress", "connection": "wp"}},
        decide={"review": "approve"},
    )
    assert finished.status == "completed", finished.error
    assert "infuse it for twenty seconds" in finished.outputs["text"]
    (effect,) = finished.store.effects(finished.execution.id)
    assert effect.inverse is not None
    assert effect.inverse["before"]["content"] == "<p>Old.</p>"


async def test_a_created_page_goes_to_the_trash_and_is_no_longer_found(cms: WordPress, page: CmsPage) -> None:
    with pytest.raises(Conflict):
        await cms.delete(page.live_url, if_unchanged="another hash")
    for _ in range(2):
        await cms.delete(page.live_url, if_unchanged=page.hash)
    with pytest.raises(NotFound):
        await cms.read(page.url)
