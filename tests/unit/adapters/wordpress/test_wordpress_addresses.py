"""Addresses on a real WordPress: the page that is edited is the page that visitors are shown there, or none is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.errors import Conflict, NotFound, StepError
from flowbuilder.ports import CmsWrite
from tests.support.servers.wordpress_site import WordPressSite
from tests.unit.adapters.wordpress.conftest import cms_of

pytestmark = [pytest.mark.wordpress, pytest.mark.timeout(300)]


async def test_of_a_post_and_a_page_with_one_address_the_one_that_is_shown_is_edited(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    make("<p>The post of two.</p>", slug="two")
    make("<p>The page of two.</p>", kind="pages", slug="two")
    page = await blog_cms.read(f"{blog_site.url}/two/")
    assert page.body in blog_site.live(f"{blog_site.url}/two/")
    await blog_cms.update(CmsWrite(url=page.url, body="<p>Edited.</p>"))
    assert "<p>Edited.</p>" in blog_site.live(page.url)


async def test_the_front_page_is_edited_where_it_is_a_page_and_a_list_of_posts_is_not(
    blog_site: WordPressSite, make: Callable[..., Any]
) -> None:
    with pytest.raises(NotFound, match="list of posts"):
        await cms_of(blog_site).read(f"{blog_site.url}/")
    front = make("<p>Welcome.</p>", kind="pages", slug="welcome")
    posts = make("<p>Never shown.</p>", kind="pages", slug="news")
    blog_site.rest(
        "POST",
        "/wp/v2/settings",
        {"show_on_front": "page", "page_on_front": front["id"], "page_for_posts": posts["id"]},
    )
    try:
        cms = cms_of(blog_site)
        assert (await cms.read(f"{blog_site.url}/")).body == "<p>Welcome.</p>"
        with pytest.raises(NotFound, match="list of posts"):
            await cms.read(f"{blog_site.url}/news/")
        with pytest.raises(NotFound, match="name that one"):
            await cms.read(f"{blog_site.url}/welcome/")
    finally:
        blog_site.rest("POST", "/wp/v2/settings", {"show_on_front": "posts"})


async def test_pages_below_others_and_many_of_one_slug(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    for number in range(25):
        parent = make(kind="pages", slug=f"part-{number}")
        make(f"<p>Intro {number}.</p>", kind="pages", slug="intro", parent=parent["id"])
    for number in (0, 12, 24):
        page = await blog_cms.read(f"{blog_site.url}/part-{number}/intro/")
        assert page.body == f"<p>Intro {number}.</p>"
    with pytest.raises(NotFound):
        await blog_cms.read(f"{blog_site.url}/part-99/intro/")


async def test_drafts_and_private_posts_are_found_by_the_address_they_will_have_and_trash_is_not(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    parent = make(kind="pages", slug="above")
    make("<p>Draft.</p>", status="draft", slug="a-draft")
    make("<p>Below.</p>", status="draft", kind="pages", slug="a-draft-below", parent=parent["id"])
    make("<p>Private.</p>", status="private", slug="a-private")
    gone = make("<p>Gone.</p>", slug="gone")
    blog_site.rest("DELETE", f"/wp/v2/posts/{gone['id']}")
    assert (await blog_cms.read(f"{blog_site.url}/a-draft/")).body == "<p>Draft.</p>"
    assert (await blog_cms.read(f"{blog_site.url}/above/a-draft-below/")).body == "<p>Below.</p>"
    assert (await blog_cms.read(f"{blog_site.url}/a-private")).body == "<p>Private.</p>"
    for place in ("gone/", "a-draft-below/", f"?p={gone['id']}"):
        with pytest.raises(NotFound):
            await blog_cms.read(f"{blog_site.url}/{place}")


async def test_several_drafts_of_one_address_are_not_guessed(blog_site: WordPressSite, blog_cms: WordPress) -> None:
    draft = "wp_insert_post(['post_title' => 'x', 'post_content' => '<p>%s.</p>', 'post_name' => 'same'])"
    blog_site.php(f"{draft % 'First'};")
    second = blog_site.php(f"echo {draft % 'Second'};")
    with pytest.raises(StepError, match="several posts") as caught:
        await blog_cms.read(f"{blog_site.url}/same/")
    assert caught.value.code == "ambiguous"
    assert (await blog_cms.read(f"{blog_site.url}/?p={second}")).body == "<p>Second.</p>"


async def test_an_address_that_sends_visitors_on_is_no_page(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    """An old slug, and a part of one that WordPress guesses from."""
    made = make(slug="old-name-of-it")
    page = await blog_cms.read(made["link"])
    blog_site.rest("POST", f"/wp/v2/posts/{made['id']}", {"slug": "renamed"})
    make(slug="guessable-name")
    for place in ("old-name-of-it/", "guessable/"):
        with pytest.raises(NotFound, match="sends its visitors on"):
            await cms_of(blog_site).read(f"{blog_site.url}/{place}")
    with pytest.raises(Conflict):
        await blog_cms.delete(page.url, if_unchanged=page.hash)


async def test_what_is_shown_and_may_not_be_edited_is_named(blog_site: WordPressSite, make: Callable[..., Any]) -> None:
    made = make(kind="pages", slug="only-a-page")
    with pytest.raises(StepError, match=r"cms\.types") as caught:
        await cms_of(blog_site, types=["posts"]).read(made["link"])
    assert caught.value.code == "not_editable"


async def test_names_in_other_scripts(blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]) -> None:
    make("<p>Чай.</p>", slug="зелёный-чай")
    assert (await blog_cms.read(f"{blog_site.url}/зелёный-чай/")).body == "<p>Чай.</p>"


# --- new pages ----------------------------------------------------------------------------------------------------


def posts_of(site: WordPressSite) -> set[tuple[str, int]]:
    found = [
        (kind, one["id"])
        for kind in ("posts", "pages")
        for one in site.rest(
            "GET", f"/wp/v2/{kind}", per_page="100", status="publish,draft,private,trash", orderby="id"
        )
    ]
    return set(found)


async def test_a_page_is_made_below_its_parent(blog_site: WordPressSite, make: Callable[..., Any]) -> None:
    guides = make(kind="pages", slug="guides")
    cms = cms_of(blog_site)
    made = await cms.create(CmsWrite(url=f"{blog_site.url}/guides/green-tea/", title="Green", body="Two *minutes*.\n"))
    assert made.live_url == f"{blog_site.url}/guides/green-tea/"
    assert "Two <em>minutes</em>." in blog_site.live(made.live_url)
    (found,) = blog_site.rest("GET", "/wp/v2/pages", slug="green-tea")
    assert found["parent"] == guides["id"]
    again = await cms_of(blog_site).create(CmsWrite(url=made.url, title="Green", body="Two *minutes*.\n"))
    assert again.live_url == made.live_url
    await cms.delete(made.url, if_unchanged=made.hash)
    with pytest.raises(NotFound):
        await cms.read(made.url)


@pytest.mark.parametrize("place", ["nowhere/at-all/x/", "2019/05/dated/"])
async def test_a_page_that_cannot_be_at_its_address_is_not_made(blog_site: WordPressSite, place: str) -> None:
    before = posts_of(blog_site)
    for _ in range(2):
        with pytest.raises(StepError, match="Nothing was made") as caught:
            await cms_of(blog_site).create(CmsWrite(url=f"{blog_site.url}/{place}", title="x", body="x"))
        assert caught.value.definitive
    assert posts_of(blog_site) == before


async def test_a_page_whose_name_is_taken_by_an_attachment_is_not_made_elsewhere(
    blog_site: WordPressSite, blog_cms: WordPress
) -> None:
    blog_site.php(
        "wp_insert_attachment(['post_name' => 'taken', 'post_title' => 'x', 'post_mime_type' => 'image/png']);"
    )
    before = posts_of(blog_site)
    with pytest.raises(StepError):
        await blog_cms.create(CmsWrite(url=f"{blog_site.url}/taken/", title="x", body="x"))
    assert posts_of(blog_site) == before


@pytest.fixture
def dated(blog_site: WordPressSite) -> Iterator[WordPressSite]:
    blog_site.set_permalinks("/blog/%year%/%postname%/")
    yield blog_site
    blog_site.set_permalinks("/%postname%/")


async def test_the_structure_of_the_addresses_decides(dated: WordPressSite, make: Callable[..., Any]) -> None:
    made = make("<p>Dated.</p>", slug="dated-post")
    cms = cms_of(dated)
    assert "/blog/" in made["link"]
    assert (await cms.read(made["link"])).body == "<p>Dated.</p>"
    year = made["link"].split("/blog/")[1].split("/")[0]
    new = await cms.create(CmsWrite(url=f"{dated.url}/blog/{year}/made-here/", title="x", body="x"))
    assert new.live_url == f"{dated.url}/blog/{year}/made-here/"
    page = await cms.create(CmsWrite(url=f"{dated.url}/at-the-top/", title="x", body="x"))
    assert (await cms.read(page.url)).live_url == f"{dated.url}/at-the-top/"
    with pytest.raises(StepError, match="WordPress would put"):
        await cms_of(dated, create_type="posts").create(CmsWrite(url=f"{dated.url}/blog/1999/x/", title="x", body="x"))
