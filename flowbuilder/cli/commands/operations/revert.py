"""`flowbuilder revert`: undo an effect."""

from __future__ import annotations

import asyncio

import click

from flowbuilder.bootstrap import open_ports, open_store, settings
from flowbuilder.cli.context import identity, user_option
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.errors import NotFound, Refused
from flowbuilder.ports import Store


@click.command(cls=ResultCommand)
@click.argument("key_or_id", metavar="KEY|ID")
@click.option("--step", help="The path of the step, when the execution has several effects.")
@user_option
def command(key_or_id: str, step: str | None, user: str | None) -> CommandResult:
    """Undo an effect.

    KEY is the idempotency key of the effect, ID an execution that has one.
    """
    from flowbuilder.engine.effects.undo import revert

    options = settings()
    store = open_store(options)
    key = _effect_key(store, key_or_id, step)
    done = asyncio.run(revert(store, open_ports(options, blocks=True, store=store), key, by=identity(user, options)))
    data = {"key": done.key, "execution_id": done.execution_id, "path": done.path, "status": done.status}
    return CommandResult(data=data, text=f"Reverted {done.target}")


def _effect_key(store: Store, key_or_id: str, step: str | None) -> str:
    try:
        return store.effect(key_or_id).key
    except NotFound:
        found = [effect for effect in store.effects(key_or_id) if step in (None, effect.path)]
    if not found:
        raise NotFound(f"there is no effect {key_or_id}, and no execution with that ID that has one") from None
    if len(found) > 1:
        paths = ", ".join(effect.path for effect in found)
        raise Refused(f"this execution has {len(found)} effects; choose one with --step: {paths}")
    return found[0].key
