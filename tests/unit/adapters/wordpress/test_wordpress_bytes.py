"""Bytes on a real WordPress: what was approved is stored, what was not changed stays, and a revert brings all back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.devstack.cms_checks import user_problems
from flowbuilder.errors import Conflict, StepError
from flowbuilder.ports import CmsWrite
from flowbuilder.settings import Settings
from tests.support.proof import sample
from tests.support.servers.wordpress_site import WordPressSite
from tests.unit.adapters.wordpress.conftest import cms_of
from tests.unit.adapters.wordpress.kinds_of_content import KINDS

pytestmark = [pytest.mark.wordpress, pytest.mark.timeout(300)]
BODY = frozenset({"body"})


@pytest.mark.parametrize("name", list(KINDS)[:: sample(quick=3, ci=1, thorough=1)])
async def test_a_paragraph_is_added_to_any_content_and_taken_back(
    blog_cms: WordPress, make: Callable[..., Any], name: str
) -> None:
    content = KINDS[name]
    post = make(content, title='A \\ "title" & <em>more</em>', excerpt="Ex <b>1</b> \\")
    page = await blog_cms.read(post["link"])
    assert page.body == content
    blocks = "\n\n<!-- wp:paragraph -->\n<p>New &amp; “<strong>added</strong>”.</p>\n<!-- /wp:paragraph -->"
    added = blocks if "<!-- wp:" in content else "\n\nNew & “<strong>added</strong>”."
    proposal = await blog_cms.publishable("body", page.body, page.body + added)
    assert (proposal.text, proposal.findings) == (content + added, ())
    write = CmsWrite(url=page.url, body=proposal.text, if_unchanged=page.hash, approved=BODY)
    before = await blog_cms.before(write)
    assert before is not None
    written = await blog_cms.update(write)
    assert (written.body, written.title, written.description) == (content + added, page.title, page.description)
    await blog_cms.restore(page.url, before, if_unchanged=written.hash)
    assert replace(await blog_cms.read(page.url), revision=page.revision) == page


async def test_a_title_alone_changes_nothing_else(blog_cms: WordPress, make: Callable[..., Any]) -> None:
    page = await blog_cms.read(make(KINDS["code"], excerpt="Ex")["link"])
    title = '50 % "off" \\ it\'s 😀 <em>x</em>'
    written = await blog_cms.update(CmsWrite(url=page.url, title=title, approved=frozenset({"title"})))
    assert (written.title, written.body, written.description) == (title, page.body, page.description)


@pytest.mark.parametrize(
    ("field", "text", "stored"),
    [
        ("body", '<p onclick="x()">Tea</p>', "<p>Tea</p>"),
        ("body", "# Tea", "<h1>Tea</h1>"),
        ("title", "Tea <script>x()</script>", "Tea"),
        ("title", " Tea ", "Tea"),
        ("description", "Tea &#150; <b>x</b>", "Tea &#8211; <b>x</b>"),
    ],
)
async def test_what_would_be_changed_is_shown_before_and_refused_after_the_approval(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any], field: Any, text: str, stored: str
) -> None:
    page = await blog_cms.read(make()["link"])
    shown = (
        await blog_cms.publishable(field, "", text)
        if field != "body"
        else await blog_cms.publishable(field, page.body, text)
    )
    assert shown.text == stored
    assert shown.findings
    write: dict[str, Any] = {"url": page.url, field: text, "approved": frozenset({field})}
    with pytest.raises(StepError, match="nothing was written") as caught:
        await blog_cms.update(CmsWrite(**write))
    assert (caught.value.code, caught.value.definitive) == ("not_publishable", True)
    assert await blog_cms.read(page.url) == page
    write[field] = shown.text
    assert getattr(await blog_cms.update(CmsWrite(**write)), field) == stored


async def test_a_link_that_wordpress_would_change_is_known_before(
    blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    """WordPress before 6.7 adds `rel` to a link of the old content too, for any user."""
    page = await blog_cms.read(make()["link"])
    new = await blog_cms.publishable("body", page.body, page.body + '\n\n<a href="/x" target="_blank">x</a>')
    assert new.text.endswith('<a href="/x" target="_blank" rel="noopener">x</a>')
    assert new.findings
    written = await blog_cms.update(CmsWrite(url=page.url, body=new.text, approved=BODY))
    assert written.body == new.text


async def test_an_old_link_that_wordpress_changes_on_every_save(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    old = '<a href="/x" target="_blank">x</a>'
    made = make()
    blog_site.php(f"$wpdb->update($wpdb->posts, ['post_content' => '{old}'], ['ID' => {made['id']}]);")
    page = await blog_cms.read(made["link"])
    assert page.body == old
    shown = await blog_cms.publishable("body", page.body, f"{old}\n\nNew.")
    assert shown.text == '<a href="/x" target="_blank" rel="noopener">x</a>\n\nNew.'
    assert [finding["rule"] for finding in shown.findings] == ["changed_on_save"]
    with pytest.raises(StepError, match="nothing was written"):
        await blog_cms.update(CmsWrite(url=page.url, body=f"{old}\n\nNew.", approved=BODY))
    write = CmsWrite(url=page.url, body=shown.text, approved=BODY)
    before = await blog_cms.before(write)
    assert before is not None
    written = await blog_cms.update(write)
    with pytest.raises(StepError, match="would not store the earlier body"):
        await blog_cms.restore(page.url, before, if_unchanged=written.hash)
    assert await blog_cms.read(page.url) == written


# --- users that may not write any HTML ----------------------------------------------------------------------------


def page_author(site: WordPressSite) -> int:
    return int(site.php("echo get_user_by('login', 'ann')->ID;"))


async def test_what_a_user_without_unfiltered_html_cannot_write_is_known_before_it_is_live(
    blog_site: WordPressSite, make: Callable[..., Any]
) -> None:
    content = KINDS["custom html"]
    made = make(content)
    number = made["id"]
    password = blog_site.add_user("ann", "author")
    blog_site.php(f"wp_update_post(['ID' => {number}, 'post_author' => get_user_by('login', 'ann')->ID]);")
    blog_site.php(f"$wpdb->update($wpdb->posts, ['post_content' => '{content}'], ['ID' => {number}]);")
    cms = cms_of(blog_site, "ann", password)
    page = await cms.read(made["link"])
    assert page.body == content
    shown = await cms.publishable("body", page.body, page.body + "\n\n<p>New.</p>")
    assert "unfiltered_html" in str(shown.findings)
    assert "<iframe" not in shown.text
    with pytest.raises(StepError, match="unfiltered_html"):
        await cms.update(CmsWrite(url=page.url, body=page.body + "\n\n<p>New.</p>", approved=BODY))
    assert await cms.read(page.url) == page
    with pytest.raises(StepError, match="unfiltered_html"):  # WordPress would clean the body of it, too
        await cms.update(CmsWrite(url=page.url, title="Only a title"))
    assert await cms.read(page.url) == page
    plain = await cms.read(make("<p>Plain.</p>", author=page_author(blog_site))["link"])
    assert (await cms.update(CmsWrite(url=plain.url, title="Only a title"))).title == "Only a title"
    titles = {one["title"]["rendered"] for one in blog_site.rest("GET", "/wp/v2/posts", status="draft,trash")}
    assert not any("flowbuilder" in title for title in titles), "what was tried is deleted"


# --- texts for search engines, and other editors ------------------------------------------------------------------

SEO = """
foreach (['%s', '%s'] as $key) {
    register_post_meta('post', $key, ['type' => 'string', 'single' => true, 'show_in_rest' => true,
        'auth_callback' => fn() => current_user_can('edit_posts')]);
}
"""


@pytest.mark.parametrize(
    "keys", [("_yoast_wpseo_title", "_yoast_wpseo_metadesc"), ("rank_math_title", "rank_math_description")]
)
async def test_texts_of_an_seo_plugin_are_read_written_compared_and_restored(
    blog_site: WordPressSite, make: Callable[..., Any], keys: tuple[str, str]
) -> None:
    blog_site.add_plugin(keys[0], f"add_action('init', function () {{ {SEO % keys} }});")
    try:
        made = make(excerpt="The excerpt.", meta={keys[0]: "Old SEO", keys[1]: ""})
        cms = cms_of(blog_site)
        page = await cms.read(made["link"])
        assert (page.seo_title, page.seo_description, page.description) == ("Old SEO", "", "The excerpt.")
        write = CmsWrite(url=page.url, seo_title="New SEO", seo_description="What it says.", if_unchanged=page.hash)
        before = await cms.before(write)
        assert before is not None
        written = await cms.update(write)
        assert (written.seo_title, written.seo_description) == ("New SEO", "What it says.")
        assert (written.description, written.body) == (page.description, page.body)
        with pytest.raises(Conflict):
            await cms.update(CmsWrite(url=page.url, title="Mine", if_unchanged=page.hash))
        await cms.restore(page.url, before, if_unchanged=written.hash)
        assert (await cms.read(page.url)).hash == page.hash
        new = CmsWrite(
            url=f"{blog_site.url}/{keys[0].replace('_', '-').strip('-')}/", title="T", body="B", seo_title="S"
        )
        assert (await cms.create(new)).seo_title == "S"
    finally:
        blog_site.remove_plugin(keys[0])


async def test_texts_for_search_engines_that_the_site_does_not_show_are_refused_before_anything_is_written(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    page = await blog_cms.read(make()["link"])
    with pytest.raises(StepError, match="show_in_rest") as caught:
        await blog_cms.update(CmsWrite(url=page.url, title="New", seo_title="S"))
    assert caught.value.code == "no_seo_fields"
    assert await blog_cms.read(page.url) == page
    with pytest.raises(StepError, match="show_in_rest"):
        await blog_cms.create(CmsWrite(url=f"{blog_site.url}/with-seo/", body="x", seo_title="S"))
    assert blog_site.rest("GET", "/wp/v2/posts", slug="with-seo", status="publish,draft") == []


async def test_a_page_that_another_user_is_editing_is_left_alone(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    """An autosave of another user in the last minutes says so; an old one does not."""
    made = make()
    blog_site.add_user("ben", "editor")
    save = f"""$ben = get_user_by('login', 'ben')->ID; wp_set_current_user($ben);
        sleep(1); $id = _wp_put_post_revision(['ID' => {made["id"]}, 'post_author' => $ben, 'post_content' => 'theirs',
        'post_title' => 'x'], true); """
    page = await blog_cms.read(made["link"])
    blog_site.php(save)
    with pytest.raises(StepError, match="is editing") as caught:
        await blog_cms.update(CmsWrite(url=page.url, title="Mine"))
    assert (caught.value.code, caught.value.definitive) == ("being_edited", True)
    old = "gmdate('Y-m-d H:i:s', time() - 3600)"
    blog_site.php(f"$wpdb->update($wpdb->posts, ['post_modified_gmt' => {old}], ['post_type' => 'revision']);")
    assert (await blog_cms.update(CmsWrite(url=page.url, title="Mine"))).title == "Mine"


LOCK = """add_action('init', function () {
    register_post_meta('', '_edit_lock', ['type' => 'string', 'single' => true, 'show_in_rest' => true,
        'auth_callback' => fn() => current_user_can('edit_posts')]);
});"""


async def test_the_edit_lock_is_respected_where_the_site_shows_it(
    blog_site: WordPressSite, make: Callable[..., Any]
) -> None:
    made = make()
    cms = cms_of(blog_site)
    page = await cms.read(made["link"])
    blog_site.add_plugin("lock", LOCK)
    try:
        lock = f"update_post_meta({made['id']}, '_edit_lock', %s);"
        blog_site.php(lock % "time() . ':99'")
        with pytest.raises(StepError, match="is editing"):
            await cms.update(CmsWrite(url=page.url, title="Mine"))
        blog_site.php(lock % "(time() - 600) . ':99'")
        assert (await cms.update(CmsWrite(url=page.url, title="Mine"))).title == "Mine"
    finally:
        blog_site.remove_plugin("lock")


def test_the_doctor_says_what_the_user_may_not_write(blog_site: WordPressSite) -> None:
    settings = Settings(egress_allow=blog_site.url.removeprefix("http://"))
    connection = {"url": blog_site.url, "username": "admin", "password": blog_site.password}
    assert list(user_problems(settings, connection)) == []
    password = blog_site.add_user("eve", "author")
    ((message, _),) = user_problems(settings, {**connection, "username": "eve", "password": password})
    assert "unfiltered_html" in message
    ((message, _),) = user_problems(settings, {**connection, "password": "wrong"})
    assert "denied" in message


@pytest.mark.parametrize("theirs", [{"title": "Theirs"}, {"excerpt": "Theirs."}, {"content": "<p>Theirs.</p>"}])
@pytest.mark.parametrize("ours", [{"title": "Ours"}, {"description": "Ours."}, {"body": "<p>Ours.</p>"}])
async def test_a_change_of_any_text_by_another_person_is_a_conflict_both_ways(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any], ours: Any, theirs: Any
) -> None:
    made = make()
    page = await blog_cms.read(made["link"])
    write = CmsWrite(url=page.url, **ours, if_unchanged=page.hash)
    before = await blog_cms.before(write)
    assert before is not None
    written = await blog_cms.update(write)
    blog_site.rest("POST", f"/wp/v2/posts/{made['id']}", theirs)
    held = await blog_cms.read(page.url)
    with pytest.raises(Conflict):
        await blog_cms.restore(page.url, before, if_unchanged=written.hash)
    with pytest.raises(Conflict):
        await blog_cms.update(CmsWrite(url=page.url, title="Later", if_unchanged=written.hash))
    assert await blog_cms.read(page.url) == held


@pytest.mark.parametrize("field", ["body", "title", "description"])
@pytest.mark.parametrize(
    "edit",
    [{"title": "x"}, {"content": "x"}, {"excerpt": "x"}, {"status": "draft"}, {"status": "private"}, {"password": "x"}],
    ids=lambda edit: "".join(map(":".join, edit.items())),
)
async def test_a_colleagues_edit_of_any_field_stops_a_write_and_a_revert(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any], edit: dict[str, str], field: Any
) -> None:
    made = make()
    page = await blog_cms.read(made["link"])
    given: dict[str, Any] = {field: "<p>Ours</p>" if field == "body" else "Ours"}
    write = CmsWrite(url=page.url, if_unchanged=page.hash, approved=frozenset({field}), **given)
    before = await blog_cms.before(write)
    assert before is not None
    blog_site.rest("POST", f"/wp/v2/posts/{made['id']}", edit)
    theirs = await blog_cms.read(page.url)
    with pytest.raises(Conflict):
        await blog_cms.update(write)
    assert await blog_cms.read(page.url) == theirs
    blog_site.rest("POST", f"/wp/v2/posts/{made['id']}", {"title": "Tea", "content": "<p>Old.</p>", "excerpt": "",
                                                          "status": "publish", "password": ""})  # fmt: skip
    written = await blog_cms.update(write)
    blog_site.rest("POST", f"/wp/v2/posts/{made['id']}", edit)
    theirs = await blog_cms.read(page.url)
    with pytest.raises(Conflict):
        await blog_cms.restore(page.url, before, if_unchanged=written.hash)
    assert await blog_cms.read(page.url) == theirs


async def test_a_draft_that_was_published_meanwhile_is_a_conflict(
    blog_site: WordPressSite, blog_cms: WordPress, make: Callable[..., Any]
) -> None:
    made = make(status="draft")
    page = await blog_cms.read(f"{blog_site.url}/?p={made['id']}")
    assert page.hidden == "draft"
    blog_site.rest("POST", f"/wp/v2/posts/{made['id']}", {"status": "publish"})
    with pytest.raises(Conflict):
        await blog_cms.update(CmsWrite(url=page.url, body="<p>Ours</p>", if_unchanged=page.hash))
