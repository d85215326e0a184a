"""A Hugo site's configuration as data: names in lower case, patterns of permalinks, cascades, globs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.folder import Folder

_CONFIGS: Final = tuple(f"{name}.{form}" for name in ("hugo", "config") for form in ("toml", "yaml", "yml", "json"))


def simple_pattern(text: Any) -> re.Pattern[str] | None:
    """A pattern of the configuration; None for one that is not a simple pattern, which could take for ever."""
    if not isinstance(text, str) or len(text) > 200 or re.search(r"[)\]][*+{]|[*+][^)|]*[*+]", text):
        return None
    with suppress(re.error):
        return re.compile(text)
    return None


def is_true(value: Any) -> bool:
    """Whether a value of front matter or of a configuration is true."""
    return str(value).lower() in ("true", "1", "yes", "on")


def configuration(folder: Folder) -> dict[str, Any]:
    """The site's configuration: one file, and the files of `config/_default` and `config/production`."""
    config = lowered(folder.config(*_CONFIGS))
    for path in [*folder.names("config/_default"), *folder.names("config/production")]:
        name, _, form = path.rpartition("/")[2].rpartition(".")
        if form in ("toml", "yaml", "yml", "json"):
            found = lowered(folder.config(path))
            if name in ("hugo", "config"):
                config = _merged(config, found)
            elif "." not in name:
                config[name.lower()] = _merged(mapping(config.get(name.lower())), found)
            else:
                config["languages"] = _with_language(config.get("languages"), name, found)
    return config


def _merged(config: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """One configuration over another, mapping by mapping."""
    both = {
        name: _merged(config[name], one) for name, one in more.items() if mapping(config.get(name)) and mapping(one)
    }
    return {**config, **more, **both}


def _with_language(languages: Any, name: str, found: dict[str, Any]) -> dict[str, Any]:
    kind, _, code = name.rpartition(".")
    known = dict(mapping(languages))
    if kind == "languages" or (kind in ("hugo", "config") and code in known):
        known[code] = {**mapping(known.get(code)), **found}
    return known


def lowered(value: Any) -> dict[str, Any]:
    """A mapping with its names, and those of the mappings in it, in lower case."""
    if not isinstance(value, Mapping):
        return {}
    return {str(key).lower(): lowered(one) if isinstance(one, dict) else one for key, one in value.items()}


def mapping(value: Any) -> Mapping[str, Any]:
    """A value that is a mapping; an empty one in place of any other."""
    return value if isinstance(value, dict) else {}


def mount_languages(mount: Mapping[str, Any], known: list[str]) -> list[str]:
    """The languages that a mounted folder is for; the first is its own."""
    found = mount.get("lang") or mapping(mapping(mount.get("sites")).get("matrix")).get("languages")
    names = [str(one).lower() for one in (found if isinstance(found, list) else [found]) if one]
    return known if names in (["**"], ["*"]) else names


def permalink_patterns(value: Any) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """For which kinds of page, in which section or below which path, which pattern."""
    if isinstance(value, list):
        for one in value:
            target = mapping(one.get("target")) if isinstance(one, dict) else {}
            kinds = str(target.get("kind") or "page,section").strip("{}").split(",")
            yield tuple(kinds), str(target.get("path") or "/**"), str(one.get("pattern") or "")
    for name, one in mapping(value).items():
        if isinstance(one, dict):
            for section, pattern in one.items():
                yield (name,), section.lower(), str(pattern)
        elif one:
            yield ("page",), name.lower(), str(one)


def cascades(value: Any, above: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """What fields pages below a path get: the path, which pages, and the fields."""
    for one in value if isinstance(value, list) else [value]:
        found = lowered(one)
        if found:
            target = found.pop("_target", None) or found.pop("target", None)
            yield above, mapping(target), found
