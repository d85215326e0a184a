"""YAML or JSON text -> one JSON object, with the line and column of every value and key in it.

YAML 1.2 as far as JSON reaches: `on`, `yes` and `no` are texts, keys are texts, merge keys (`<<`) and tags of one's own
are refused, anchors are copied within the limits below. Nothing here evaluates or constructs anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from flowbuilder.definition.document import Positions
from flowbuilder.definition.yaml.positions import Collection, JoinedPairs, Places
from flowbuilder.definition.yaml.scalars import plain_value
from flowbuilder.definition.yaml.syntax_errors import syntax_complaint, unreadable_complaint
from flowbuilder.diagnostics import Diagnostic, Span
from flowbuilder.values import MAX_DEPTH, Json, JsonObject, NotJson, pointer

MAX_TEXT = 1024 * 1024
"""The longest text that is read, in characters."""
MAX_VALUES = 200_000
"""The most values of a document, those that anchors repeat counted each time."""
MAX_COPIED = 4 * 1024 * 1024
"""The most characters that anchors may repeat."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, kw_only=True)
class YamlDocument:
    """What was read: `value` is None where the text is not one object; `positions` know every value and key."""

    value: JsonObject | None
    positions: Positions
    diagnostics: tuple[Diagnostic, ...]


def read_document(text: str) -> YamlDocument:
    """Read one YAML or JSON document; what is wrong with it becomes diagnostics, all that can be told in one pass."""
    text = text.removeprefix("\ufeff")
    reader = _Reader(text)
    value = reader.read()
    values = Places(reader.root, reader.joined.span, names=False)
    keys = Places(reader.root, reader.joined.span, names=True)
    positions = Positions(values=values, keys=keys, text=text)
    return YamlDocument(value=value, positions=positions, diagnostics=tuple(reader.found))


class _Stop(Exception):
    """Nothing more can be read."""


