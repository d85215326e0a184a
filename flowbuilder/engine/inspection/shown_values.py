"""Values for people: sensitive ones are replaced, also in what a template made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from pydantic import BaseModel

from flowbuilder.language import Expression, Template
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.secret_forms import MIN_LENGTH
from flowbuilder.ports.sensitive import HIDDEN, texts_of
from flowbuilder.values import Json, JsonObject


class SensitiveValues:
    """The sensitive values of one execution, and their replacement in what people see of it.

    A value of at least six characters is found wherever it stands; a shorter one only where it is a whole text or
    number, because it would be found in words that are no secrets.
    """

    def __init__(self) -> None:
        self._secrets = KnownSecrets()
        self._short: set[str] = set()
        self._known = False

    def add(self, values: JsonObject, what: str = "sensitive input") -> None:
        """Know further values by name."""
        self._secrets.add_sensitive(values, what)
        self._short |= {text for value in values.values() for text in texts_of(value) if 0 < len(text) < MIN_LENGTH}
        self._known = self._known or bool(values)

    def shown(self, value: Json) -> Json:
        """The value with the values of at least six characters replaced."""
        return self._secrets.value(value)

    def masked(self, context: JsonObject, names: Collection[str]) -> JsonObject:
        """The names that templates see, with each sensitive value replaced: all of the inputs with these names, and
        what equals or contains a known value elsewhere."""
        if not self._known:
            return context
        masked = {name: self._without_short(value) for name, value in context.items()}
        inputs = masked.get("inputs")
        if isinstance(inputs, dict):
            masked["inputs"] = {name: self._whole(value) if name in names else value for name, value in inputs.items()}
        return self._secrets.value(masked)  # type: ignore[return-value]

    def made(self, real: Json, masked: Json) -> Json:
        """What templates made, as it may be shown. `masked` is what they make of the masked names.

        A text or number that differs there was made from a sensitive value in a way that no search finds: the masked
        text takes its place, or `[hidden]` where that does not show that something is left out.
        """
        return _unless_made(self._secrets.value(real), masked)

    def _without_short(self, value: Json) -> Json:
        if isinstance(value, dict):
            return {name: self._without_short(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._without_short(inner) for inner in value]
        plain = value is None or isinstance(value, bool)
        return HIDDEN if not plain and str(value) in self._short else value

    def _whole(self, value: Json) -> Json:
        if isinstance(value, dict):
            return {name: self._whole(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._whole(inner) for inner in value]
        found = self._secrets.value(value)
        return HIDDEN if found == value else found


def _unless_made(shown: Json, masked: Json) -> Json:
    if isinstance(shown, dict) and isinstance(masked, dict) and shown.keys() == masked.keys():
        return {name: _unless_made(inner, masked[name]) for name, inner in shown.items()}
    if isinstance(shown, list) and isinstance(masked, list) and len(shown) == len(masked):
        return [_unless_made(*pair) for pair in zip(shown, masked, strict=True)]
    if shown == masked:
        return shown
    return masked if isinstance(masked, str) and (HIDDEN in masked or "[sensitive " in masked) else HIDDEN


def plain(value: Any) -> Json:
    """A field of a step as JSON: a record is an object of the fields that were written, a text of the language its
    source."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        written = [name for name in fields if name in value.model_fields_set]
        return {fields[name].alias or name: plain(getattr(value, name)) for name in written}
    if isinstance(value, Template | Expression):
        return value.source
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in _ordered(value)]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _ordered(values: Iterable[Any]) -> Iterable[Any]:
    return sorted(values) if isinstance(values, set | frozenset) else values
