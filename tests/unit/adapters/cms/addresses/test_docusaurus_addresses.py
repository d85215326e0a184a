"""Docusaurus' rules. The expected addresses are those that its own plugins give these files."""

from __future__ import annotations

import pytest

from flowbuilder.errors import NotFound, StepError

CONFIG = """
// @ts-check
import {themes} from 'prism-react-renderer';
const config = {
  title: `Tea`, i18n: {defaultLocale: 'en', locales: ['en', 'fr']},
  presets: [
    ['classic', /** @type {import('x').Options} */ ({docs: {sidebarPath: require.resolve('./s.js')}, blog: {}})],
  ],
};
export default config;
"""
PAGES = {
    "docs/intro.md": ("slug: /", "/docs"),
    "docs/01-start/02-install.md": ("", "/docs/start/install"),
    "docs/01-start/README.md": ("", "/docs/start"),
    "docs/01-start/03.5-point.md": ("", "/docs/start/03.5-point"),
    "docs/2021-07-release.md": ("", "/docs/2021-07-release"),
    "docs/1 - one.md": ("", "/docs/one"),
    "docs/Über Uns.md": ("", "/docs/Über Uns"),
    "docs/guide/guide.md": ("", "/docs/guide"),
    "docs/guide/x.mdx": ("id: other", "/docs/guide/other"),
    "docs/guide/rel.md": ("slug: some/where", "/docs/guide/some/where"),
    "docs/guide/up.md": ("slug: ../up", "/docs/up"),
    "docs/guide/slash.md": ("slug: trail/", "/docs/guide/trail"),
    "docs/unl.md": ("unlisted: true", "/docs/unl"),
    "blog/2020-01-02-hi.md": ("", "/blog/2020/01/02/hi"),
    "blog/2020/05/06/deep.md": ("", "/blog/2020/05/06/deep"),
    "blog/2021-01-01-folder/index.md": ("", "/blog/2021/01/01/folder"),
    "blog/2021-01-01-folder/2022-02-02-in.mdx": ("", "/blog/2022/02/02/2021-01-01-folder/in"),
    "blog/2023-3-4-short.md": ("slug: /abs/x", "/blog/abs/x"),
    "blog/slugged.md": ("slug: my-slug", "/blog/my-slug"),
    "blog/plain.md": ("date: 2020-01-03", "/blog/plain"),
    "src/pages/index.js": (None, "/"),
    "src/pages/sub/index.mdx": ("", "/sub"),
    "src/pages/sub/a.md": ("", "/sub/a"),
    "src/pages/s.md": ("slug: zz", "/zz"),
    "i18n/fr/docusaurus-plugin-content-docs/current/01-start/02-install.md": ("slug: installer", "/fr/docs/start/installer"),  # noqa: E501
}  # fmt: skip
NONE = ["docs/guide/_hidden.md", "docs/_part/x.md", "src/pages/_x/y.js", "src/pages/a.test.js", "src/pages/t.d.ts"]


@pytest.mark.parametrize("start", ["", "website/"])
def test_pages_are_where_docusaurus_puts_them(site, start):
    text = {path: "x" if fields is None else f"---\n{fields}\n---\n\nx" for path, (fields, _) in PAGES.items()}
    site.write({start + path: one for path, one in {**text, **dict.fromkeys(NONE, "x")}.items()})
    site.write({start + "docusaurus.config.js": CONFIG})
    assert site.pages(generator="docusaurus") == {address: start + path for path, (_, address) in PAGES.items()}
    assert site.find("/fr/docs/guide/other", generator="docusaurus") == start + "docs/guide/x.mdx"
    assert site.find("/docs/start/install/", generator="docusaurus") == start + "docs/01-start/02-install.md"


def test_a_configuration_in_brackets_is_read(site):
    site.write(
        {
            "docusaurus.config.js": "/** @type {Config} */\n(module.exports = {presets: [['classic', ({blog: false})]],"
            " plugins: [['@docusaurus/plugin-content-docs', {id: 'tea', path: 'tea', routeBasePath: 'tea'}]]});"
        }
    )
    site.write({"docs/a.md": "x", "tea/b.md": "x", "blog/c.md": "x"})
    assert site.pages(generator="docusaurus") == {"/docs/a": "docs/a.md", "/tea/b": "tea/b.md"}


def test_a_page_at_the_address_of_a_language_is_written_over_by_it(site):
    site.write({"docusaurus.config.js": CONFIG, "src/pages/a.md": "x", "src/pages/fr/a.md": "x"})
    assert site.find("/fr/a", generator="docusaurus") == "src/pages/a.md"
    assert site.find("/fr/fr/a", generator="docusaurus") == "src/pages/fr/a.md"


def test_the_newest_version_is_at_the_top(site):
    files = ["docs/a.md", "versioned_docs/version-2.0/a.md", "versioned_docs/version-1.0/a.md"]
    site.write({**dict.fromkeys(files, "x"), "versions.json": '["2.0", "1.0"]', "docusaurus.config.js": CONFIG})
    assert site.pages(generator="docusaurus") == {
        "/docs/next/a": files[0],
        "/docs/a": files[1],
        "/docs/1.0/a": files[2],
    }
    record = {"docs": {"lastVersion": "current", "versions": {"1.0": {"path": "old"}}}}
    assert site.pages(generator="docusaurus", **record) == {
        "/docs/a": files[0],
        "/docs/2.0/a": files[1],
        "/docs/old/a": files[2],
    }


def test_further_plugins_have_their_own_folder_and_route(site):
    plugin = "[['@docusaurus/plugin-content-docs', {id: 'api', path: '../api', routeBasePath: '/reference/', numberPrefixParser: false}]]"  # noqa: E501
    site.write({"website/docusaurus.config.ts": f"export default {{plugins: {plugin}, presets: []}} satisfies Config;"})
    site.write({"api/01-x.md": "x", "api/y.md": "---\ndraft: true\n---\n"})
    assert site.pages(generator="docusaurus") == {"/reference/01-x": "api/01-x.md"}
    assert site.find("/reference/y", generator="docusaurus") == "api/y.md"


def test_what_the_configuration_computes_is_not_guessed(site):
    site.write({"docusaurus.config.js": "module.exports = {presets: [['classic', {docs: {routeBasePath: base()}}]]};"})
    site.write({"docs/a.md": "x", "blog/b.md": "x"})
    with pytest.raises(NotFound, match="computes routeBasePath of docs"):
        site.find("/docs/a", generator="docusaurus")
    assert site.pages(generator="docusaurus") == {"/blog/b": "blog/b.md"}
    record = {"docs": {"routeBasePath": "/"}}
    assert site.find("/a", generator="docusaurus", **record) == "docs/a.md"


def test_two_documents_at_one_address_are_said(site):
    site.write({"docs/01-a.md": "x", "docs/02-a.md": "x", "docusaurus.config.js": CONFIG})
    with pytest.raises(StepError, match=r"may be docs/01-a.md or docs/02-a.md") as caught:
        site.find("/docs/a", generator="docusaurus")
    assert caught.value.code == "ambiguous_address"


def test_a_folder_of_documents_or_of_posts_alone(site):
    site.write({"2020-01-02-hi.md": "x", "2020-02-03-ho/index.md": "x"})
    assert site.pages(generator="docusaurus") == {
        "/2020/01/02/hi": "2020-01-02-hi.md",
        "/2020/02/03/ho": "2020-02-03-ho/index.md",
    }
    site.write(dict.fromkeys(["01-a.md", "b/README.md", "c.mdx"], "x"))
    assert {"/a", "/b", "/c"} <= set(site.pages(generator="docusaurus"))
