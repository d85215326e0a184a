"""The texts of a post under their names in the port and in WordPress's REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flowbuilder.adapters.cms.wordpress.rest import raw
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import CmsField, CmsWrite
from flowbuilder.values import JsonObject

OURS = {"content": "body", "excerpt": "description"}
"""Our names of the texts that WordPress names otherwise."""
THEIRS = {ours: theirs for theirs, ours in OURS.items()}
_PLUGINS = {
    "yoast": {"seo_title": "_yoast_wpseo_title", "seo_description": "_yoast_wpseo_metadesc"},
    "rank_math": {"seo_title": "rank_math_title", "seo_description": "rank_math_description"},
}


class Seo:
    """The texts for search engines that an SEO plugin keeps as meta, where the site shows them in its REST API.
    `plugin` names the one that counts where the site has several (`cms.seo`)."""

    def __init__(self, plugin: str) -> None:
        if plugin and plugin not in _PLUGINS:
            raise ConfigurationError(f"cms.seo {plugin!r:.40} is not known; use {' or '.join(_PLUGINS)}")
        self._plugin = plugin

    def keys(self, found: JsonObject) -> dict[str, str]:
        """The meta keys of a post, by our names; only those that it has."""
        meta = meta_of(found)
        plugins = [self._plugin] if self._plugin else list(_PLUGINS)
        shown = [{name: key for name, key in _PLUGINS[plugin].items() if key in meta} for plugin in plugins]
        shown = [keys for keys in shown if keys]
        return shown[0] if len(shown) == 1 else {}

    def ensure_has(self, found: JsonObject, given: Mapping[Any, str], url: str) -> None:
        """Raise `StepError` (`no_seo_fields`) where a write gives texts that the post does not show."""
        absent = [name for name in given if name.startswith("seo_") and name not in self.keys(found)]
        if absent:
            keys = " or ".join(keys[absent[0]] for keys in _PLUGINS.values())
            message = (
                f"{url} has no {' and no '.join(absent)}: the REST API of the site shows no meta {keys}, or both and "
                "no cms.seo says which; register it with show_in_rest. Nothing was written"
            )
            raise StepError(message, code="no_seo_fields", definitive=True)


def meta_of(found: JsonObject) -> JsonObject:
    """The meta of a post that the site shows in its REST API."""
    meta = found.get("meta")
    return meta if isinstance(meta, dict) else {}


def held_texts(found: JsonObject, seo: Seo) -> dict[str, str]:
    """The texts of a post by our names; those for search engines only where the post shows them."""
    texts = {name: raw(found, THEIRS.get(name, name)) for name in ("title", "body", "description")}
    meta = meta_of(found)
    return texts | {name: str(meta[key] or "") for name, key in seo.keys(found).items()}


def texts_of(write: CmsWrite) -> dict[CmsField, str]:
    """The texts that a write gives."""
    names: tuple[CmsField, ...] = ("body", "title", "description", "seo_title", "seo_description")
    return {name: cast("str", getattr(write, name)) for name in names if getattr(write, name) is not None}


def sent(texts: Mapping[str, str], seo: Seo, found: JsonObject | None) -> JsonObject:
    """Texts as the REST API takes them; `found` is the post that has the meta."""
    keys = seo.keys(found) if found is not None else {}
    body: JsonObject = {THEIRS.get(name, name): text for name, text in texts.items() if not name.startswith("seo_")}
    meta: JsonObject = {keys[name]: text for name, text in texts.items() if name in keys}
    return {**body, "meta": meta} if meta else body
