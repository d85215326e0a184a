"""The user of the connection: who they are, and what WordPress stores of a text that they write."""

from __future__ import annotations

from collections.abc import Mapping

from flowbuilder.adapters.cms.wordpress.rest import Rest, raw
from flowbuilder.adapters.cms.wordpress.saving import trimmed, with_link_rel, with_valid_entities
from flowbuilder.errors import NotFound, StepError
from flowbuilder.values import JsonObject

_NAMES = {"body": "content", "title": "title", "description": "excerpt"}


class User:
    """The user whose application password the connection has."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._record: JsonObject | None = None

    async def number(self) -> int:
        """The number of the user; 0 where WordPress does not say."""
        number = (await self.record()).get("id")
        return number if isinstance(number, int) else 0

    async def record(self) -> JsonObject:
        """The user with roles and capabilities; empty where WordPress does not say."""
        if self._record is None:
            try:
                found = await self._rest.call("GET", "/wp/v2/users/me", context="edit")
            except (StepError, NotFound) as problem:
                if getattr(problem, "code", "") in ("auth", "http_400") or isinstance(problem, NotFound):
                    found = {}
                else:
                    raise
            self._record = found if isinstance(found, dict) else {}
        return self._record

    async def may_write_any_html(self) -> bool:
        """Whether WordPress stores all HTML of this user (`unfiltered_html`)."""
        capabilities = (await self.record()).get("capabilities")
        return isinstance(capabilities, dict) and capabilities.get("unfiltered_html") is True

    async def capabilities(self) -> JsonObject:
        """What the user may do; `StepError` or `NotFound` where WordPress does not say."""
        found = await self._rest.one("GET", "/wp/v2/users/me")
        capabilities = found.get("capabilities")
        return capabilities if isinstance(capabilities, dict) else {}

    async def stored(self, texts: Mapping[str, str]) -> dict[str, str]:
        """The texts as WordPress would store them. Where the texts do not say, a draft is written with them, read and
        deleted: where its user may not write any HTML, or WordPress may change links with a `target`."""
        expected = {name: _saved(name, text) for name, text in texts.items()}
        doubtful = {name: text for name, text in expected.items() if name in _NAMES and await self._is_doubtful(text)}
        if doubtful:
            expected |= await self._tried(doubtful)
        return expected

    async def _is_doubtful(self, text: str) -> bool:
        if with_link_rel(text) != text or "\0" in text:
            return True
        return ("<" in text or "&" in text) and not await self.may_write_any_html()

    async def _tried(self, texts: Mapping[str, str]) -> dict[str, str]:
        draft = {"title": "flowbuilder: what is stored of a text", "status": "draft"}
        draft |= {_NAMES[name]: text for name, text in texts.items()}
        made = await self._rest.one("POST", "/wp/v2/posts", json=draft)
        await self._rest.call("DELETE", f"/wp/v2/posts/{made['id']}", force="true")
        return {name: raw(made, _NAMES[name]) for name in texts}


def _saved(name: str, text: str) -> str:
    if name in ("body", "description"):
        return with_valid_entities(text)
    return trimmed(text) if name == "title" else text
