"""Content management systems; a site's record selects one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowbuilder.adapters.cms.addresses import open_addresses
from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.adapters.cms.ghost import Ghost
from flowbuilder.adapters.cms.ghost.texts import publishable as ghost_form
from flowbuilder.adapters.cms.git.history import GitHistory, GitOptions
from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.adapters.cms.wordpress import publishable as wordpress_form
from flowbuilder.errors import ConfigurationError
from flowbuilder.ports import Cms, CmsForSite, Connections, Http, PublishableForm, Throttle
from flowbuilder.values import JsonObject

FORMS: Mapping[str, PublishableForm] = {Ghost.form: ghost_form, WordPress.form: wordpress_form}
"""The forms of the kinds of CMS that store only some texts as they are, by `Cms.form`."""


def cms_for_site(connections: Connections, http: Http, *, sites: Path, throttle: Throttle | None = None) -> CmsForSite:
    """Opens the CMS in `site["cms"]`: `{type: files, root, url_prefix, git}`, `{type: wordpress, connection}` or
    `{type: ghost, connection}`.

    A relative `root` is relative to `sites`, the folder of the site files.
    """

    async def open_cms(site: JsonObject) -> Cms:
        name = str(site.get("site", ""))
        record = site.get("cms")
        if not isinstance(record, Mapping):
            if not name:
                raise ConfigurationError("this execution has no site, so no CMS: start it with --site NAME")
            raise ConfigurationError(f"site {name} has no cms; add cms: {{type: files, root: ../content}}")
        kind = record.get("type")
        if kind == "files":
            root = sites / _text(record, "root", name)
            base_url, prefix = str(site.get("base_url", "")), str(record.get("url_prefix", "/"))
            git = record.get("git")
            history = GitHistory(root, GitOptions.of(git, name)) if git else None
            addresses = open_addresses(record, name, base_url=base_url)
            return FilesCms(root, base_url=base_url, url_prefix=prefix, addresses=addresses, history=history)
        if kind == "wordpress":
            connection = await connections.get(_text(record, "connection", name))
            return WordPress(http, connection, record, throttle=throttle)
        if kind == "ghost":
            connection = await connections.get(_text(record, "connection", name))
            return Ghost(http, connection, record, base_url=str(site.get("base_url") or ""), throttle=throttle)
        raise ConfigurationError(f"site {name}: cms type {kind!r:.40} is not known; use files, wordpress or ghost")

    return open_cms


def _text(record: Mapping[str, Any], key: str, site: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"site {site}: cms type {record.get('type')} needs {key}")
    return value
