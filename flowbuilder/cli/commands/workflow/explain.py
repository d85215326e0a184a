"""`flowbuilder explain`: explain a diagnostic code, with a wrong and a right document."""

from __future__ import annotations

import click

from flowbuilder.analysis.explanations import explanations
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.diagnostics import nearest


@click.command(cls=ResultCommand)
@click.argument("code", required=False)
def command(code: str | None) -> CommandResult:
    """Explain a diagnostic code such as FB101. Without a code, list all of them."""
    texts = explanations()
    if code is None:
        titles = {each: _title(text) for each, text in texts.items()}
        records = [{"code": each, "title": title} for each, title in titles.items()]
        return CommandResult(
            data={"codes": records}, text="\n".join(f"{each}  {title}" for each, title in titles.items())
        )
    wanted = code.upper()
    if wanted not in texts:
        close = nearest(wanted.lower(), [each.lower() for each in texts])
        hint = f"did you mean {close.upper()}?" if close else "run `flowbuilder explain` for a list"
        raise click.UsageError(f"unknown code {code}; {hint}")
    text = texts[wanted]
    return CommandResult(data={"code": wanted, "title": _title(text), "text": text}, text=text)


def _title(text: str) -> str:
    """The first sentence of a rule, without its code."""
    first = text.partition("\n\n")[0].partition(": ")[2]
    return " ".join(first.split())
