"""Hugo's rules. The expected addresses are those that Hugo itself lists for these files."""

from __future__ import annotations

import pytest

from flowbuilder.errors import NotFound, StepError

CONFIG = """
baseURL = "https://my.example/"
defaultContentLanguage = "en"
[languages.en]
weight = 1
[languages.fr]
weight = 2
[permalinks.page]
posts = "/:year/:month/:slug/"
news = "/:sections[1:]/:slugorcontentbasename/"
essays = "/e/:title/"
[permalinks.section]
essays = "/all-essays/"
[frontmatter]
date = [":filename", ":default"]
"""
PAGES = {
    "content/_index.md": ("", "/"),
    "content/_index.fr.md": ("", "/fr/"),
    "content/docs/_index.md": ("", "/docs/"),
    "content/docs/Über Uns.md": ("", "/docs/über-uns/"),
    "content/docs/what's new?.md": ("", "/docs/whats-new/"),
    "content/docs/a,b (c) [d].md": ("", "/docs/ab-c-d/"),
    "content/docs/C++ & C#.md": ("", "/docs/c++--c#/"),
    "content/docs/v1.10.md": ("", "/docs/v1.10/"),
    "content/docs/intro.fr.md": ("slug: debut", "/fr/docs/debut/"),
    "content/docs/intro.md": ("slug: Begin Here", "/docs/begin-here/"),
    "content/docs/url1.md": ("url: /Some Where/Else", "/Some Where/Else/"),
    "content/docs/url2.md": ("url: rel/path/", "/rel/path/"),
    "content/docs/url2.fr.md": ("url: rel/path/", "/fr/rel/path/"),
    "content/docs/url3.fr.md": ("url: /abs/path.html", "/abs/path.html"),
    "content/docs/url4.md": ("url: /caf%C3%A9/x/", "/café/x/"),
    "content/docs/url5.md": ("url: /:year/:contentbasename/\ndate: 2020-03-04", "/2020/url5/"),
    "content/docs/bundle/index.md": ("", "/docs/bundle/"),
    "content/docs/sluggy/index.md": ("slug: The Slug", "/docs/the-slug/"),
    "content/docs/deep/no_index/page.md": ("", "/docs/deep/no_index/page/"),
    "content/posts/2021-02-03-Hello World.md": ("title: hi there", "/2021/02/hello-world/"),
    "content/posts/b/index.md": ('title: B & C, the "Story"\ndate: 2022-05-06T01:02:03-07:00', "/2022/05/b-c-the-story/"),  # noqa: E501
    "content/news/2020/x/_index.md": ("", "/news/2020/x/"),
    "content/news/2020/x/item.md": ("", "/2020/x/item/"),
    "content/news/2020/y/item.md": ("", "/item/"),
    "content/essays/one.md": ('title: "L\'été: où ça?"', "/e/lété-où-ça/"),
    "content/essays/_index.md": ("", "/all-essays/"),
    "content/日本/お茶.md": ("", "/日本/お茶/"),
    "content/top.md": ("Title: x\nSlug: Upper", "/upper/"),
    "content/html/page.html": ("title: x", "/html/page/"),
    "content/tags/Foo Bar/_index.md": ("", "/tags/foo-bar/"),
    "content/dot.dir/x.y.md": ("", "/dot.dir/x.y/"),
    "content/a_b/c~d@e.md": ("", "/a_b/c~d@e/"),
}  # fmt: skip


def test_pages_are_where_hugo_puts_them(site):
    site.write({path: f"---\n{fields or 'title: d'}\n---\n\nx\n" for path, (fields, _) in PAGES.items()})
    site.write({"hugo.toml": CONFIG, "content/docs/bundle/inside.md": "x", "content/docs/bundle/deep/er.md": "x"})
    assert site.pages(generator="hugo") == {address: path for path, (_, address) in PAGES.items()}


@pytest.mark.parametrize("fields", ["headless: true", "build: {render: never}", "_build:\n  render: false"])
def test_what_hugo_does_not_render_has_no_address(site, fields):
    site.write({"content/a.md": f"---\n{fields}\n---\n"})
    with pytest.raises(NotFound):
        site.find("/a/", generator="hugo")


def test_a_cascade_reaches_the_pages_below(site):
    site.write(
        {
            "content/_index.md": "x",
            "content/s/_index.md": "---\ncascade:\n  build: {render: never}\n---\n",
            "content/s/p.md": "x",
        }
    )
    assert site.pages(generator="hugo") == {"/": "content/_index.md"}


def test_a_draft_is_found_where_nothing_is_published(site, page):
    site.write({"content/a.md": page(draft="true"), "content/b.md": page(draft="true", url="/c/"), "content/c.md": "x"})
    site.write({"content/later.md": page(date="2999-01-01")})
    assert site.find("/a/", generator="hugo") == "content/a.md"
    assert site.find("/c/", generator="hugo") == "content/c.md"
    assert site.pages(generator="hugo") == {"/c/": "content/c.md"}


