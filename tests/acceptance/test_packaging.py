"""The built wheel contains everything that an installation needs, and works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel, as an installer creates it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the unpacked wheel in a folder outside the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "FLOWBUILDER_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-P", *arguments], cwd=home, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_contains_the_data_files(installed: Path) -> None:
    share = installed / "flowbuilder" / "_share"
    assert (share / "migrations" / "env.py").is_file()
    assert list((share / "migrations" / "versions").glob("*.py"))
    assert (share / "review_app" / "main.py").is_file()
    assert (share / "review_app" / "style.css").is_file()
    assert (share / "deployments" / "workflows" / "decay-refresh.yaml").is_file()
    assert (share / "deployments" / "content" / "index.md").is_file()
    assert list((share / "deployments" / "sites").glob("*.yaml"))
    assert (installed / "flowbuilder" / "language" / "parsing" / "grammar.lark").is_file()
    explanations = ROOT / "flowbuilder" / "analysis" / "explanations"
    carried = {path.name for path in (installed / "flowbuilder" / "analysis" / "explanations").glob("*.md")}
    assert carried == {path.name for path in explanations.glob("*.md")} != set()
    assert (installed / "flowbuilder" / "py.typed").is_file()


def test_the_wheel_has_the_entry_points(installed: Path) -> None:
    (metadata,) = installed.glob("flowbuilder-*.dist-info")
    points = (metadata / "entry_points.txt").read_text()
    assert "flowbuilder = flowbuilder.cli:main" in points
    assert "[prefect.collections]\nflowbuilder = flowbuilder.collection" in points
    assert (metadata / "licenses" / "LICENSE").is_file()


def test_the_wheel_contains_only_the_product(installed: Path) -> None:
    tops = {path.name for path in installed.iterdir()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"flowbuilder"}
    assert not list(installed.rglob("tests"))
    assert not list(installed.rglob("__pycache__"))


def test_the_unpacked_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "-c", "import flowbuilder; print(flowbuilder.__file__)", home=tmp_path)
    assert done.stdout.strip() == str(installed / "flowbuilder" / "__init__.py")


def test_the_samples_are_checked_and_stored_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    sample = installed / "flowbuilder" / "_share" / "deployments" / "workflows" / "decay-refresh.yaml"
    done = run(installed, "-m", "flowbuilder", "validate", str(sample), home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "ok: 1 file, no problems found\n"), done.stderr
    pushed = run(installed, "-m", "flowbuilder", "push", str(sample), home=tmp_path)
    assert pushed.returncode == 0, pushed.stderr
    assert (tmp_path / "flowbuilder.db").is_file()


def test_a_code_is_explained_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "-m", "flowbuilder", "explain", "FB001", home=tmp_path)
    text = (ROOT / "flowbuilder" / "analysis" / "explanations" / "FB001.md").read_text()
    assert (done.returncode, done.stdout.rstrip()) == (0, text.rstrip()), done.stderr


def test_the_review_app_is_found_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    script = (
        "from flowbuilder.devstack.process_specs import review_app\n"
        "from flowbuilder.settings import Settings\n"
        "print(review_app({}, Settings(), 8501).command[4])\n"
    )
    done = run(installed, "-c", script, home=tmp_path)
    assert done.stdout.strip() == str(installed / "flowbuilder" / "_share" / "review_app" / "asgi.py"), done.stderr
