"""Addresses that a site states as patterns, alone or beside a generator."""

from __future__ import annotations

import pytest

from flowbuilder.adapters.cms.addresses import open_addresses
from flowbuilder.errors import ConfigurationError


def test_patterns_say_where_files_are(site, page):
    site.write(
        {
            "_posts/2020-01-02-tea.md": "x",
            "notes/a/b/c.mdx": "x",
            "notes/index.mdx": "x",
            "src/x.md": page(slug="/own/x"),
            "src/y.md": "x",
        }
    )
    patterns = [
        {"files": "_posts/{date}-{slug}.md", "url": "/blog/{year}/{slug}/"},
        {"files": "notes/{*path}.mdx", "url": "/n/{path}"},
        {"files": "src/{name}.md", "url": "{page.slug}".join(["/", ""])},
    ]
    assert site.pages(addresses=patterns) == {
        "/blog/2020/tea/": "_posts/2020-01-02-tea.md",
        "/n/a/b/c": "notes/a/b/c.mdx",
        "/n/": "notes/index.mdx",
        "/own/x": "src/x.md",
    }


def test_a_pattern_stands_before_the_rules_of_the_generator(site):
    site.write({"content/docs/a.md": "x", "content/blog/b.md": "x"})
    patterns = [{"files": "content/blog/{slug}.md", "url": "/news/{slug}.html"}]
    assert site.pages(generator="hugo", addresses=patterns) == {
        "/news/b.html": "content/blog/b.md",
        "/docs/a/": "content/docs/a.md",
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"files": "a.md"}, "needs files and url"),
        ({"files": "{a}.md", "url": "x/{a}"}, "needs files and url"),
        ({"files": "{a}.md", "url": "/{b}"}, "{b} is not in {a}.md"),
        ({"files": "{a}/{a}.md", "url": "/{a}"}, "each placeholder once"),
        ({"files": "{*a}/{*b}.md", "url": "/{a}"}, "one with"),
        ({"files": "{a}{b}.md", "url": "/{a}"}, "a text between"),
        ({"files": "{a}-{b}-{c}-{d}.md", "url": "/{a}"}, "a text between"),
    ],
)
def test_a_wrong_pattern_is_explained(entry, message):
    with pytest.raises(ConfigurationError, match=message.replace("{", r"\{").replace("}", r"\}")):
        open_addresses({"addresses": [entry]})


def test_a_generator_that_is_not_known_is_named():
    with pytest.raises(ConfigurationError, match="generator 'hug' is not known; use one of hugo, jekyll"):
        open_addresses({"generator": "hug"}, "my.example")
