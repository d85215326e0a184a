"""VitePress: `srcDir`, `cleanUrls`, `rewrites`, `srcExclude`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.adapters.cms.addresses.folder import Folder
from flowbuilder.adapters.cms.addresses.globs import any_matches
from flowbuilder.adapters.cms.addresses.index import Address

_CONFIGS = tuple(
    f".vitepress/config{inner}.{form}" for inner in ("", "/index") for form in ("ts", "mts", "js", "mjs", "cjs", "json")
)
_PARAMETER = re.compile(r":(\w+)(\([^()]*\))?([*+?]?)")


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of a VitePress site, or of its folder of pages."""
    project = folder.project(_CONFIGS, str(options.get("project") or ""))
    root = project.partition(".vitepress/")[0].rstrip("/")
    config = {**(folder.config(project) if project else {}), **options}
    source = "/".join(
        one for one in (root, str(config.get("content") or config.get("srcDir") or "").strip("./")) if one
    )
    for name in ("srcDir", "rewrites"):
        if name in config and (config[name] is None or "call" in config[name]):
            folder.problems.append(f"the configuration computes {name}: state it as {name}: in the site's record")
            return
    is_clean = str(config.get("cleanUrls", "")).lower() == "true"
    excluded = config.get("srcExclude")
    patterns = [one for one in (excluded if isinstance(excluded, list) else []) if isinstance(one, str)]
    rewrites = config.get("rewrites")
    rules = [(str(a), b) for a, b in rewrites.items() if isinstance(b, str)] if isinstance(rewrites, dict) else []
    for path in folder.names(source):
        inner = path[len(source) :].lstrip("/")
        if not inner.endswith(".md") or inner.startswith(".") or "/." in inner or "[" in inner:
            continue
        if any_matches(inner, ("**/dist/**", *patterns)):
            continue
        stem = _rewritten(inner, rules).removesuffix(".md")
        where, _, name = stem.rpartition("/")
        if name == "index":
            yield Address(f"/{where}/" if where else "/", path)
        else:
            yield Address(f"/{stem}" + ("" if is_clean else ".html"), path)


def _rewritten(path: str, rules: list[tuple[str, str]]) -> str:
    """The path by the first rule that names it: `{"en/:rest*": ":rest*"}`."""
    for source, target in rules:
        found = re.fullmatch(_regex(source), path)
        if found:
            return _filled(target, found.groupdict())
    return path


def _filled(target: str, values: Mapping[str, str | None]) -> str:
    return _PARAMETER.sub(lambda one: values.get(one[1]) or "", target).lstrip("/")


def _regex(source: str) -> str:
    parts, at = [], 0
    names: set[str] = set()
    for found in list(_PARAMETER.finditer(source))[:8]:
        if found[1] in names:
            continue
        names.add(found[1])
        parts += [
            re.escape(source[at : found.start()]),
            f"(?P<{found[1]}>{'.*' if found[3] in ('*', '+') else '[^/]+?'})",
        ]
        at = found.end()
    return "".join([*parts, re.escape(source[at:])])
