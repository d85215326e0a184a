"""From a URL to the one file, in each way in which the URL may be written."""

from __future__ import annotations

import os
import unicodedata

import pytest

from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.errors import Conflict, NotFound, StepError
from flowbuilder.ports import CmsWrite

NFD = unicodedata.normalize("NFD", "é")


def cms_of(site, **record) -> FilesCms:
    return FilesCms(site.root, base_url="https://my.example", addresses=site.rules(**record))


@pytest.mark.parametrize(
    "url",
    ["https://my.example/docs/a/", "http://my.example/docs/a", "https://www.my.example/docs/a", "https://WWW.MY.EXAMPLE:443/docs/a/",
     "/docs/a", "/docs/a/index.html", "/docs//a/", "/docs/a?utm_source=x#top", "/Docs/A/", "/docs/a.html"],
)  # fmt: skip
def test_one_page_is_written_in_many_ways(site, url):
    site.write({"docs/a.md": "x"})
    assert site.find(url, generator="hugo") == "docs/a.md"


@pytest.mark.parametrize("url", ["https://evil.example/docs/a/", "https://my.example.evil.example/docs/a/", "https://my.example:8443/docs/a/", "ftp://my.example/docs/a/", "https://me@my.example/docs/a/"])  # fmt: skip  # noqa: E501
def test_another_host_is_another_site(site, url):
    site.write({"docs/a.md": "x"})
    with pytest.raises(StepError) as caught:
        site.find(url, generator="hugo")
    assert caught.value.code == "not_this_site"


@pytest.mark.parametrize(
    "url",
    ["/%2e%2e/secret", "/../secret", "/..%2fsecret", "/.hidden", "/a%00b", "/a%5cb", "/" + "a/" * 30, "/" + "a" * 1000,
     "/link", "/out/secret", "/%70age"],
)  # fmt: skip
async def test_no_url_leads_out_of_the_folder(site, url):
    site.write({"page.md": "x", ".hidden.md": "x"})
    (site.root.parent / "secret.md").write_text("secret")
    (site.root / "link.md").symlink_to(site.root.parent / "secret.md")
    (site.root / "out").symlink_to(site.root.parent)
    cms = cms_of(site, generator="hugo")
    for call in (cms.read(url), cms.update(CmsWrite(url=url, body="x"))):
        with pytest.raises((StepError, NotFound)):
            await call
    assert (site.root.parent / "secret.md").read_text() == "secret"


@pytest.mark.parametrize(
    "name",
    [
        "é",
        NFD,
        "日本語",
        "a'b",
        'a"b',
        "a,b",
        "[a] (b)",
        "a b",
        "100%",
        "a#b",
        "a?b",
        "a%41b",
        "a&b=c",
        "emoji 🍵",
        "ß",
        "İ",
    ],
)
def test_any_name_has_an_address(site, name):
    from urllib.parse import quote

    site.write({f"{name}.md": "x"})
    spelled = [name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)]
    for one in spelled:
        assert site.find("/" + quote(one) + "/", generator="zola", slugify_paths="off") == f"{name}.md"


@pytest.mark.parametrize(
    "names", [("é.md", f"{NFD}.md"), ("ab.md", "a\u200bb.md"), ("a b.md", "a\u00a0b.md"), ("a.md", "a/index.md")]
)
def test_two_files_that_a_person_cannot_tell_apart_are_said(site, names):
    site.write(dict.fromkeys(names, "x"))
    with pytest.raises(StepError) as caught:
        site.find("/" + names[0].removesuffix(".md") + "/", generator="zola", slugify_paths="off")
    assert caught.value.code == "ambiguous_address"
    assert all(name in caught.value.message for name in names)


def test_a_page_and_a_folder_of_one_name_need_the_whole_address(site):
    site.write({"a.html": "x", "a/index.html": "x"})
    assert site.find("/a.html", generator="html") == "a.html"
    assert site.find("/a/", generator="html") == "a/index.html"
    with pytest.raises(StepError, match=r"may be a.html or a/index.html"):
        site.find("/a", generator="html")


def test_upper_and_lower_case_tell_pages_apart_where_both_are_there(site):
    site.write({"Tea.html": "x", "tea.html": "x"})
    assert site.find("/Tea", generator="html") == "Tea.html"
    assert site.find("/tea.html", generator="html") == "tea.html"
    with pytest.raises(NotFound):
        site.find("/TEA", generator="html")


async def test_a_change_of_a_file_is_seen_at_once(site, page):
    cms = cms_of(site, generator="hugo")
    site.write({"a.md": page(slug="one")})
    assert (await cms.read("/one/")).body == "Text.\n"
    for slug in ("two", "six", "ten"):
        site.write({"a.md": page(slug=slug)})
        assert (await cms.read(f"/{slug}/")).url == f"/{slug}/"
    (site.root / "a.md").unlink()
    with pytest.raises(NotFound):
        await cms.read("/ten/")


async def test_a_page_is_changed_where_its_permalink_says(site, page):
    site.write({"_posts/2020-01-02-tea.md": page(title="Tea", permalink="/green/")})
    after = await cms_of(site, generator="jekyll").update(CmsWrite(url="https://my.example/green/", body="New.\n"))
    assert (after.body, after.live_url) == ("New.\n", "https://my.example/green/")
    assert (site.root / "_posts/2020-01-02-tea.md").read_text() == page(title="Tea", permalink="/green/").replace(
        "Text", "New"
    )


