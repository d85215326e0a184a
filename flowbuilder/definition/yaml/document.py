"""Reads YAML or JSON text into one JSON object, with the line and column of every value and key in it.

The subset of YAML 1.2 that JSON can express: `on`, `yes` and `no` are texts, keys are texts, merge keys (`<<`) and
custom tags are errors, anchors are copied within the limits below. No object is constructed from a tag.
"""

from __future__ import annotations

from typing import Any, NoReturn

import yaml
from msgspec import Struct

from flowbuilder.definition.document import Positions
from flowbuilder.definition.yaml.positions import Collection, JoinedPairs, SpanIndex
from flowbuilder.definition.yaml.scalars import begins_with_zero, plain_value
from flowbuilder.definition.yaml.syntax_errors import character_diagnostic, syntax_diagnostic, text_needs_quotes
from flowbuilder.diagnostics import Diagnostic, Span
from flowbuilder.values import MAX_DEPTH, Json, JsonObject, NotJson, pointer

MAX_TEXT = 1024 * 1024
"""The most characters of a document."""
MAX_VALUES = 200_000
"""The most values of a document; values that an anchor repeats count each time."""
MAX_REPEATED = 5_000
"""The most values that anchors may repeat: a short text must not cost as much as a long one."""
MAX_COPIED = 4 * 1024 * 1024
"""The most characters that anchors may repeat."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


class YamlDocument(Struct, frozen=True, kw_only=True):
    """The result: `value` is None where the text is not one object; `positions` has every value and key."""

    value: JsonObject | None
    positions: Positions
    diagnostics: tuple[Diagnostic, ...]


def read_document(text: str) -> YamlDocument:
    """Read one YAML or JSON document, and report all errors that one pass can find."""
    text = text.removeprefix("\ufeff")
    reader = _Reader(text)
    value = reader.read()
    values = SpanIndex(reader.root, reader.joined.span, names=False)
    keys = SpanIndex(reader.root, reader.joined.span, names=True)
    positions = Positions(values=values, keys=keys, text=text)
    return YamlDocument(value=value, positions=positions, diagnostics=tuple(reader.found))


class _Stop(Exception):
    """The reader cannot continue; the error is reported."""


class _Reader:
    """One pass over the events of the parser. The event of a scalar is also its position."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Diagnostic] = []
        self.root: Any = None
        self._path: list[str | int] = []
        self._anchors: dict[str, tuple[Json, Any, int, int]] = {}
        self._values = 0
        self._repeated = 0
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
            self.found.append(syntax_diagnostic(error, self.text))
        except (yaml.YAMLError, UnicodeEncodeError):
            self.found.append(character_diagnostic(self.text))
        return None

    def _document(self) -> JsonObject | None:
        if len(self.text) > MAX_TEXT:
            self._report("FB004", f"the document has {len(self.text):,} characters; the limit is {MAX_TEXT:,}")
            return None
        self._events = _Parser(self.joined.text)
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            self._report("FB003", "the document is empty", hint="a definition begins with schema: flowbuilder/v1")
            return None
        value, self.root = self._value(self._next())
        self._next()
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            self._report("FB003", "a second document begins here", after, hint="one file holds one workflow")
            raise _Stop
        if isinstance(value, dict):
            return value
        self._report("FB003", f"the document is {_named(value)}, not an object with fields", self.root)
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
                self._report("FB002", f"duplicate name {key}", name, hint=f"it is first used in line {first}")
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
            self._stop("FB001", "a list or an object cannot be a name", event, hint=hint)
        if event.value == "<<" and not event.style:
            self._report(
                "FB005", "merge keys (<<) are not supported", event, hint="repeat the fields, or anchor the whole value"
            )
        return str(event.value)

    def _scalar(self, event: Any) -> Json:
        if event.tag not in (None, "!"):
            return self._tagged(event)
        if event.style or event.tag == "!":
            return str(event.value)
        if begins_with_zero(event.value):
            message = f"{event.value} begins with a zero: readers of YAML disagree on its value"
            number = event.value.lstrip("+-0") or "0"
            self._report("FB005", message, event, hint=f'write "{event.value}" for the text, {number} for the number')
            return None
        try:
            return plain_value(event.value)
        except NotJson as error:
            self._report("FB005", str(error), event)
            return None

    def _tagged(self, event: Any) -> Json:
        if event.tag == _TAG + "str":
            return str(event.value)
        value: Json = None
        try:
            value = plain_value(event.value)
        except NotJson as error:
            self._report("FB005", str(error), event)
            return None
        kinds: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        wanted = kinds.get(event.tag.removeprefix(_TAG))
        if wanted is None or not isinstance(value, wanted):
            self._report_tag(event)
        return value

    def _report_tag(self, event: Any) -> None:
        written = f"{event.tag} {getattr(event, 'value', '')}".strip()
        quotes = text_needs_quotes(written)
        hint = f"{quotes}, or remove the tag" if quotes else "remove the tag"
        self._report("FB005", f"the tag {_short(event.tag)} is not supported", event, hint=hint)

    def _known_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            self._report_tag(event)

    def _alias(self, event: Any) -> tuple[Json, Any]:
        if event.anchor not in self._anchors:
            hint = text_needs_quotes(f"*{event.anchor}")
            self._report("FB001", f"there is no anchor &{event.anchor} above this", event, hint=hint)
            return None, event
        value, place, size, chars = self._anchors[event.anchor]
        self._values += size
        self._repeated += size
        self._copied += chars
        if self._values > MAX_VALUES or self._repeated > MAX_REPEATED or self._copied > MAX_COPIED:
            self._stop(
                "FB004", f"the anchor &{event.anchor} is repeated so often that the document is too large", event
            )
        copy = Collection(event.start_mark, place.inner if isinstance(place, Collection) else [])
        copy.end_mark = event.end_mark
        copy.size, copy.chars = size, chars
        return value, copy

    def _report(self, code: str, message: str, place: Any = None, *, hint: str = "") -> None:
        span = self.joined.span(place) if place is not None else Span(line=1, column=1, end_line=1, end_column=2)
        self.found.append(Diagnostic(code=code, message=message, pointer=pointer(self._path), span=span, hint=hint))

    def _stop(self, code: str, message: str, place: Any, *, hint: str = "") -> NoReturn:
        self._report(code, message, place, hint=hint)
        raise _Stop


def _named(value: Json) -> str:
    return {list: "a list", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