class _Reader:
    """One pass over the parser's events. A scalar's event is its own place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Diagnostic] = []
        self.root: Any = None
        self._path: list[str | int] = []
        self._anchors: dict[str, tuple[Json, Any, int, int]] = {}
        self._values = 0
        self._copied = 0
        self.joined = JoinedPairs(text)
        self._events: Any = None

    def read(self) -> JsonObject | None:
        """The document as an object, or None."""
        try:
            return self._document()
        except _Stop:
            return None
        except yaml.MarkedYAMLError as error:
            self.found.append(syntax_complaint(error, self.text))
        except (yaml.YAMLError, UnicodeEncodeError):
            self.found.append(unreadable_complaint(self.text))
        return None

    def _document(self) -> JsonObject | None:
        if len(self.text) > MAX_TEXT:
            self._complain("FB004", f"the document has {len(self.text):,} characters; at most {MAX_TEXT:,} are read")
            return None
        self._events = _Parser(self.joined.text)
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            self._complain("FB003", "the document is empty", hint="a definition begins with schema: flowbuilder/v1")
            return None
        value, self.root = self._value(self._next())
        self._next()
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            self._complain("FB003", "a second document begins here", after, hint="one file holds one workflow")
            raise _Stop
        if isinstance(value, dict):
            return value
        self._complain("FB003", f"the document is {_named(value)}, not an object with fields", self.root)
        return None

    def _next(self) -> Any:
        return self._events.get_event()

    def _value(self, event: Any) -> tuple[Json, Any]:
        self._values += 1
        if self._values > MAX_VALUES:
            self._stop("FB004", f"the document has more than {MAX_VALUES:,} values", event)
        if isinstance(event, yaml.ScalarEvent):
            value, place = self._scalar(event), event
            size, chars = 1, len(event.value)
        elif isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        else:
            if len(self._path) >= MAX_DEPTH:
                self._stop("FB004", f"nested deeper than {MAX_DEPTH} levels", event)
            value, place = self._mapping(event) if isinstance(event, yaml.MappingStartEvent) else self._sequence(event)
            size, chars = place.size, place.chars
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, place, size, chars)
        return value, place

    def _mapping(self, event: Any) -> tuple[Json, Any]:
        self._known_tag(event, "map")
        result: JsonObject = {}
        inner: dict[str, tuple[Any, Any]] = {}
        place = Collection(event.start_mark, inner)
        while not isinstance(name := self._next(), yaml.MappingEndEvent):
            key = self._key(name)
            self._path.append(key)
            value, at = self._value(self._next())
            if key in result:
                first = self.joined.span(inner[key][0]).line
                self._complain(
                    "FB002", f"the name {key} is here a second time", name, hint=f"the first is in line {first}"
                )
            else:
                result[key] = value
                inner[key] = (name, at)
            self._path.pop()
            place.grow(at)
        place.end_mark = name.end_mark
        return result, place

    def _sequence(self, event: Any) -> tuple[Json, Any]:
        self._known_tag(event, "seq")
        result: list[Json] = []
        inner: list[Any] = []
        place = Collection(event.start_mark, inner)
        while not isinstance(item := self._next(), yaml.SequenceEndEvent):
            self._path.append(len(result))
            value, at = self._value(item)
            self._path.pop()
            result.append(value)
            inner.append(at)
            place.grow(at)
        place.end_mark = item.end_mark
        return result, place

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            braces = self.text.splitlines()[event.start_mark.line][event.start_mark.column - 1 :].startswith("{{")
            hint = 'put a template in quotes: "{{ inputs.url }}"' if braces else "a name is a text"
            self._stop("FB001", "a list or an object stands where a name should be", event, hint=hint)
        if event.value == "<<" and not event.style:
            self._complain(
                "FB005", "merge keys (<<) are not supported", event, hint="repeat the fields, or anchor the whole value"
            )
        return str(event.value)

    def _scalar(self, event: Any) -> Json:
        if event.tag not in (None, "!"):
            return self._tagged(event)
        if event.style or event.tag == "!":
            return str(event.value)
        try:
            return plain_value(event.value)
        except NotJson as error:
            self._complain("FB005", str(error), event)
            return None

    def _tagged(self, event: Any) -> Json:
        if event.tag == _TAG + "str":
            return str(event.value)
        value: Json = None
        try:
            value = plain_value(event.value)
        except NotJson as error:
            self._complain("FB005", str(error), event)
            return None
        kinds: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        wanted = kinds.get(event.tag.removeprefix(_TAG))
        if wanted is None or not isinstance(value, wanted):
            self._complain("FB005", f"the tag {_short(event.tag)} is not known here", event, hint="leave the tag out")
        return value

    def _known_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            self._complain("FB005", f"the tag {_short(event.tag)} is not known here", event, hint="leave the tag out")

    def _alias(self, event: Any) -> tuple[Json, Any]:
        if event.anchor not in self._anchors:
            self._complain("FB001", f"no anchor &{event.anchor} stands before this", event)
            return None, event
        value, place, size, chars = self._anchors[event.anchor]
        self._values += size
        self._copied += chars
        if self._values > MAX_VALUES or self._copied > MAX_COPIED:
            self._stop(
                "FB004", f"the anchor &{event.anchor} is repeated so often that the document is too large", event
            )
        copy = Collection(event.start_mark, place.inner if isinstance(place, Collection) else [])
        copy.end_mark = event.end_mark
        copy.size, copy.chars = size, chars
        return value, copy

    def _complain(self, code: str, message: str, place: Any = None, *, hint: str = "") -> None:
        span = self.joined.span(place) if place is not None else Span(line=1, column=1, end_line=1, end_column=2)
        self.found.append(Diagnostic(code=code, message=message, pointer=pointer(self._path), span=span, hint=hint))

    def _stop(self, code: str, message: str, place: Any, *, hint: str = "") -> NoReturn:
        self._complain(code, message, place, hint=hint)
        raise _Stop


def _named(value: Json) -> str:
    return {list: "a list", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
