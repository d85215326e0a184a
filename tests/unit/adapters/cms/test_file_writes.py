"""A write keeps what the file was: its mode, its owner, its attributes, and its other names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.errors import StepError
from flowbuilder.ports import CmsWrite
from flowbuilder.values import digest_text

TEXT = "---\ntitle: Tea\n---\n\nHot water.\n"
DRAFT = f".{digest_text('tea.md')[:16]}.flowbuilder"
WRITE = CmsWrite(url="/tea", body="Cold water.\n")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "tea.md"
    made.write_text(TEXT)
    return made


@pytest.fixture
def cms(file: Path) -> FilesCms:
    return FilesCms(file.parent, base_url="")


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o644, 0o664, 0o755, 0o2664])
async def test_a_file_keeps_its_mode_when_it_is_written_and_when_it_is_restored(cms: FilesCms, file: Path, bits: int):
    file.chmod(bits)
    before = await cms.before(WRITE)
    assert before is not None
    written = await cms.update(WRITE)
    assert (file.read_text(), mode(file)) == (TEXT.replace("Hot", "Cold"), bits)
    await cms.restore("/tea", before, if_unchanged=written.hash)
    assert (file.read_text(), mode(file)) == (TEXT, bits)


@pytest.mark.parametrize("bits", [0o444, 0o400, 0o040, 0o000])
async def test_a_read_only_file_is_not_written_not_restored_and_not_deleted(cms: FilesCms, file: Path, bits: int):
    before = await cms.before(WRITE)
    assert before is not None
    page = await cms.update(WRITE)
    file.chmod(bits)
    written = file.stat().st_ino
    code = "read_only" if os.access(file, os.R_OK) else "not_readable"
    for work in (
        cms.update(CmsWrite(url="/tea", title="Iced")),
        cms.restore("/tea", before, if_unchanged=page.hash),
        cms.delete("/tea", if_unchanged=page.hash),
    ):
        with pytest.raises(StepError, match=r"tea\.md (is read-only .*chmod|cannot be read)") as caught:
            await work
        assert (caught.value.code, caught.value.definitive) == (code, True)
    assert (file.stat().st_ino, mode(file)) == (written, bits)
    assert os.listdir(file.parent) == ["tea.md"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_file_keeps_its_owner_and_group(cms: FilesCms, file: Path):
    os.chown(file, 12, 34)
    file.chmod(0o640)
    await cms.update(WRITE)
    held = file.stat()
    assert (held.st_uid, held.st_gid, mode(file)) == (12, 34, 0o640)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_whose_owner_cannot_be_kept_is_not_written(file: Path):
    os.chown(file, 12, 34)
    file.chmod(0o666)
    for folder in (file.parent, *file.parent.parents):
        if "pytest" in str(folder):
            folder.chmod(0o777)
    process = os.fork()
    if process == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            try:
                FilesCms(file.parent, base_url="")._update(WRITE)
            except StepError as problem:
                code = 0 if problem.code == "owner" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert (file.read_text(), os.listdir(file.parent)) == (TEXT, ["tea.md"])


async def test_a_file_keeps_its_extended_attributes(cms: FilesCms, file: Path):
    try:
        os.setxattr(file, "user.origin", b"import")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    await cms.update(WRITE)
    assert os.getxattr(file, "user.origin") == b"import"


async def test_a_file_with_several_names_is_not_separated(cms: FilesCms, file: Path, tmp_path_factory):
    other = tmp_path_factory.mktemp("snapshot") / "tea.md"
    os.link(file, other)
    with pytest.raises(StepError, match="2 names"):
        await cms.update(WRITE)
    assert os.path.samefile(file, other)
    assert file.read_text() == TEXT


async def test_what_a_crash_left_beside_a_file_is_removed_by_the_next_write(cms: FilesCms, file: Path):
    (file.parent / DRAFT).write_text("half a pa")
    await cms.update(WRITE)
    assert os.listdir(file.parent) == ["tea.md"]


async def test_a_write_that_the_system_refuses_is_an_error_of_the_step(cms: FilesCms, file: Path):
    (file.parent / DRAFT).mkdir()
    with pytest.raises(StepError, match=r"tea\.md cannot be written: ") as caught:
        await cms.update(WRITE)
    assert caught.value.code == "not_writable"
    assert file.read_text() == TEXT


async def test_a_file_with_the_longest_name_is_written(cms: FilesCms, file: Path):
    name = "t" * 197
    file.rename(file.with_name(f"{name}.md"))
    await cms.update(CmsWrite(url=f"/{name}", body="Cold water.\n"))
    assert os.listdir(file.parent) == [f"{name}.md"]


async def test_a_read_says_that_a_file_takes_no_write(cms: FilesCms, file: Path):
    assert (await cms.read("/tea")).refusal is None
    file.chmod(0o444)
    refusal = (await cms.read("/tea")).refusal
    assert refusal is not None
    assert (refusal.code, refusal.definitive) == ("read_only", True)
    file.chmod(0o644)
    os.link(file, file.parent / "other.md")
    refusal = (await cms.read("/tea")).refusal
    assert refusal is not None
    assert refusal.code == "hard_link"
