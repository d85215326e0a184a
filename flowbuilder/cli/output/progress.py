"""How `up` and `demo` speak while they start and run."""

from __future__ import annotations

import sys

import click

from flowbuilder.cli.output.result import wants_json
from flowbuilder.devstack.runtime_state import RuntimeState


def tell(message: str) -> None:
    """A line of progress; on stderr when stdout is for JSON."""
    click.echo(f"  {message}", err=wants_json() or not sys.stdout.isatty())


def addresses_record(addresses: RuntimeState) -> dict[str, str]:
    """The addresses for programs."""
    record = {"review_app": addresses.review, "prefect": addresses.prefect, "prefect_api": addresses.prefect_api}
    return {**record, "site": addresses.site} if addresses.site else record


def addresses_table(addresses: RuntimeState) -> str:
    """The addresses for people."""
    rows = [("review app", addresses.review), ("Prefect", addresses.prefect)]
    if addresses.site:
        rows.append(("sample site", addresses.site))
    return "\n".join(f"  {name:<12} {where}" for name, where in rows)
