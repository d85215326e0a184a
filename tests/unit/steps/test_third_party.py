"""A step type of a third party: an installed distribution with an entry point in the group `flowbuilder.steps`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowbuilder.errors import ConfigurationError, DefinitionError
from flowbuilder.steps.registry import step_types
from flowbuilder.testing import Finished

Run = Callable[..., Finished]
MODULE = '''
"""A step type that is not flowbuilder's."""
from pydantic import BaseModel

from flowbuilder.errors import StepError
from flowbuilder.steps.step import Completed, Step, StepResult, StepRun, Templated


class Shout(Step):
    """Say a text louder."""

    text: Templated[str]
    times: Templated[int] = 1

    class Output(BaseModel):
        """The text."""

        loud: str

    async def run(self, run: StepRun) -> StepResult:
        """Upper case."""
        if not self.text:
            raise StepError("nothing to shout", code="silence")
        return Completed(output={"loud": self.text.upper() * self.times})


NOT_A_STEP = object()
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Puts a distribution with the given entry points on the path, as pip would; removes it afterwards."""

    def put(points: str) -> Path:
        folder = tmp_path / "site-packages"
        info = folder / "acme_steps-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / "acme_steps.py").write_text(MODULE)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-steps\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[flowbuilder.steps]\n{points}\n")
        monkeypatch.syspath_prepend(str(folder))
        step_types.cache_clear()
        return folder

    yield put
    monkeypatch.undo()
    sys.modules.pop("acme_steps", None)
    step_types.cache_clear()


def test_steps_of_a_third_party_are_checked_compiled_and_run(run: Run, install: Callable[[str], Path]) -> None:
    install("shout = acme_steps:Shout")
    step = {"type": "shout", "text": "{{ inputs.word }}!", "times": "{{ inputs.n }}"}
    finished = run(step, inputs={"word": {"type": "string"}, "n": {"type": "integer"}}, given={"word": "tea", "n": 2})
    assert finished.status == "completed", finished.error
    assert finished.outputs["s"] == {"loud": "TEA!TEA!"}


def test_errors_of_a_third_party_step_fail_it_with_their_code(run: Run, install: Callable[[str], Path]) -> None:
    install("shout = acme_steps:Shout")
    finished = run({"type": "shout", "text": ""})
    assert (finished.status, finished.error["code"]) == ("failed", "silence")


def test_fields_of_a_third_party_step_are_checked_on_load(run: Run, install: Callable[[str], Path]) -> None:
    install("shout = acme_steps:Shout")
    with pytest.raises(DefinitionError) as caught:
        run({"type": "shout", "txt": "x"})
    assert "txt" in str([item.message for item in caught.value.report])


def test_a_step_type_that_is_not_installed_is_unknown(run: Run) -> None:
    with pytest.raises(DefinitionError, match="shout"):
        run({"type": "shout", "text": "x"})


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ("shout = acme_steps:NOT_A_STEP", "shout in group flowbuilder.steps is not a Step class"),
        ("llm = acme_steps:Shout", "llm would replace a built-in step type"),
    ],
)
def test_an_entry_point_that_is_no_step_or_replaces_one_is_refused(
    install: Callable[[str], Path], points: str, said: str
) -> None:
    install(points)
    with pytest.raises(ConfigurationError, match=said):
        list(step_types())


def test_a_package_that_cannot_be_imported_is_named(install: Callable[[str], Path]) -> None:
    install("shout = acme_steps_that_are_gone:Shout")
    with pytest.raises(ConfigurationError, match="shout"):
        list(step_types())


def test_the_command_line_lists_third_party_steps(install: Callable[[str], Path]) -> None:
    folder = install("shout = acme_steps:Shout")
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    answer = subprocess.run(
        [sys.executable, "-m", "flowbuilder", "steps", "--format", "json"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    listed = json.dumps(json.loads(answer.stdout))
    assert '"shout"' in listed
    assert "Say a text louder." in listed
