"""Jekyll's rules. The expected addresses are those that Jekyll itself gives these files."""

from __future__ import annotations

import pytest

CONFIG = """
permalink: /blog/:categories/:year/:i_month/:title/
collections:
  docs:
    output: true
    permalink: /manual/:path/
  hidden:
    output: false
  recipes:
    output: true
defaults:
  - scope: {path: dir}
    values: {permalink: /d/:basename/}
  - scope: {path: '', type: recipes}
    values: {category: x}
exclude: [skipped]
plugins: [jekyll-redirect-from]
"""
PAGES = {
    "index.md": ("", "/"),
    "about.md": ("", "/about/"),
    "dir/Über Uns.md": ("", "/d/Über Uns/"),
    "page.html": ("", "/page/"),
    "own.md": ("permalink: /own", "/own"),
    "caf.md": ("permalink: /caf%C3%A9/", "/café/"),
    "_posts/2020-01-02-Hello World's, (1).md": ("categories: [News Items, b]", "/blog/news items/b/2020/1/Hello-World's,-(1)/"),  # noqa: E501
    "_posts/2020-01-03-slug.markdown": ("slug: Other Slug\ndate: 2021-05-06 23:30:00 -0500", "/blog/2021/5/Other-Slug/"),  # noqa: E501
    "cat/_posts/2020-02-02-in.md": ("", "/blog/cat/2020/2/in/"),
    "_posts/2020-04-04-perm.md": ("permalink: /p/:slug.html", "/p/perm.html"),
    "_posts/2020-05-05-日本.md": ("", "/blog/2020/5/日本/"),
    "_docs/sub/a b.md": ("", "/manual/sub/a b/"),
    "_docs/index.md": ("", "/manual/index/"),
    "_recipes/tea.md": ("", "/recipes/tea/"),
    "README.md": ("", "/README/"),
    "x.y.md": ("", "/x.y/"),
}  # fmt: skip
NONE = ["_posts/notadate.md", "_hidden/x.md", "skipped/a.md", "_other/x.md", ".dot/x.md", "_posts/_x/2020-01-01-a.md"]


def test_pages_are_where_jekyll_puts_them(site):
    site.write({path: f"---\n{fields}\n---\n" for path, (fields, _) in PAGES.items()})
    site.write(dict.fromkeys(NONE, "---\n---\n"))
    site.write({"_config.yml": CONFIG, "plain.md": "no front matter", "static.html": "<p>"})
    found = {address: path for path, (_, address) in PAGES.items()}
    assert site.pages(generator="jekyll") == {**found, "/static.html": "static.html"}


@pytest.mark.parametrize(
    ("style", "post", "page"),
    [
        ("date", "/a/2020/01/02/x.html", "/p.html"),
        ("pretty", "/a/2020/01/02/x/", "/p/"),
        ("ordinal", "/a/2020/002/x.html", "/p.html"),
        ("weekdate", "/a/2020/W01/Thu/x.html", "/p"),
        ("none", "/a/x.html", "/p.html"),
        ("/:title", "/x", "/p"),
        ("/:year-:month_:day/:slug:output_ext", "/2020-01_02/x.html", "/p.html"),
    ],
)
def test_styles_of_permalinks(site, style, post, page):
    site.write(
        {
            "_config.yml": f"permalink: {style}\n",
            "_posts/2020-01-02-x.md": "---\ncategory: A\n---\n",
            "p.md": "---\n---\n",
        }
    )
    assert site.pages(generator="jekyll") == {post: "_posts/2020-01-02-x.md", page: "p.md"}


def test_on_github_pages_a_readme_is_the_index(site):
    site.write(
        {"_config.yml": "", "Gemfile": 'gem "github-pages"', "README.md": "# x", "docs/readme.md": "x", "a.md": "x"}
    )
    for url, file in (("/", "README.md"), ("/docs/", "docs/readme.md"), ("/a.html", "a.md")):
        assert site.find(url, generator="jekyll") == file


def test_what_is_not_published_is_found_last(site):
    site.write(
        {
            "_posts/2999-01-01-later.md": "---\n---\n",
            "_drafts/idea.md": "---\ndate: 2020-01-01\n---\n",
            "_posts/2020-01-01-off.md": "---\npublished: false\n---\n",
        }
    )
    assert site.pages(generator="jekyll", permalink="/:title/") == {}
    assert site.find("/idea/", generator="jekyll", permalink="/:title/") == "_drafts/idea.md"


def test_a_date_with_a_time_is_told_in_the_zone_of_the_site(site):
    site.write({"_posts/2013-05-06-a.md": "---\ndate: 2013-05-06 02:12:52 +0200\n---\n"})
    record = {"permalink": "/:year/:month/:day/:title/", "timezone": "America/Los_Angeles"}
    assert site.pages(generator="jekyll", **record) == {"/2013/05/05/a/": "_posts/2013-05-06-a.md"}


def test_redirects_lead_to_the_page(site):
    site.write({"a.md": "---\nredirect_from:\n  - /was/\n  - https://my.example/before\n---\n"})
    assert site.find("/was", generator="jekyll") == site.find("/before/", generator="jekyll") == "a.md"


def test_a_folder_of_posts_alone(site):
    site.write({"2020-01-02-hi.md": "---\n---\n", "2020-02-03-ho.markdown": "---\nslug: hey\n---\n"})
    expected = {"/2020/01/02/hi.html": "2020-01-02-hi.md", "/2020/02/03/hey.html": "2020-02-03-ho.markdown"}
    assert site.pages(generator="jekyll") == expected


def test_a_text_file_with_front_matter_is_a_page(site):
    site.write(
        {
            "_config.yml": "collections:\n  licenses:\n    output: true\n    permalink: /licenses/:path/\n",
            "_licenses/mit.txt": "---\ntitle: MIT\n---\n\nText",
            "_licenses/copied.txt": "No front matter",
            "humans.txt": "---\nlayout: null\n---\n",
            "robots.txt": "User-agent: *",
        }
    )
    assert site.pages(generator="jekyll") == {"/licenses/mit/": "_licenses/mit.txt", "/humans.txt": "humans.txt"}
