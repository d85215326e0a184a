"""The rules of Eleventy, Hexo, MkDocs, VitePress, Astro, Zola, Next.js and of HTML files."""

from __future__ import annotations

import pytest

from flowbuilder.errors import NotFound


def test_eleventy(site, page):
    found = {
        "2020-01-02-dir/index.md": ("x", "/2020-01-02-dir/"),
        "blog/blog.md": ("x", "/blog/"),
        "posts/2020-01-02-hello.md": ("x", "/p/hello/"),
        "posts/own.md": (page(permalink="/own.html"), "/own.html"),
        "sub/2021-02-03-named.md": ("x", "/sub/2021-02-03-named/"),
        "sub/Ünï cödé.md": ("x", "/sub/Ünï cödé/"),
        "sub/a,b [c].md": ("x", "/sub/a,b [c]/"),
        "sub/lay.md": (page(layout="layouts/l.njk", title="My Title"), "/l/my-title/"),
        "sub/stem.md": (page(permalink='"/x{{ page.filePathStem }}/"'), "/x/sub/stem/"),
        "sub/idx.md": (page(permalink="/y/index.html"), "/y/"),
        "sub/slug.md": (page(permalink='"/s/{{ title | slugify }}/"', title='"Über Café & Co: 1.5"'), "/s/ueber-cafe-and-co-1-5/"),  # noqa: E501
        "sub/dated.md": (page(permalink="\"/d/{{ page.date | date: '%Y/%m' }}/x/\"", date="2020-03-04"), "/d/2020/03/x/"),  # noqa: E501
        "sub/json.md": ('---json\n{"permalink": "/jj/"}\n---\nx', "/jj/"),
    }  # fmt: skip
    site.write({path: text for path, (text, _) in found.items()})
    site.write(
        {"posts/posts.json": '{"permalink": "/p/{{ page.fileSlug }}/"}', "posts/off.md": page(permalink="false")}
    )
    site.write({"_includes/layouts/l.njk": '---\npermalink: "/l/{{ title | slugify }}/"\n---\n{{ content }}'})
    site.write(
        {
            "sub/computed.md": page(permalink='"/{% if a %}x{% endif %}/"'),
            "node_modules/a.md": "x",
            ".eleventyignore": "drafts/",
            "drafts/a.md": "x",
        }
    )
    assert site.pages(generator="eleventy") == {address: path for path, (_, address) in found.items()}


def test_eleventy_with_an_input_folder(site):
    site.write(
        {
            "eleventy.config.js": "export default async function (c) { c.setInputDirectory('src'); }",
            "src/a.md": "x",
            "b.md": "x",
        }
    )
    assert site.pages(generator="eleventy") == {"/a/": "src/a.md"}
    site.write({"eleventy.config.js": "module.exports = function (c) { return { dir: { input: 'src' } } }"})
    assert site.pages(generator="eleventy") == {"/a/": "src/a.md"}


def test_hexo(site, page):
    config = "permalink: news/:year/:month/:day/:title/\nnew_post_name: :year-:month-:day-:title.md\npost_asset_folder: true\nskip_render: ['raw/**']\n"  # noqa: E501
    site.write({"_config.yml": config})
    found = {
        "source/_posts/2020-01-02-hello.md": ("title: x\n---\n\nx", "/news/2020/01/02/hello/"),
        "source/_posts/2020-01-03-Ünï cödé.md": (page(date="2021-05-06 10:00:00"), "/news/2021/05/06/Ünï cödé/"),
        "source/_posts/2020-01-04-own.md": (page(permalink="/some/where"), "/some/where/"),
        "source/index.md": (page(title="x"), "/"),
        "source/docs/index.md": (page(title="x"), "/docs/"),
        "source/docs/a.md": (page(title="x"), "/docs/a.html"),
        "source/zh-cn/b.md": (page(permalink="c/"), "/c/"),
    }
    site.write({path: text for path, (text, _) in found.items()})
    site.write(dict.fromkeys(["source/raw/x.html", "source/_data/y.md", "source/_posts/_z.md", "themes/t.md"], "x"))
    assert site.pages(generator="hexo") == {address: path for path, (_, address) in found.items()}


@pytest.mark.parametrize(
    ("permalink", "address"),
    [
        (":category/:title/", "/Green-Tea/Sub/sub/a-b/"),
        (":post_title.html", "/what-a-day-cafe.html"),
        (":year/:i_month/:i_day/:name/", "/2024/2/3/a-b/"),
        (":lang/:title/", "/de/sub/a-b/"),
    ],
)
def test_permalinks_of_hexo(site, page, permalink, address):
    fields = {"title": '"What a day: café"', "date": "2024-02-03", "categories": "[Green Tea, Sub]", "lang": "de"}
    site.write({"source/_posts/sub/a-b.md": page(**fields)})
    assert site.pages(generator="hexo", permalink=permalink) == {address: "source/_posts/sub/a-b.md"}


