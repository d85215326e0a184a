"""Front matter and configuration files as data: YAML, TOML, JSON, JavaScript literals. Scalars are their texts."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.adapters.cms.addresses.javascript import read_object

MAX_CONFIG_BYTES = 512 * 1024
_MAX_COLLECTIONS = 2_000
_DEEP = re.compile(r"(?:[-?:] ){50}")
_OPENING = re.compile(r"\A(---|\+\+\+|;;;)[ \t]*([a-z]*)[ \t]*\r?\n")
_LOOSE = re.compile(r"\A[A-Za-z_][\w-]*:(?:[ \t]|\r?\n)")
_HEADING = re.compile(r"^#[ \t]+([^\n]+)|^([^\s#>`*+|<-][^\n]*)\n=+[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The front matter of a file. `loose_fields` is a block that only a closing fence marks, as Hexo takes it."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    loose_fields: Mapping[str, Any] = field(default_factory=dict)
    is_there: bool = False
    heading: str = ""
    problem: str = ""


def read_fields(text: str) -> Fields:
    """The front matter at the start of a file; `problem` says why it cannot be read."""
    if text.startswith("{") and re.match(r'\{\s*"', text):
        return _of_json(text)
    opening = _OPENING.match(text)
    if opening is None:
        closing = re.search(r"^---[ \t]*\r?$", text, re.MULTILINE) if _LOOSE.match(text) else None
        loose = _parsed(text[: closing.start()], "yaml").fields if closing else {}
        return Fields(heading=_heading(text), loose_fields=loose)
    fence, kind = opening[1], opening[2]
    end = re.compile(
        rf"^{re.escape(fence)}[ \t]*\r?$" + (r"|^\.\.\.[ \t]*\r?$" if fence == "---" else ""), re.MULTILINE
    )
    closing = end.search(text, opening.end())
    if closing is None:
        return Fields(heading=_heading(text))
    inner = text[opening.end() : closing.start()]
    form = kind or {"---": "yaml", "+++": "toml", ";;;": "json"}[fence]
    if fence == ";;;" and not inner.lstrip().startswith("{"):
        inner = "{" + inner + "}"
    found = _parsed(inner, form)
    return Fields(fields=found.fields, is_there=True, heading=_heading(text[closing.end() :]), problem=found.problem)


def read_config(path: str, text: str) -> dict[str, Any]:
    """A configuration file; empty where it cannot be read as data."""
    suffix = path.rpartition(".")[2].lower()
    if suffix in ("js", "mjs", "cjs", "ts", "mts", "cts"):
        return read_object(text)
    if suffix == "json" and '"' in text:
        suffix = "yaml" if "//" not in text and "/*" not in text else "js"
    found = read_object("export default " + text) if suffix == "js" else _parsed(text, suffix).fields
    return dict(found)


def _of_json(text: str) -> Fields:
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return Fields(heading=_heading(text))
    return Fields(fields=_as_texts(value), is_there=True, heading=_heading(text[end:]))


def _parsed(inner: str, form: str) -> Fields:
    try:
        match form:
            case "yaml" | "yml":
                value = _yaml(inner)
            case "toml":
                value = tomllib.loads(inner.replace("\r\n", "\n"))
            case "json":
                value = json.loads(inner)
            case "js" | "javascript":
                value = read_object("export default " + inner)
            case _:
                return Fields(problem=f"has front matter of the form {form:.20}, which is not read")
    except (ValueError, RecursionError) as problem:
        return Fields(problem=f"has front matter that cannot be read: {' '.join(str(problem).split()):.160}")
    if value is None:
        return Fields()
    if not isinstance(value, dict):
        return Fields(problem="has front matter that is not a mapping of names to values")
    return Fields(fields=_as_texts(value))


def _yaml(inner: str) -> Any:
    import yaml

    if _DEEP.search(inner) or inner.count("[") + inner.count("{") > _MAX_COLLECTIONS:
        raise ValueError("nested too deeply")
    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    if "!" in inner:
        loader = type("_Tolerant", (loader,), {})
        loader.add_multi_constructor("!", _untagged)
        loader.add_multi_constructor("tag:", _untagged)
    try:
        return yaml.load(inner, Loader=loader)  # noqa: S506 - the base loader makes texts, lists and mappings only
    except (yaml.YAMLError, TypeError) as problem:
        raise ValueError(str(problem)) from None


def _untagged(loader: Any, tag: str, node: Any) -> Any:
    """The value of a node with a tag, without it."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


def _as_texts(value: Any, depth: int = 0) -> Any:
    """A value with each scalar as its text; what is nested more than 20 levels deep is left out."""
    if isinstance(value, dict):
        return {str(key): _as_texts(inner, depth + 1) for key, inner in value.items()} if depth < 20 else {}
    if isinstance(value, list):
        return [_as_texts(inner, depth + 1) for inner in value] if depth < 20 else []
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _heading(text: str) -> str:
    found = _HEADING.search(text)
    return (found[1] or found[2]).strip(" \t\r#") if found else ""
