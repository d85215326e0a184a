"""`flowbuilder sites check` and `doctor` compare the sitemap of a site with its files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

MAP = '<?xml version="1.0"?>\n<{0}set xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{1}</{0}set>'


def sitemap(*urls: str) -> str:
    return MAP.format(
        "url", "".join(f"<url><loc>{url}</loc><x:image xmlns:x='i'><loc>/no</loc></x:image></url>" for url in urls)
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "sites").mkdir(exist_ok=True)
    for name in ("docs/a.md", "docs/b.md"):
        (tmp_path / "content" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "content" / name).write_text("x")
    (tmp_path / "sites/my.yaml").write_text(
        "site: my.example\nbase_url: https://my.example\nreviewers: {all: anyone}\n"
        "cms: {type: files, root: ../content, generator: hugo, sitemap: ../map.xml, sitemap_ignore: [/tags/**]}\n"
    )
    (tmp_path / "map.xml").write_text(
        sitemap("https://my.example/docs/a/", "http://www.my.example/docs/b/", "https://my.example/tags/x/")
    )
    return tmp_path


def test_all_addresses_are_found(cli, site: Path) -> None:
    code, printed, _ = cli("sites", "check")
    assert code == 0
    assert "my.example: 2 of 2 addresses of the sitemap are found" in printed
    assert "addresses" not in cli("sites")[1]


@pytest.mark.parametrize("ignored", ["/tags/**", "/tags", "/tags/", "tags/", '"/{tags,topics}/"'])
def test_the_list_of_tags_itself_can_be_left_out(cli, site: Path, ignored: str) -> None:
    file = site / "sites/my.yaml"
    file.write_text(file.read_text().replace("/tags/**", ignored))
    (site / "map.xml").write_text(sitemap("https://my.example/docs/a/", "https://my.example/tags/"))
    code, printed, _ = cli("sites", "check")
    assert (code, "1 of 1 addresses" in printed) == (0, True)


def test_what_no_file_is_for_is_said_to_belong_to_sitemap_ignore(cli, site: Path) -> None:
    (site / "map.xml").write_text(sitemap("https://my.example/docs/a/", "https://my.example/categories/"))
    assert "= help: state in cms what the rules lack, and in sitemap_ignore" in cli("sites", "check")[1]


def test_without_a_sitemap_some_pages_are_named_with_their_files(cli, site: Path) -> None:
    file = site / "sites/my.yaml"
    file.write_text(file.read_text().replace("sitemap: ../map.xml, ", ""))
    code, printed, _ = cli("sites", "check")
    assert code == 0
    assert "my.example: for example /docs/a/ is docs/a.md" in printed


def test_what_is_not_found_or_ambiguous_is_named(cli, site: Path) -> None:
    (site / "content/docs/c.md").write_text("---\nurl: /docs/a/\n---\n")
    (site / "map.xml").write_text(
        sitemap("https://my.example/docs/a/", "https://my.example/docs/missing/", "https://other.example/x/")
    )
    code, printed, _ = cli("sites", "check")
    assert code == 1
    assert "0 of 3 addresses" in printed
    assert "not found: https://my.example/docs/missing/" in printed
    assert (
        "not found: https://other.example/x/: https://other.example/x/ is not a page of https://my.example" in printed
    )
    assert "ambiguous: /docs/a is docs/a.md and docs/c.md" in printed
    code, printed, _ = cli("sites", "check", "--format", "json")
    (report,) = json.loads(printed)["addresses"]
    assert (code, report["ok"], report["asked"], len(report["missing"])) == (1, False, 3, 3)


def test_an_index_of_packed_sitemaps_is_read_beside_the_file(cli, site: Path) -> None:
    parts = "".join(
        f"<sitemap><loc>https://my.example/{name}</loc></sitemap>" for name in ("one.xml.gz", "two.txt", "map.xml")
    )
    (site / "map.xml").write_text(MAP.format("sitemapindex", parts).replace("sitemapindexset", "sitemapindex"))
    (site / "one.xml.gz").write_bytes(gzip.compress(sitemap("https://my.example/docs/a/").encode()))
    (site / "two.txt").write_text("https://my.example/docs/b/\nhttps://my.example/file.pdf\n")
    assert "2 of 2 addresses" in cli("sites", "check")[1]


@pytest.mark.parametrize("content", [b"", b"\x1f\x8bnot gzip", b"<!DOCTYPE x [<!ENTITY a 'b'>"])
def test_a_sitemap_that_cannot_be_read_is_an_error(cli, site: Path, content: bytes) -> None:
    (site / "map.xml").write_bytes(content)
    code, printed, _ = cli("sites", "check")
    assert code == 1
    assert "the sitemap" in printed


def test_a_missing_sitemap_is_an_error(cli, site: Path) -> None:
    (site / "map.xml").unlink()
    code, printed, _ = cli("sites", "check")
    assert code == 1
    assert "cannot read the sitemap" in printed


def test_the_doctor_says_it_too(cli, site: Path) -> None:
    (site / "map.xml").write_text(sitemap("https://my.example/docs/nope/"))
    printed = cli("doctor")[1]
    assert (
        "warning  addresses of my.example: 0 of 1 addresses of the sitemap are found; not found: https://my.example/docs/nope/"
        in printed
    )


def test_a_pattern_that_is_wrong_is_named(cli, site: Path) -> None:
    text = (
        (site / "sites/my.yaml").read_text().replace("generator: hugo", "addresses: [{files: '{a}.md', url: '/{b}'}]")
    )
    (site / "sites/my.yaml").write_text(text)
    code, printed, _ = cli("sites", "check")
    assert code == 1
    assert "{b} is not in {a}.md" in printed
