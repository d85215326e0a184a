"""What the command line says of the version of the language, and of names that no database can look for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowbuilder import bootstrap
from flowbuilder.definition.loader import load
from flowbuilder.store import open_store
from flowbuilder.values import digest

Cli = Callable[..., tuple[int, str, str]]
WORKFLOW = """schema: flowbuilder/v1
name: slugs
inputs: {x: {type: string}}
steps:
  - {id: a, type: code, source: x, with: {x: "{{ inputs.x | slugify }}"}}
outputs: {slug: "{{ steps.a.output }}"}
"""


def test_an_older_version_says_so_until_it_is_pushed_again(cli: Cli) -> None:
    assert cli("workflows")[0] == 0  # makes the database
    definition, _ = load(WORKFLOW)
    assert definition is not None
    document = {name: value for name, value in definition.document.items() if name != "language"}
    store = open_store(bootstrap.settings().url)
    store.save_version(name="slugs", title="", document=document, source=WORKFLOW, digest=digest(document), author="a")
    store.close()
    assert "as version 1 of the language has them. Push it again" in cli("show", "slugs")[1]
    file = bootstrap.settings().home / "slugs.yaml"
    file.write_text(WORKFLOW)
    assert cli("push", str(file))[1].startswith("Stored slugs v2 as a draft")
    assert "of the language" not in cli("show", "slugs")[1]
    assert cli("diff", "slugs", "1", "2")[1] == "v1 and v2 have the same text; the version of the language differs\n"
    assert cli("push", str(file))[1].startswith("Stored slugs v2 as a draft")


@pytest.mark.parametrize("command", [("show",), ("executions", "show"), ("reviews", "show"), ("run",)])
def test_a_name_with_an_invalid_byte_is_an_error_and_no_traceback(cli: Cli, command: tuple[str, ...]) -> None:
    code, _, problem = cli(*command, "name\udcff")
    assert code != 0
    assert problem.startswith("error: ")
    assert "Traceback" not in problem
