"""Pages as Markdown files in a folder."""

import asyncio
import os
import unicodedata
from pathlib import Path

import pytest

from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError
from flowbuilder.ports import CmsWrite

TEA = "---\ntitle: Green tea\ndescription: About tea\n---\n\n# Tea\n\nOld.\n"


@pytest.fixture
def cms(tmp_path: Path) -> FilesCms:
    root = tmp_path / "content"
    (root / "guides/coffee").mkdir(parents=True)
    (root / "guides/tea.md").write_text(TEA)
    (root / "guides/coffee/index.md").write_text("# Coffee beans\n")
    (root / "index.md").write_text("Front")
    (tmp_path / "secret.md").write_text("secret")
    return FilesCms(root, base_url="https://example.com")


@pytest.mark.parametrize(
    ("url", "title", "body"),
    [
        ("https://example.com/guides/tea", "Green tea", "# Tea\n\nOld.\n"),
        ("https://EXAMPLE.com/guides/tea/", "Green tea", "# Tea\n\nOld.\n"),
        ("/guides/tea?utm=1#brew", "Green tea", "# Tea\n\nOld.\n"),
        ("https://example.com/guides/coffee", "Coffee beans", "# Coffee beans\n"),
        ("https://example.com/", "", "Front"),
        ("https://example.com", "", "Front"),
    ],
)
async def test_a_url_is_a_file(cms: FilesCms, url, title, body):
    page = await cms.read(url)
    assert (page.title, page.body) == (title, body)


async def test_a_prefix_is_left_out_of_the_folder(tmp_path: Path):
    (tmp_path / "tea.md").write_text("x")
    cms = FilesCms(tmp_path, base_url="https://example.com", url_prefix="/blog")
    assert (await cms.read("https://example.com/blog/tea")).live_url == "https://example.com/blog/tea"
    with pytest.raises(StepError, match="not below /blog"):
        await cms.read("https://example.com/blogs/tea")


async def test_a_missing_page_is_not_found(cms: FilesCms):
    with pytest.raises(NotFound, match="nothing"):
        await cms.read("https://example.com/nothing")


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/guides/tea", "https://example.com/../secret", "https://example.com/%2e%2e/secret",
     "/..%2fsecret", "/.hidden", "/a%00b", "/a%5cb", "//evil.example/x", "ftp://example.com/guides/tea",
     "/" + "a/" * 30, "/" + "a" * 300],
)  # fmt: skip
async def test_no_url_leads_out_of_the_folder(cms: FilesCms, url):
    with pytest.raises(StepError):
        await cms.read(url)


async def test_symbolic_links_are_not_followed(cms: FilesCms, tmp_path: Path):
    (tmp_path / "content/link.md").symlink_to(tmp_path / "secret.md")
    (tmp_path / "content/out").symlink_to(tmp_path)
    for url in ("/link", "/out/secret"):
        with pytest.raises(StepError, match="symbolic link"):
            await cms.read(url)
        with pytest.raises(StepError, match="symbolic link"):
            await cms.update(CmsWrite(url=url, body="x"))
    with pytest.raises(StepError, match="symbolic link"):
        await cms.create(CmsWrite(url="/out/new", body="x"))
    assert (tmp_path / "secret.md").read_text() == "secret"


async def test_a_body_is_replaced_and_the_front_matter_kept(cms: FilesCms, tmp_path: Path):
    before = await cms.read("/guides/tea")
    after = await cms.update(CmsWrite(url="/guides/tea", body="# Tea\n\nNew.", if_unchanged=before.hash))
    assert (tmp_path / "content/guides/tea.md").read_text() == TEA.replace("Old.\n", "New.")
    assert after.body == "# Tea\n\nNew."
    assert after.hash != before.hash
    assert after.revision != before.revision
    assert sorted(os.listdir(tmp_path / "content/guides")) == ["coffee", "tea.md"]


async def test_title_and_description_are_front_matter(cms: FilesCms):
    after = await cms.update(CmsWrite(url="/guides/tea", title="Tea: a guide", description='Say "tea"'))
    assert (after.title, after.description, after.body) == ("Tea: a guide", 'Say "tea"', "# Tea\n\nOld.\n")


async def test_a_page_that_changed_meanwhile_is_a_conflict(cms: FilesCms, tmp_path: Path):
    before = await cms.read("/guides/tea")
    (tmp_path / "content/guides/tea.md").write_text(TEA.replace("Old", "Theirs"))
    with pytest.raises(Conflict, match="changed"):
        await cms.update(CmsWrite(url="/guides/tea", body="Ours", if_unchanged=before.hash))
    assert "Theirs" in (tmp_path / "content/guides/tea.md").read_text()


async def test_a_repeated_write_changes_nothing_for_any_base(cms: FilesCms, tmp_path: Path):
    write = CmsWrite(url="/guides/tea", body="New", if_unchanged=(await cms.read("/guides/tea")).hash)
    first = await cms.update(write)
    written = (tmp_path / "content/guides/tea.md").stat().st_mtime_ns
    assert await cms.update(write) == first
    assert (tmp_path / "content/guides/tea.md").stat().st_mtime_ns == written


