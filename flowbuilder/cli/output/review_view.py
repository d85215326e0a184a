"""Reviews as text: the proposed change, and an edited proposal read from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowbuilder.cli.input.workflow_files import read_exactly, read_text
from flowbuilder.diagnostics import count
from flowbuilder.model.invisible_characters import hidden_characters
from flowbuilder.model.review import Review
from flowbuilder.values import Json

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text


def review_page(review: Review, *, held: str = "") -> RenderableType:
    """The title, findings and decision of a review, and the diff from its base to its proposal. `held` is why no one
    can decide it."""
    from rich.console import Group

    from flowbuilder.cli.output.console import text

    request = review.request
    lines = [
        text(request.title, "bold"),
        text(f"{review.id}  {review.workflow}  {review.path}  round {request.round}  {review.status}", "bright_black"),
    ]
    if review.decision is not None:
        comment = f": {review.decision.comment}" if review.decision.comment else ""
        lines.append(text(f"{review.decision.kind} by {review.decision.by}{comment}", "bold"))
    if held and review.status == "open":
        lines.append(text(f"! held: {held}", "bold red"))
    lines += [text(f"publishes to {target}") for target in request.targets]
    lines += [text(f"! {_finding(item)}", "yellow") for item in request.findings]
    base, proposal = content_text(request.base), content_text(request.proposal)
    if hidden := sum(1 for _ in hidden_characters(proposal)):
        lines.append(text(f"! {count(hidden, 'invisible character')}, shown as codes such as ⟨U+200B⟩", "yellow"))
    lines.append(text(""))
    if request.base is None:
        lines.append(text(proposal))
    elif base == proposal:
        lines.append(text("No changes: the proposal equals the current content.", "bright_black"))
    else:
        lines += _differences(request.base, request.proposal)
    return Group(*lines)


def _differences(base: Json, proposal: Json) -> Iterator[Text]:
    """The lines that differ; of two objects with the same members, those of each text by itself."""
    from flowbuilder.cli.output.console import console, text
    from flowbuilder.cli.output.text_diff import text_diff

    if isinstance(base, dict) and isinstance(proposal, dict) and base.keys() == proposal.keys():
        for name in proposal:
            if base[name] != proposal[name]:
                yield text(f"{name}:", "bold")
                yield from _differences(base[name], proposal[name])
    else:
        plain = console().color_system is None  # a pipe, a file, or a terminal without styles
        differing = text_diff(content_text(base), content_text(proposal), plain=plain)
        yield differing or text("Only the line endings differ.", "bright_black")


def content_text(value: Json) -> str:
    """A base or proposal as text: strings as they are, other values as JSON, None as nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


def edited_proposal(review: Review, file: Path) -> Json:
    """The edited proposal in a file: its bytes as text, or its JSON where the proposal is not text.

    Raises `click.UsageError` when it is not JSON.
    """
    if isinstance(review.request.proposal, str):
        return read_exactly(file)
    source = read_text(file)
    try:
        value: Json = json.loads(source)
    except ValueError as problem:
        raise click.UsageError(f"{file} is not valid JSON, and this proposal is JSON: {problem}") from None
    return value


def _finding(item: dict[str, object]) -> str:
    return "  ".join(str(item[name]) for name in ("rule", "place", "evidence", "message") if item.get(name))
