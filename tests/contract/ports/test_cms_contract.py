"""Contract of the CMS port: the fake and the adapters pass the same tests, Ghost and WordPress on real servers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

from flowbuilder.adapters.cms.addresses import open_addresses
from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.adapters.cms.ghost import Ghost
from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.errors import Conflict, NotFound
from flowbuilder.ports import Cms, CmsWrite
from flowbuilder.ports.cms import page_hash
from flowbuilder.testing import MemoryCms
from flowbuilder.values import digest_text
from tests.support.servers.wordpress_site import WordPressSite

BASE = "https://tea.example"


@dataclass(frozen=True)
class Case:
    """A CMS with one page at `url`: title Tea, body Hot water. `paragraph` writes a paragraph as the CMS does."""

    cms: Cms
    url: str
    paragraph: str = "{}\n"

    def body(self, text: str) -> str:
        return self.paragraph.format(text)

    def new(self, name: str = "new") -> str:
        return f"{self.url}-{name}"

    def fields(self, fields: dict[str, str]) -> dict[str, str]:
        return {name: self.body(text) if name == "body" else text for name, text in fields.items()}


GHOST = pytest.param("ghost", marks=[pytest.mark.ghost, pytest.mark.timeout(300)])
WORDPRESS = pytest.param("wordpress", marks=[pytest.mark.wordpress, pytest.mark.timeout(300)])


@pytest.fixture(params=["memory", "files", "files of a generator", GHOST, WORDPRESS])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    url = f"{BASE}/tea"
    if request.param == "memory":
        fake = MemoryCms()
        fake.put(url, "Hot water.\n", title="Tea")
        return Case(fake, url)
    if request.param == "files":
        (tmp_path / "tea.md").write_text("---\ntitle: Tea\n---\n\nHot water.\n")
        return Case(FilesCms(tmp_path, base_url=BASE), url)
    if request.param == "wordpress":
        blog: WordPressSite = request.getfixturevalue("blog_site")
        connection = {"url": blog.url, "username": "admin", "password": blog.password}
        wordpress = WordPress(GuardedHttp(Egress(["127.0.0.1"])), connection, {})
        case = Case(wordpress, f"{blog.url}/tea-{uuid4().hex[:12]}", "<p>{}</p>\n")
        await wordpress.create(CmsWrite(url=case.url, title="Tea", body=case.body("Hot water.")))
        return case
    if request.param == "files of a generator":
        (tmp_path / "content").mkdir()
        (tmp_path / "content/a.md").write_text("---\ntitle: Tea\nslug: tea\n---\n\nHot water.\n")
        addresses = open_addresses({"generator": "hugo"})
        return Case(FilesCms(tmp_path, base_url=BASE, addresses=addresses), url)
    site = request.getfixturevalue("ghost_site")
    cms = Ghost(GuardedHttp(Egress(["127.0.0.1"])), {"url": site.url, "admin_api_key": site.key}, {})
    made = Case(cms, f"{site.url}/tea-{uuid4().hex[:12]}", "<p>{}</p>")
    await cms.create(CmsWrite(url=made.url, title="Tea", body=made.body("Hot water.")))
    return made


async def test_a_cms_reads_a_page_with_the_hash_of_its_texts(case: Case) -> None:
    page = await case.cms.read(case.url)
    assert (page.url, page.title, page.body) == (case.url, "Tea", case.body("Hot water."))
    assert page.hash == page_hash(title=page.title, body=page.body, description=page.description)
    assert page.live_url.rstrip("/") == case.url
    assert page.revision


async def test_a_cms_changes_only_the_fields_that_are_given(case: Case) -> None:
    before = await case.cms.read(case.url)
    after = await case.cms.update(CmsWrite(url=before.url, description="About tea."))
    assert (after.title, after.body, after.description) == ("Tea", case.body("Hot water."), "About tea.")
    again = await case.cms.update(CmsWrite(url=before.url, body=case.body("Cold water."), title="Iced"))
    assert (again.title, again.body, again.description) == ("Iced", case.body("Cold water."), "About tea.")
    assert again == await case.cms.read(before.url)
    assert len({before.revision, after.revision, again.revision}) == 3


async def test_a_cms_writes_over_the_page_that_was_read_and_no_other(case: Case) -> None:
    page = await case.cms.read(case.url)
    await case.cms.update(CmsWrite(url=page.url, body=case.body("First."), if_unchanged=page.hash))
    with pytest.raises(Conflict):
        await case.cms.update(CmsWrite(url=page.url, body=case.body("Second."), if_unchanged=page.hash))
    assert (await case.cms.read(page.url)).body == case.body("First.")


@pytest.mark.parametrize("theirs", [{"title": "Iced"}, {"description": "Theirs."}, {"body": "Theirs."}])
@pytest.mark.parametrize("ours", [{"title": "Ours"}, {"description": "Ours."}, {"body": "Ours."}])
async def test_a_cms_overwrites_no_text_that_another_person_changed(
    case: Case, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    page = await case.cms.read(case.url)
    changed = await case.cms.update(CmsWrite(url=page.url, **case.fields(theirs)))
    with pytest.raises(Conflict):
        await case.cms.update(CmsWrite(url=page.url, **case.fields(ours), if_unchanged=page.hash))
    assert await case.cms.read(page.url) == changed


@pytest.mark.parametrize(
    "ours", [{"title": "Ours"}, {"description": "Ours."}, {"body": "Ours."}, {"title": "Ours", "body": "Ours."}]
)
async def test_a_cms_restores_what_an_update_changed(case: Case, ours: dict[str, str]) -> None:
    page = await case.cms.read(case.url)
    write = CmsWrite(url=page.url, **case.fields(ours))
    before = await case.cms.before(write)
    assert before is not None
    written = await case.cms.update(write)
    assert await case.cms.before(write) is None
    for _ in range(2):  # also when it is restored already
        await case.cms.restore(page.url, before, if_unchanged=written.hash)
        assert replace(await case.cms.read(page.url), revision=page.revision) == page


@pytest.mark.parametrize("theirs", [{"title": "Iced"}, {"description": "Theirs."}, {"body": "Theirs."}])
async def test_a_cms_restores_nothing_over_a_later_change(case: Case, theirs: dict[str, str]) -> None:
    page = await case.cms.read(case.url)
    write = CmsWrite(url=page.url, body=case.body("Ours."))
    before = await case.cms.before(write)
    assert before is not None
    written = await case.cms.update(write)
    changed = await case.cms.update(CmsWrite(url=page.url, **case.fields(theirs)))
    with pytest.raises(Conflict):
        await case.cms.restore(page.url, before, if_unchanged=written.hash)
    assert await case.cms.read(page.url) == changed


async def test_a_cms_treats_a_write_that_is_applied_already_as_done(case: Case) -> None:
    page = await case.cms.read(case.url)
    write = CmsWrite(url=page.url, body=case.body("First."), if_unchanged=page.hash)
    assert await case.cms.update(write) == await case.cms.update(write)


async def test_a_cms_creates_a_page_once(case: Case) -> None:
    write = CmsWrite(url=case.new(), body=case.body("New."), title="New")
    made = await case.cms.create(write)
    assert (made.body, made.title) == (case.body("New."), "New")
    assert await case.cms.create(write) == made
    with pytest.raises(Conflict):
        await case.cms.create(CmsWrite(url=case.new(), body=case.body("Other."), title="New"))


async def test_a_cms_deletes_an_unchanged_page(case: Case) -> None:
    made = await case.cms.create(CmsWrite(url=case.new(), body=case.body("New."), title="New"))
    with pytest.raises(Conflict):
        await case.cms.delete(made.url, if_unchanged=digest_text("Older.\n"))
    assert await case.cms.read(made.url) == made
    for _ in range(2):
        await case.cms.delete(made.url, if_unchanged=made.hash)
        with pytest.raises(NotFound):
            await case.cms.read(made.url)
    assert (await case.cms.read(case.url)).body == case.body("Hot water.")


@pytest.mark.parametrize("work", ["read", "update"])
async def test_a_cms_reports_a_missing_page(case: Case, work: str) -> None:
    url = case.new("no")
    with pytest.raises(NotFound):
        await (case.cms.read(url) if work == "read" else case.cms.update(CmsWrite(url=url, body="x")))