async def test_a_page_is_created_once(cms: FilesCms, tmp_path: Path):
    write = CmsWrite(url="https://example.com/guides/new/mate", body="# Mate\n", title="Mate")
    made = await cms.create(write)
    assert (tmp_path / "content/guides/new/mate.md").read_text() == '---\ntitle: "Mate"\n---\n\n# Mate\n'
    assert await cms.create(write) == made
    with pytest.raises(Conflict):
        await cms.create(CmsWrite(url="https://example.com/guides/new/mate", body="Other"))


async def test_a_created_page_to_which_a_colleague_added_a_field_is_not_deleted(cms: FilesCms, tmp_path: Path):
    made = await cms.create(CmsWrite(url="/guides/mate", body="Mate.\n", title="Mate"))
    page = tmp_path / "content/guides/mate.md"
    text = page.read_text()
    page.write_text(text.replace("title", "tags: [green]\ntitle"))
    with pytest.raises(Conflict, match="changed since"):
        await cms.delete("/guides/mate", if_unchanged=made.hash, revision=made.revision)
    page.write_text(text)
    await cms.delete("/guides/mate", if_unchanged=made.hash, revision=made.revision)
    assert not page.exists()


async def test_of_two_writers_with_the_same_base_one_wins(cms: FilesCms):
    base = (await cms.read("/guides/tea")).hash
    writes = [cms.update(CmsWrite(url="/guides/tea", body=f"by {n}", if_unchanged=base)) for n in range(8)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    won = [result for result in results if not isinstance(result, Exception)]
    assert len(won) == 1
    assert all(isinstance(result, Conflict) for result in results if result is not won[0])
    assert (await cms.read("/guides/tea")).body == won[0].body


async def test_a_file_that_is_not_text_is_an_error_of_the_step(cms: FilesCms, tmp_path: Path):
    for data, problem in ((b"\xff\xfe", "UTF-8"), (b"a\0b", "NUL")):
        (tmp_path / "content/raw.md").write_bytes(data)
        with pytest.raises(StepError, match=problem) as caught:
            await cms.read("/raw")
        assert caught.value.code == "not_text"


async def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="gone"):
        await FilesCms(tmp_path / "gone", base_url="").read("/x")


@pytest.mark.parametrize(
    ("text", "name", "title"),
    [
        ("```\n# not this\n```\n\n# Tea #\n", "p.md", "Tea"),
        ("~~~~ sh\n# a\n~~~\n# b\n~~~~\n   # Tea\n", "p.md", "Tea"),
        ("<!--\n# Draft\n-->\n# Tea\n", "p.md", "Tea"),
        ("    # code\n## Tea\n", "p.md", ""),
        ("---\ntitle: [a]\n---\n# Tea\n", "p.md", "Tea"),
    ],
)
async def test_a_title_is_the_front_matter_s_or_the_first_heading(tmp_path: Path, text: str, name: str, title: str):
    (tmp_path / name).write_text(text)
    assert (await FilesCms(tmp_path, base_url="").read("/p")).title == title


async def test_a_title_that_the_page_has_already_adds_no_front_matter(tmp_path: Path):
    (tmp_path / "p.md").write_text("# Tea\n\nOld.\n")
    cms = FilesCms(tmp_path, base_url="")
    assert await cms.before(CmsWrite(url="/p", title="Tea", description="")) is None
    await cms.update(CmsWrite(url="/p", title="Tea", body="# Tea\n\nNew.\n"))
    assert (tmp_path / "p.md").read_text() == "# Tea\n\nNew.\n"


@pytest.mark.parametrize(
    ("raw", "write"),
    [
        (b"# Tea\n\nOld.\n", {"body": "# Tea\n\nNew.\n"}),
        (b"---\nicon: x\n---\n\n# Tea\n", {"title": "Iced", "body": ""}),
        (b'+++\ntitle = "Old"\ndraft = true\n+++\n\nBody.\n', {"title": "New"}),
        (b"\xef\xbb\xbf---\r\ntitle: Old\r\n---\r\n\r\nBody.\r\n", {"description": "New", "body": "X"}),
        (b'{\n  "title": "Old"\n}\nBody.\n', {"title": "New", "description": "About"}),
        (b"---\n\nA rule first.\n", {"title": "New"}),
        (b"", {"title": "New", "body": "X"}),
    ],
)
async def test_a_restored_file_has_the_old_bytes(tmp_path: Path, raw: bytes, write: dict[str, str]):
    (tmp_path / "p.md").write_bytes(raw)
    cms = FilesCms(tmp_path, base_url="")
    before = await cms.before(CmsWrite(url="/p", **write))
    assert before is not None
    written = await cms.update(CmsWrite(url="/p", **write))
    assert (tmp_path / "p.md").read_bytes() != raw
    await cms.restore("/p", before, if_unchanged=written.hash)
    assert (tmp_path / "p.md").read_bytes() == raw


async def test_a_file_that_is_named_with_accents_apart_is_the_page(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "thé")
    (tmp_path / f"{name}.md").write_text("Chaud.\n")
    cms = FilesCms(tmp_path, base_url="")
    url = "/" + unicodedata.normalize("NFC", "thé")
    assert (await cms.read(url)).body == "Chaud.\n"
    await cms.update(CmsWrite(url=url, body="Froid.\n"))
    with pytest.raises(Conflict):
        await cms.create(CmsWrite(url=url, body="Autre.\n"))
    assert [file.name for file in tmp_path.iterdir()] == [f"{name}.md"]
