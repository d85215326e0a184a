"""`flowbuilder steps`: list the step types, including those of installed packages."""

from __future__ import annotations

from inspect import cleandoc

import click

from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.steps.registry import step_types
from flowbuilder.steps.step import Step

_COMMON = frozenset(Step.model_fields)


@click.command(cls=ResultCommand)
@click.argument("name", required=False)
def command(name: str | None) -> CommandResult:
    """List the step types, or show the fields of one."""
    types = step_types()
    if name is None:
        records = [_record(each, types[each]) for each in sorted(types)]
        width = max(len(str(record["type"])) for record in records)
        lines = [f"{record['type']:<{width}}  {record['summary']}" for record in records]
        return CommandResult(data={"steps": records}, text="\n".join(lines))
    if name not in types:
        raise click.UsageError(f"unknown step type {name}; available: {', '.join(sorted(types))}")
    record = _record(name, types[name])
    return CommandResult(data=record, text=_page(record))


def _record(name: str, kind: type[Step]) -> dict[str, object]:
    fields = [
        {
            "name": info.alias or field,
            "required": info.is_required(),
            "default": None if info.is_required() or info.default_factory else _json_default(info.default),
            "description": info.description or "",
        }
        for field, info in kind.model_fields.items()
        if field not in _COMMON
    ]
    doc = cleandoc(kind.__doc__ or "")
    return {"type": name, "summary": doc.split("\n")[0], "doc": doc, "fields": fields, "module": kind.__module__}


def _json_default(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _page(record: dict[str, object]) -> str:
    lines = [f"{record['type']}", "", str(record["doc"]), ""]
    fields = record["fields"]
    assert isinstance(fields, list)
    width = max((len(field["name"]) for field in fields), default=0)
    for field in fields:
        default = field["default"]
        note = "required" if field["required"] else (f"default {default}" if default not in (None, "") else "")
        lines.append(
            "  " + "  ".join(part for part in (f"{field['name']:<{width}}", note, field["description"]) if part)
        )
    return "\n".join(lines)
