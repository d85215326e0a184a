"""Files and folders of flowbuilder are closed to other users, under every umask and also when they were open before."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.bootstrap import open_store
from flowbuilder.devstack.doctor import CheckResult, run_checks
from flowbuilder.devstack.process import ProcessSpec
from flowbuilder.devstack.process_specs import prefect_server, review_app
from flowbuilder.devstack.runtime_state import RuntimeState, write_runtime_state
from flowbuilder.devstack.supervisor import Supervisor
from flowbuilder.ports.private_files import close_to_others, private_folder
from flowbuilder.settings import Settings
from flowbuilder.store.backup import backup, restore


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def modes_below(folder: Path) -> dict[str, int]:
    """The modes of everything in a folder, where they are not 0700 and 0600."""
    return {
        str(path.relative_to(folder)): mode(path)
        for path in (folder, *folder.rglob("*"))
        if mode(path) != (0o700 if path.is_dir() else 0o600)
    }


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def start_log(home: Path) -> None:
    with Supervisor(home / "logs") as supervisor:
        spec = ProcessSpec(name="worker", command=[sys.executable, "-c", "print('started')"], environment={})
        supervisor.start(spec)


@pytest.mark.usefixtures("any_umask")
def test_everything_in_the_home_is_private_under_every_umask(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home)
    store = open_store(settings)
    store.install_id()
    assert (home / "flowbuilder.db-wal").exists()
    write_runtime_state(home, RuntimeState(pid=1, prefect="", review=""))
    start_log(home)
    backup(settings.url, home / "backup")
    restore(f"sqlite:///{home / 'other.db'}", home / "backup")
    assert modes_below(home) == {}
    store.close()


def test_what_was_open_to_others_is_closed_at_the_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home)
    store = open_store(settings)
    store.install_id()
    start_log(home)
    store.close()
    for path in (home, *home.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    store = open_store(settings)
    start_log(home)
    assert modes_below(home) == {}
    store.close()


def test_a_restored_database_is_private_though_its_backup_was_not(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    open_store(settings).close()
    backup(settings.url, tmp_path / "copy")
    (tmp_path / "copy").chmod(0o644)
    restore(settings.url, tmp_path / "copy", replace=True)
    assert modes_below(settings.home) == {}
    assert mode(tmp_path / "copy") == 0o644


def test_programs_that_write_for_flowbuilder_have_a_private_umask(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert prefect_server({}, 4200).private
    assert review_app({}, settings, 8501).private
    write = f"import pathlib; pathlib.Path({str(tmp_path / 'made')!r}).write_text('x')"
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(ProcessSpec(name="p", command=[sys.executable, "-c", write], environment={}, private=True))
        for _ in range(200):
            if (tmp_path / "made").exists():
                break
            subprocess.run(["sleep", "0.05"], check=True)
    assert mode(tmp_path / "made") == 0o600


@pytest.mark.parametrize("kept", ["sticky", "another user's", "the user's home"])
def test_folders_that_are_not_flowbuilder_s_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o1777 if kept == "sticky" else 0o755)
    if kept == "another user's":
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    if kept == "the user's home":
        monkeypatch.setenv("HOME", str(folder))
    before = mode(folder)
    private_folder(folder)
    close_to_others(folder)
    assert mode(folder) == before


def findings(home: Path) -> dict[str, CheckResult]:
    return {finding.name: finding for finding in run_checks(Settings(home=home))}


@pytest.mark.parametrize("permissions", [0o644, 0o640, 0o604, 0o666])
def test_connections_that_others_can_read_are_said_with_the_command(
    tmp_path: Path, permissions: int, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "my home"
    home.mkdir(mode=0o700)
    file = home / "connections.yaml"
    file.write_text("cms: {token: x}\n")
    file.chmod(permissions)
    found = findings(home)["connections.yaml"]
    command = f"chmod 600 '{file}'"
    assert (found.verdict, found.remedy) == ("warning", f"run `{command}`")
    connections = FileConnections(home)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            connections._get("cms")
    assert [command in record.getMessage() for record in caplog.records] == [True]
    assert mode(file) == permissions  # an administrator's file, which doctor and steps only report
    subprocess.run(command, shell=True, check=True)
    assert "connections.yaml" not in findings(home)


def test_private_connections_are_no_matter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text("cms: {token: x}\n")
    file.chmod(0o400)
    with caplog.at_level(logging.WARNING):
        FileConnections(tmp_path)._get("cms")
    assert caplog.records == []
    assert "connections.yaml" not in findings(tmp_path)


def test_doctor_names_what_others_can_open(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    open_store(settings).close()
    (settings.home / "flowbuilder.db").chmod(0o664)
    settings.home.chmod(0o755)
    said = [(found.verdict, found.remedy) for found in run_checks(settings) if found.name == "private files"]
    assert said == [
        ("warning", f"run `chmod 700 {settings.home}`"),
        ("warning", f"run `chmod 600 {settings.home / 'flowbuilder.db'}`"),
    ]
    assert (mode(settings.home), mode(settings.home / "flowbuilder.db")) == (0o755, 0o664)  # doctor changes nothing
    open_store(settings).close()
    assert mode(settings.home) == 0o700
    assert mode(settings.home / "flowbuilder.db") == 0o600