def test_a_post_of_hexo_without_a_date_has_no_address_of_a_date(site):
    site.write({"source/_posts/a.md": "---\ntitle: x\n---\n"})
    assert site.pages(generator="hexo") == {}
    assert site.pages(generator="hexo", permalink="p/:title/") == {"/p/a/": "source/_posts/a.md"}


def test_mkdocs(site):
    plugins = "plugins:\n  - blog:\n      post_url_format: '{date}/{slug}'\n  - redirects:\n      redirect_maps:\n        old.md: a/b.md\n"  # noqa: E501
    site.write(
        {
            "mkdocs.yml": "site_name: x\nmarkdown_extensions:\n  - x: !!python/name:y.z\nexclude_docs: |\n  drafts/\n  *.tmp.md\n"  # noqa: E501
            + plugins
        }
    )
    found = {
        "docs/index.md": ("x", "/"),
        "docs/a/README.md": ("x", "/a/"),
        "docs/a/b.md": ("x", "/a/b/"),
        "docs/both/index.md": ("x", "/both/"),
        "docs/Ü b,c.md": ("x", "/Ü b,c/"),
        "docs/blog/index.md": ("x", "/blog/"),
        "docs/blog/posts/one.md": ("---\ndate: 2024-01-31\n---\n# Ünï & Co: it's\nx", "/blog/2024/01/31/ünï--co-its/"),
        "docs/blog/posts/two.md": ("---\ndate:\n  created: 2024-02-01\nslug: my-slug\n---\n# T\n", "/blog/2024/02/01/my-slug/"),  # noqa: E501
        "docs/blog/posts/sub/three.md": ("---\ndate: 2023-03-03\ntitle: From Title\n---\nx", "/blog/2023/03/03/from-title/"),  # noqa: E501
    }  # fmt: skip
    site.write({path: text for path, (text, _) in found.items()})
    site.write(dict.fromkeys(["docs/both/README.md", "docs/drafts/x.md", "docs/q.tmp.md", "docs/.x/y.md"], "x"))
    assert site.pages(generator="mkdocs") == {address: path for path, (_, address) in found.items()}
    assert site.find("/old/", generator="mkdocs") == "docs/a/b.md"
    assert "/a/b.html" in site.pages(generator="mkdocs", use_directory_urls=False)


@pytest.mark.parametrize(("structure", "files"), [("suffix", ["a.md", "a.fr.md"]), ("folder", ["en/a.md", "fr/a.md"])])
def test_languages_of_mkdocs(site, structure, files):
    languages = "[{locale: en, default: true}, {locale: fr}]"
    site.write(
        {"mkdocs.yml": f"plugins:\n  - i18n:\n      docs_structure: {structure}\n      languages: {languages}\n"}
    )
    site.write({f"docs/{file}": "x" for file in files})
    assert site.pages(generator="mkdocs") == {"/a/": f"docs/{files[0]}", "/fr/a/": f"docs/{files[1]}"}


def test_vitepress(site):
    config = "export default defineConfigWithTheme<T>({srcDir: 'src', srcExclude: ['x/**/*.md'], rewrites: {'en/:rest*': ':rest*'}})"  # noqa: E501
    site.write({"docs/.vitepress/config.ts": "const base = 1\n" + config})
    files = ["index.md", "en/index.md", "en/guide/a.md", "de/b.md", "README.md", "x/y/z.md", "p/[id].md"]
    site.write({f"docs/src/{file}": "x" for file in files if file != "index.md"})
    expected = {
        "/": "en/index.md",
        "/guide/a.html": "en/guide/a.md",
        "/de/b.html": "de/b.md",
        "/README.html": "README.md",
    }
    assert site.pages(generator="vitepress") == {address: f"docs/src/{file}" for address, file in expected.items()}
    assert site.find("/guide/a", generator="vitepress") == "docs/src/en/guide/a.md"
    assert "/guide/a" in site.pages(generator="vitepress", cleanUrls=True)
    site.write({"docs/.vitepress/config.ts": "export default {srcDir: 'src', rewrites: (path) => path.slice(3)}"})
    with pytest.raises(NotFound, match="computes rewrites"):
        site.find("/guide/a", generator="vitepress")


def test_starlight(site, page):
    config = "export default defineConfig({integrations: [starlight({locales: {root: {lang: 'en'}, 'pt-br': {}}})]})"
    site.write({"astro.config.mjs": config})
    docs = {
        "index.mdx": ("x", "/"),
        "Guides/Hello, World! v1.5.md": ("x", "/guides/hello-world-v15/"),
        "guides/index.md": ("x", "/guides/"),
        "own.md": (page(slug="some/Where"), "/some/Where/"),
        "pt-br/own.md": ("x", "/pt-br/own/"),
    }
    site.write({f"src/content/docs/{path}": text for path, (text, _) in docs.items()})
    site.write({"src/content/docs/_part.md": "x", "src/pages/about.astro": "x", "src/pages/[x].astro": "x"})
    expected = {address: f"src/content/docs/{path}" for path, (_, address) in docs.items()}
    assert site.pages(generator="astro") == {**expected, "/about/": "src/pages/about.astro"}
    assert site.find("/pt-br/guides/", generator="astro") == "src/content/docs/guides/index.md"