async def test_a_title_that_would_move_the_page_is_refused(site, page):
    site.write({"hugo.toml": "[permalinks]\nposts = '/:title/'\n", "content/posts/a.md": page(title="Tea")})
    before = (site.root / "content/posts/a.md").read_bytes()
    cms = cms_of(site, generator="hugo")
    with pytest.raises(StepError, match="would move the page /tea/, to /green-tea/") as caught:
        await cms.update(CmsWrite(url="/tea/", title="Green tea"))
    assert caught.value.code == "moves_page"
    assert (site.root / "content/posts/a.md").read_bytes() == before
    assert (await cms.update(CmsWrite(url="/tea/", title="TEA"))).title == "TEA"


@pytest.mark.parametrize(
    ("generator", "files", "url", "made"),
    [
        ("hugo", ["content/docs/a.md"], "/docs/new-one/", "content/docs/new-one.md"),
        ("hugo", ["content/docs/a/index.md"], "/docs/new-one/", "content/docs/new-one/index.md"),
        ("hugo", ["content/docs/a.fr.md", "hugo.toml"], "/fr/docs/b/", "content/docs/b.fr.md"),
        ("hugo", ["content/docs/a.md"], "/docs/", "content/docs/_index.md"),
        ("mkdocs", ["docs/index.md"], "/guide/x/", "docs/guide/x.md"),
        ("docusaurus", ["docs/a.md", "docusaurus.config.js"], "/docs/b", "docs/b.md"),
        ("docusaurus", ["blog/2020-01-02-a.md", "docusaurus.config.js"], "/blog/2024/05/06/b", "blog/2024-05-06-b.md"),
        ("vitepress", ["guide/a.md"], "/guide/b.html", "guide/b.md"),
        ("jekyll", ["_posts/2020-01-02-a.md"], "/2024/05/06/new.html", "_posts/2024-05-06-new.md"),
        ("html", ["a.html"], "/b.html", "b.html"),
    ],
)
async def test_a_new_page_goes_where_the_generator_looks_for_it(site, generator, files, url, made):
    text = {
        "hugo.toml": "[languages.en]\nweight = 1\n[languages.fr]\nweight = 2\n",
        "docusaurus.config.js": "module.exports = {}",
    }
    site.write({file: text.get(file, "---\ntitle: x\n---\n") for file in files})
    cms = cms_of(site, generator=generator)
    title = None if generator == "html" else "New"
    write = CmsWrite(url=url, title=title, body="Body.\n")
    page = await cms.create(write)
    assert (site.root / made).is_file()
    assert (page.body, await cms.create(write)) == ("Body.\n", page)
    with pytest.raises(Conflict):
        await cms.create(CmsWrite(url=url, title=title, body="Other.\n"))


@pytest.mark.parametrize(
    ("files", "url"),
    [
        ({"content/docs/a.md": "x"}, "/docs/UPPER/"),
        (
            {
                "hugo.toml": "[permalinks]\nposts = '/:year/:slug/'\n",
                "content/posts/a.md": "---\ndate: 2020-01-01\n---\n",
            },
            "/posts/b/",
        ),
    ],
)
async def test_a_new_page_that_would_be_elsewhere_is_refused(site, files, url):
    site.write(files)
    before = sorted(os.walk(site.root))
    with pytest.raises(StepError) as caught:
        await cms_of(site, generator="hugo").create(CmsWrite(url=url, title="T", body="x"))
    assert caught.value.code == "bad_url"
    assert sorted(os.walk(site.root)) == before


def test_front_matter_that_cannot_be_read_is_named_where_a_page_is_missing(site):
    site.write({"a.md": "---\nslug: [\n---\n"})
    with pytest.raises(NotFound, match=r"a.md has front matter that cannot be read"):
        site.find("/b/", generator="hugo")


async def test_a_heading_that_would_move_a_post_is_refused(site):
    site.write(
        {"mkdocs.yml": "plugins: [blog]\n", "docs/blog/posts/a.md": "---\ndate: 2024-01-31\n---\n\n# Green tea\n"}
    )
    cms = cms_of(site, generator="mkdocs")
    with pytest.raises(StepError, match="to /blog/2024/01/31/black-tea/"):
        await cms.update(CmsWrite(url="/blog/2024/01/31/green-tea/", body="# Black tea\n"))
    assert (await cms.update(CmsWrite(url="/blog/2024/01/31/green-tea/", body="# Green tea\n\nMore.\n"))).body.endswith(
        "More.\n"
    )


def test_a_query_is_no_part_of_a_name(site, page):
    site.write({"content/a?b=c.md": "x", "content/a.md": "x"})
    assert site.find("/a?b=c", generator="hugo") == "content/a.md"
    assert site.find("/abc/", generator="hugo") == "content/a?b=c.md"
    site.write({"old.md": page(permalink="/?page_id=7")})
    assert site.find("/?page_id=7", generator="jekyll") == "old.md"
    with pytest.raises(NotFound):
        site.find("/?page_id=8", generator="jekyll")
