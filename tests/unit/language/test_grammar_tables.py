"""The cached parse tables of the expression grammar never decide whether an expression is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbuilder.language.parsing.expression_parser import load_grammar

SOURCE = "a && b[0].c > 1 ? x | default(2) : y"


def test_the_second_load_reads_the_tables_that_the_first_wrote(tmp_path: Path) -> None:
    tables = tmp_path / "__pycache__" / "tables"
    first = load_grammar(tables).parse(SOURCE)
    written = tables.read_bytes()
    assert load_grammar(tables).parse(SOURCE) == first
    assert tables.read_bytes() == written


@pytest.mark.parametrize("damage", [b"", b"not lark", "half"], ids=["empty", "foreign", "cut off"])
def test_damaged_tables_are_built_again(
    damage: bytes | str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = tmp_path / "tables"
    first = load_grammar(tables).parse(SOURCE)
    whole = tables.read_bytes()
    tables.write_bytes(whole[: len(whole) // 2] if isinstance(damage, str) else damage)
    assert load_grammar(tables).parse(SOURCE) == first
    built = tables.read_bytes()
    assert load_grammar(tables).parse(SOURCE) == first
    assert tables.read_bytes() == built  # which were good enough to be read
    assert capsys.readouterr() == ("", "")


def test_tables_that_cannot_be_written_are_done_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("no folder")
    assert load_grammar(tmp_path / "file" / "tables").parse(SOURCE) is not None
    assert capsys.readouterr() == ("", "")
