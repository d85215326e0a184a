"""Undoes an effect: applies its inverse, unless the target was changed since, and records that."""

from __future__ import annotations

import asyncio

from flowbuilder.engine.ingress import guarded_ports, read_secrets, site_connections
from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.effect import Effect, effect_key
from flowbuilder.model.effect_rules import ensure_revertible
from flowbuilder.ports import Cms, CmsWrite, Ports, Store
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.sensitive import values_in
from flowbuilder.values import Json, JsonObject


async def revert(store: Store, ports: Ports, key: str, *, by: str) -> Effect:
    """Undo the effect with this key. `Refused` when it has no inverse, or when its target was changed since.

    A created page is deleted; an updated page gets its earlier content back. Idempotent. A write in doubt, of an
    execution that has ended, is undone where the target can tell that it has exactly this write, or does not have it.
    """
    effect = await asyncio.to_thread(store.effect, key)
    execution = await asyncio.to_thread(store.execution, effect.execution_id)
    ensure_revertible(effect, execution.status)
    secrets = KnownSecrets(ports.secrets)
    secrets.add_sensitive(values_in(await asyncio.to_thread(store.sensitive, execution.id)))
    await read_secrets(secrets, ports, site_connections(execution.site_record))
    ports = guarded_ports(ports, secrets)
    undo = effect_key(await asyncio.to_thread(store.install_id), key, "revert")
    try:
        await _undo(await ports.cms(execution.site_record), effect, undo)
    except (Conflict, NotFound) as problem:
        doubt = "" if effect.receipt else "; it is not known whether the write was made: look at the page"
        raise Refused(f"{effect.target} was not undone: {problem}{doubt}") from None
    return await asyncio.to_thread(store.revert_effect, key, by)


async def _undo(cms: Cms, effect: Effect, key: str) -> None:
    inverse = effect.inverse or {}
    receipt = effect.receipt or {}
    made = str(inverse.get("if_unchanged") or receipt.get("hash"))
    before = inverse.get("before")
    match inverse.get("operation"):
        case "delete":
            await cms.delete(str(inverse["url"]), if_unchanged=made, revision=str(receipt.get("revision") or ""))
        case "restore" if isinstance(before, dict):
            await cms.restore(str(inverse["url"]), before, if_unchanged=made)
        case "update":  # as earlier releases recorded it: what the page had, also where the update wrote nothing
            write = _write(inverse, key)
            held = await cms.read(write.url)
            if (held.body, held.title, held.description) != (write.body, write.title, write.description):
                await cms.update(write)
        case "none":
            raise Refused(f"{effect.target} cannot be undone: {inverse.get('reason')}")
        case _:
            raise Refused(f"{effect.target} cannot be undone: this release does not know its inverse")


def _write(inverse: JsonObject, key: str) -> CmsWrite:
    return CmsWrite(
        url=str(inverse["url"]),
        body=_text(inverse.get("body")),
        title=_text(inverse.get("title")),
        description=_text(inverse.get("description")),
        if_unchanged=_text(inverse.get("if_unchanged")),
        idempotency_key=key,
    )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