def test_collections_of_astro(site, page):
    site.write(
        {"astro.config.mjs": "export default {}", "src/pages/posts/[...slug].astro": "await getCollection('blog')"}
    )
    site.write({"src/content/blog/2024/First One.md": "x", "src/content/blog/b.md": page(slug="bee", draft="true")})
    assert site.pages(generator="astro") == {"/posts/2024/first-one/": "src/content/blog/2024/First One.md"}
    assert site.find("/posts/bee/", generator="astro") == "src/content/blog/b.md"
    record = {"collections": {"blog": "/{slug}.html"}}
    assert "/2024/first-one.html" in site.pages(generator="astro", **record)


def test_collections_of_astro_that_a_loader_reads_elsewhere(site):
    config = """
        export const BLOG_PATH = "src/data/blog"
        const posts = defineCollection({loader: glob({pattern: "**/[^_]*.md", base: `./${BLOG_PATH}`}), schema: s})
        const note = defineCollection({type: "content", schema: s})
        export const collections = {
            blog: posts,
            note,
            "case-studies": defineCollection({loader: glob({ base: './cases', pattern: '*.md' })}),
        }
    """
    site.write({"astro.config.mjs": "export default {}", "src/content.config.ts": config})
    site.write({"src/pages/[...slug].astro": "---\nconst a: string = b\nawait getCollection('blog')\n---\n"})
    found = {"src/data/blog/一.md": "/一/", "src/content/note/n.md": "/n/n/", "cases/A b.md": "/cases/a-b/"}
    site.write({**dict.fromkeys(found, "x"), "src/content/blog/old.md": "x"})
    collections = {"blog": "/{slug}/", "note": "/n/{slug}/", "case-studies": "/cases/{slug}/"}
    assert site.pages(generator="astro", collections=collections) == {url: file for file, url in found.items()}
    assert site.pages(generator="astro") == {"/一/": "src/data/blog/一.md"}
    assert not site.index(generator="astro").problems


def test_zola(site):
    site.write({"config.toml": 'base_url = "x"\n[languages.fr]\n'})
    found = {
        "_index.md": ("", "/"),
        "blog/_index.md": ("", "/blog/"),
        "blog/2018-10-10-hello world.md": ("", "/blog/hello-world/"),
        "blog/Über café.md": ("", "/blog/uber-cafe/"),
        "blog/own.md": ('slug = "My Slug"', "/blog/my-slug/"),
        "blog/abs.md": ('path = "some/Where"', "/some/Where/"),
        "blog/dir/index.md": ("", "/blog/dir/"),
        "blog/a.fr.md": ("", "/fr/blog/a/"),
        "_index.fr.md": ("", "/fr/"),
    }
    site.write({f"content/{path}": f"+++\n{fields}\n+++\nx" for path, (fields, _) in found.items()})
    site.write({"content/blog/d.md": "+++\ndraft = true\naliases = ['old/d']\n+++\n"})
    assert site.pages(generator="zola") == {address: f"content/{path}" for path, (_, address) in found.items()}
    assert site.find("/old/d", generator="zola") == "content/blog/d.md"
    assert "/blog/Über café/" in site.pages(generator="zola", slugify_paths="off")


def test_next(site, page):
    files = [
        "src/content/learn/index.md",
        "src/pages/index.js",
        "src/pages/[x].js",
        "src/pages/api/y.js",
        "src/pages/learn.js",
    ]
    site.write({**dict.fromkeys(files, "x"), "src/content/learn/a.md": page(slug="b")})
    assert site.pages(generator="next") == {"/learn": files[0], "/learn/a": "src/content/learn/a.md"}
    assert site.find("/", generator="next") == "src/pages/index.js"
    assert "/learn/b" in site.pages(generator="next", front_matter=True)
    with pytest.raises(NotFound):
        site.find("/api/y", generator="next")


def test_the_app_router_of_next(site):
    site.write(dict.fromkeys(["app/page.tsx", "app/(shop)/tea/page.mdx", "app/_x/page.mdx", "app/tea/layout.tsx"], "x"))
    assert site.pages(generator="next") == {"/tea": "app/(shop)/tea/page.mdx"}
    assert site.find("/", generator="next") == "app/page.tsx"


def test_html_files(site):
    site.write(
        dict.fromkeys(
            ["index.html", "about.html", "Dir/index.htm", "x.php?id=4.html", "index.html?page_id=7", "style.css"], "x"
        )
    )
    for url, file in (("/", "index.html"), ("/about", "about.html"), ("/about.html", "about.html"), ("/Dir", "Dir/index.htm"),  # noqa: E501
                      ("/?page_id=7", "index.html?page_id=7"), ("/x.php?id=4", "x.php?id=4.html"), ("/?utm_source=a", "index.html")):  # fmt: skip  # noqa: E501
        assert site.find(url, generator="html") == file
    with pytest.raises(NotFound):
        site.find("/?page_id=8", generator="html")
