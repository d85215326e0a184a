"""`flowbuilder validate`: what is wrong with workflow files."""

from __future__ import annotations

from pathlib import Path

import click

from flowbuilder.check import check
from flowbuilder.diagnostics import count, render
from flowbuilder.loader import load
from flowbuilder.terminal.answer import AnsweringCommand, Answer
from flowbuilder.terminal.documents import called_from, document_file, read_text


@click.command(cls=AnsweringCommand)
@click.argument("files", nargs=-1, required=True, type=document_file)
def command(files: tuple[Path, ...]) -> Answer:
    """Load and check workflow files; nothing is run or stored.

    Called workflows are looked for beside the file, then in the store. Warnings do not fail.
    """
    records, blocks, errors, warnings = [], [], 0, 0
    for path in files:
        source = read_text(path)
        definition, report = load(source)
        if definition is not None:
            report += check(definition, workflows=called_from(path))
        records.append({"file": str(path), "diagnostics": [item.record() for item in report]})
        blocks.append(render(report, source=source, file=str(path)))
        errors += len(report.errors)
        warnings += len(report) - len(report.errors)
    if errors or warnings:
        found = [count(errors, "error")] * bool(errors) + [count(warnings, "warning")] * bool(warnings)
        verdict = f"{' and '.join(found)} in {count(len(files), 'file')}"
    else:
        verdict = f"ok: {count(len(files), 'file')}, no complaints"
    text = "\n".join(block for block in [*blocks, verdict] if block)
    return Answer(data={"files": records}, text=text, ok=not errors)
