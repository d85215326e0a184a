"""YAML front matter."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import yaml

from flowbuilder.adapters.cms.front_matter.form import MAX_VALUES, Entry, ensure_size, problem, quoted

MAX_COLLECTIONS = 2_000
_DEEP = re.compile(r"(?:[-?:] ){50}")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_ALIAS = re.compile(r"\s*:\s*(\*[^\s,\]}]+)")

Pair = tuple[yaml.Node, yaml.Node]


class YamlForm:
    """Implements `Form` with the marks of the YAML parser."""

    def fields(self, inner: str) -> dict[str, Any]:
        """The fields by the rules of YAML 1.1."""
        _pairs(inner)
        try:
            value = yaml.load(inner, Loader=_Loader)  # noqa: S506 - a safe loader: it makes no objects
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise _invalid(error) from None
        return value or {}

    def keys(self, inner: str) -> list[str]:
        """The scalar keys, also those that are merged with `<<`."""
        return [key.value for key, _ in _with_merged(_pairs(inner)) if isinstance(key, yaml.ScalarNode)]

    def text(self, inner: str, key: str) -> str:
        """The characters of a scalar; of two values of one key the last one counts, as in most parsers."""
        pairs = _pairs(inner)
        own = [value for name, value in pairs if name.value == key]
        found = own[-1] if own else next(value for name, value in _with_merged(pairs) if name.value == key)
        return str(found.value) if isinstance(found, yaml.ScalarNode) and found.tag != _NULL else ""

    def replaced(self, inner: str, key: str, value: str) -> list[str]:
        """In the quotes that the value has, where they can hold the new one; an anchor or a tag stays."""
        found = [(name, node) for name, node in _pairs(inner) if name.value == key]
        if not found:
            return [self.added(inner, key, value, "\r\n" if "\r\n" in inner else "\n")]
        if len(found) > 1:
            raise problem(f"has {len(found)} fields {key}: remove one of them first")
        start, end, style = _span(inner, *found[0])
        blank = " " if inner[start - 1 : start] == ":" else ""
        return [inner[:start] + blank + written + inner[end:] for written in _written(value, style)]

    def added(self, inner: str, key: str, value: str, newline: str) -> str:
        """A last line, indented as the others are."""
        root = _root(inner)
        if root is not None and root.flow_style:
            raise problem(f"has no {key} and is in braces: add it by hand first")
        indent = " " * (root.start_mark.column if root is not None else 0)
        return f"{inner}{indent}{key}: {quoted(value)}{newline}"

    def entries(self, inner: str, without: str) -> Sequence[Entry]:
        """The shapes of all other fields."""
        budget = _Budget()
        return [(budget.key(key), budget.shape(node)) for key, node in _pairs(inner) if key.value != without]


def _root(inner: str) -> yaml.MappingNode | None:
    ensure_size(inner)
    if _DEEP.search(inner) or inner.count("[") + inner.count("{") > MAX_COLLECTIONS:
        raise problem("is too large, or nested too deeply")
    try:
        node = yaml.compose(inner, Loader=_Loader)
        _Budget().shape(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid(error) from None
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == _NULL):
        return None
    if not isinstance(node, yaml.MappingNode):
        raise problem("is not a mapping of names to values")
    return node


def _pairs(inner: str) -> list[Pair]:
    root = _root(inner)
    return [] if root is None else root.value


def _with_merged(pairs: list[Pair]) -> Iterator[Pair]:
    yield from pairs
    for key, value in pairs:
        if key.tag == _MERGE:
            for mapping in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(mapping, yaml.MappingNode):
                    yield from mapping.value


def _span(inner: str, key: yaml.Node, node: yaml.Node) -> tuple[int, int, str | None]:
    """Where the value is written, without its anchor and tag, and its style."""
    if node.start_mark.index < key.end_mark.index:  # an alias: the parser gives the place of what it stands for
        alias = _ALIAS.match(inner, key.end_mark.index)
        if alias is None:
            raise problem(f"has a field {key.value} of a form that cannot be changed")
        return alias.start(1), alias.end(1), '"'
    if not isinstance(node, yaml.ScalarNode):
        raise problem(f"has a field {key.value} that is not a text")
    start, end = node.start_mark.index, node.end_mark.index
    properties = _PROPERTIES.match(inner, start, end)
    assert properties is not None
    start = properties.end()
    return start, start + len(inner[start:end].rstrip()), node.style


def _written(value: str, style: str | None) -> Iterator[str]:
    """The ways to write a text: always in quotes, since YAML 1.1 and 1.2 differ about others, such as `no`."""
    if style == "'" and value.isprintable():
        yield "'" + value.replace("'", "''") + "'"
    yield quoted(value)


class _Budget:
    """Turns nodes into comparable values, at most `MAX_VALUES`; what an alias repeats counts each time."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def shape(self, node: yaml.Node | None) -> Hashable:
        """The tag and the text of a scalar; the shapes inside of a collection."""
        self._left -= 1
        if self._left < 0:
            raise problem(f"has more than {MAX_VALUES:,} values")
        if isinstance(node, yaml.MappingNode):
            return node.tag, tuple((self.key(key), self.shape(value)) for key, value in node.value)
        if isinstance(node, yaml.SequenceNode):
            return node.tag, tuple(map(self.shape, node.value))
        return node and (node.tag, node.value)

    def key(self, node: yaml.Node) -> Hashable:
        """The shape of a key; only one that is a collection counts as a value."""
        return (node.tag, node.value) if isinstance(node, yaml.ScalarNode) else self.shape(node)


def _invalid(error: Exception) -> Exception:
    reason = str(error).replace("\n", " ")
    return problem(f"is not valid YAML: {reason:.200}")
