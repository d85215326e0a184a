"""`flowbuilder revert`: take an effect back."""

from __future__ import annotations

import asyncio

import click

from flowbuilder.bootstrap import open_ports, open_store, settings
from flowbuilder.cli.input.identity import as_option, identity
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.errors import NotFound, Refused
from flowbuilder.ports import Store


@click.command(cls=ResultCommand)
@click.argument("what", metavar="KEY|ID")
@click.option("--step", help="The path of the step, where an execution had more than one effect.")
@as_option
def command(what: str, step: str | None, who: str | None) -> CommandResult:
    """Take back the effect with this KEY, or the one of the execution with this ID."""
    from flowbuilder.engine.effects.undo import revert

    options = settings()
    store = open_store(options)
    key = _key(store, what, step)
    done = asyncio.run(revert(store, open_ports(options, blocks=True, store=store), key, by=identity(who, options)))
    data = {"key": done.key, "execution_id": done.execution_id, "path": done.path, "status": done.status}
    return CommandResult(data=data, text=f"{done.target} is taken back")


def _key(store: Store, what: str, step: str | None) -> str:
    try:
        return store.effect(what).key
    except NotFound:
        found = [effect for effect in store.effects(what) if step in (None, effect.path)]
    if not found:
        raise NotFound(f"there is no effect {what}, and no execution of that id has one") from None
    if len(found) > 1:
        paths = ", ".join(effect.path for effect in found)
        raise Refused(f"this execution had {len(found)} effects; name one with --step: {paths}")
    return found[0].key
