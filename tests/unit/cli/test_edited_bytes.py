"""What a reviewer edits on the command line is approved byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from flowbuilder.cli.input.review_prompt import _edited
from flowbuilder.cli.input.workflow_files import read_text
from flowbuilder.cli.output.review_view import edited_proposal
from flowbuilder.model.review import Review, ReviewRequest

RAW = ["# Tea\r\n\r\nHot.\r\n", "a\nb", "\ufeffx\r\n", "mixed\r\n\n\r", ""]


def review(proposal: Any) -> Review:
    from datetime import UTC, datetime

    return Review(
        id="r",
        execution_id="e",
        workflow="w",
        site=None,
        path="review",
        request=ReviewRequest(title="t", base=None, proposal=proposal),
        status="open",
        version=1,
        content_hash="h",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("text", RAW)
def test_the_bytes_of_a_file_are_the_edit(tmp_path: Path, text: str) -> None:
    file = tmp_path / "edit.md"
    file.write_bytes(text.encode())
    assert edited_proposal(review("old"), file) == text
    assert read_text(file) == text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def test_an_edit_of_a_value_is_json_and_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "edit.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n')
    assert edited_proposal(review({"a": 2}), file) == {"a": 1}
    file.write_bytes(b"\xff")
    with pytest.raises(click.UsageError, match="not UTF-8"):
        edited_proposal(replace(review("old")), file)


@pytest.mark.parametrize("text", RAW[:-1])
def test_the_editor_gets_and_gives_the_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    program = tmp_path / "editor"
    program.write_text('#!/bin/sh\nprintf "more\\r\\n" >> "$1"\ntouch -d "+9 seconds" "$1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(program))
    assert _edited(text) == text + "more\r\n"