def test_aliases_lead_to_the_page(site, page):
    site.write({"content/docs/a.md": page(aliases='[/old/, older, ../up, "/caf%C3%A9/"]')})
    for alias in ("/old/", "/docs/older/", "/up", "/caf%C3%A9"):
        assert site.find(alias, generator="hugo") == "content/docs/a.md"


def test_languages_with_folders_of_their_own(site):
    site.write(
        {
            "config/_default/hugo.toml": 'defaultContentLanguage = "de"\ndefaultContentLanguageInSubdir = true',
            "config/_default/languages.de.toml": 'contentDir = "content/de"',
            "config/_default/languages.en.toml": 'contentDir = "content/en"',
            "content/de/tee.md": "x",
            "content/en/tea.md": "x",
            "content/notes.md": "x",
        }
    )
    assert site.pages(generator="hugo") == {"/de/tee/": "content/de/tee.md", "/en/tea/": "content/en/tea.md"}


def test_mounted_content_fills_the_gaps_of_another_language(site):
    mounts = (
        "[[module.mounts]]\nsource = 'content/fr'\ntarget = 'content'\nlang = 'fr'\n"
        "[[module.mounts]]\nsource = 'content/en'\ntarget = 'content'\n"
        "[module.mounts.sites.matrix]\nlanguages = ['en', 'fr']\n"
    )
    config = "[languages.en]\nweight = 1\n[languages.fr]\nweight = 2\n[module]\n" + mounts
    site.write({"hugo.toml": config, "content/fr/a.md": "x", "content/en/a.md": "x", "content/en/b.md": "x"})
    assert site.find("/fr/a/", generator="hugo") == "content/fr/a.md"
    assert site.find("/fr/b/", generator="hugo") == "content/en/b.md"


def test_one_file_at_two_addresses_is_said(site):
    mount = "[[module.mounts]]\nsource = 'content/{}'\ntarget = 'content/{}'\n"
    site.write({"hugo.toml": mount.format("one", "a") + mount.format("one", "b"), "content/one/x.md": "x"})
    with pytest.raises(StepError, match=r"content/one/x.md, has two addresses, /a/x/ and /b/x/") as caught:
        site.find("/b/x/", generator="hugo")
    assert caught.value.code == "ambiguous_address"


def test_a_content_folder_needs_no_configuration_and_the_record_may_state_it(site, page):
    site.write({"posts/Hello You.md": page(date="2024-05-06", title="x")})
    assert site.find("/posts/hello-you/", generator="hugo") == "posts/Hello You.md"
    record = {"permalinks": {"posts": "/:year/:filename"}, "uglyURLs": True}
    assert site.pages(generator="hugo", **record) == {"/2024/hello-you.html": "posts/Hello You.md"}
    assert site.pages(generator="hugo", disablePathToLower=True) == {"/posts/Hello-You/": "posts/Hello You.md"}


def test_front_matter_of_each_form_is_read(site):
    site.write(
        {
            "a.md": '+++\nslug = "one"\n+++\n',
            "b.md": '{"slug": "two"}\n\nText',
            "c.md": "\ufeff---\r\nslug: three\r\n---\r\n",
        }
    )
    assert set(site.pages(generator="hugo")) == {"/one/", "/two/", "/three/"}


def test_the_language_at_the_address_of_the_site_is_the_one_that_counts(site):
    site.write(
        {
            "config/_default/config.toml": 'defaultContentLanguage = "de"\n',
            "config/_default/languages.toml": '[de]\ncontentDir = "content/de"\n[fr]\ncontentDir = "content/fr"\n',
            "config/production/config.toml": "[permalinks]\nblog = '/:slug/'\n",
            "config/production/languages.toml": '[de]\nbaseURL = "https://tee.example/"\n[fr]\nbaseURL = "https://the.example/"\n',
            "content/de/tee.md": "---\ntitle: Tee\n---\n",
            "content/fr/tee.md": "---\ntitle: Thé\n---\n",
            "content/fr/blog/un.md": "---\ntitle: Un\nslug: le-un\n---\n",
        }
    )
    german = {"/tee/": "content/de/tee.md"}
    assert site.pages(generator="hugo", base_url="https://www.tee.example") == german
    french = {"/tee/": "content/fr/tee.md", "/le-un/": "content/fr/blog/un.md"}
    assert site.pages(generator="hugo", base_url="https://the.example/") == french
    assert site.pages(generator="hugo", base_url="https://the.example/", language="de") == german
    assert site.pages(generator="hugo", base_url="http://localhost:1313") == german
