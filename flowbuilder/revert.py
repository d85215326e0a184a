"""Taking an effect back: its inverse is done, unless the target has changed since, and written down."""

from __future__ import annotations

import asyncio

from flowbuilder.effect import Effect, effect_key
from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.ports import CmsWrite, Ports, Store
from flowbuilder.reverting import ensure_revertible
from flowbuilder.values import Json, JsonObject


async def revert(store: Store, ports: Ports, key: str, *, by: str) -> Effect:
    """Undo the effect with this key. `Refused` when it has no inverse, or when someone has changed since what it made.

    Done twice it is done once: the second write finds the page as the first one left it.
    """
    effect = await asyncio.to_thread(store.effect, key)
    ensure_revertible(effect)
    inverse = effect.inverse or {}
    if inverse.get("operation") != "update":
        raise Refused(f"{effect.target} made something new; flowbuilder does not delete: take it away by hand")
    execution = await asyncio.to_thread(store.execution, effect.execution_id)
    cms = await ports.cms(execution.site_record)
    write = _write(inverse, effect_key(await asyncio.to_thread(store.install_id), key, "revert"))
    try:
        held = await cms.read(write.url)
        if (held.body, held.title) != (write.body, write.title):
            await cms.update(write)
    except (Conflict, NotFound) as problem:
        raise Refused(f"{effect.target} is not taken back: {problem}") from None
    return await asyncio.to_thread(store.revert_effect, key, by)


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
