"""Known secrets, and their replacement in what comes in from outside."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

from flowbuilder.errors import StepError
from flowbuilder.ports.secret_forms import forms_of, secrets_in
from flowbuilder.ports.sensitive import texts_of
from flowbuilder.values import Json, JsonObject

_Sought = tuple[str, tuple[str, ...], str]
"""What all forms of a secret contain, the forms, and what replaces them."""
MIN_CUT = 8
"""Number of characters of a secret that is cut off, below which it is not looked for."""
MAX_VALUES = 64
"""Maximum number of values of one name: a token that is renewed every hour replaces the oldest one."""


class KnownSecrets:
    """Secret values by the name of what they belong to. `parent` has those that are known for longer.

    Replacing takes one search of the text for each form of each secret. May be used from several threads.
    """

    def __init__(self, parent: KnownSecrets | None = None) -> None:
        self._parent = parent
        self._values: dict[str, list[str]] = {}
        self._forms: tuple[_Sought, ...] = ()
        self._lock = Lock()

    def add(self, name: str, values: Iterable[str], *, keep: int | None = MAX_VALUES) -> None:
        """Know further values, which are replaced by `[name]`. Of those of one name the newest `keep` stay known."""
        with self._lock:
            known = self._values.setdefault(name, [])
            new = [value for value in dict.fromkeys(values) if value not in known]
            if new:
                self._values[name] = (known + new)[-(keep or 0) :]
                self._forms = self._all_forms()

    def add_connection(self, name: str, connection: Mapping[str, Any]) -> None:
        """Know the secrets of a connection."""
        self.add(f"secret of connection {re.sub(r'[^A-Za-z0-9_.-]', '-', name)}", secrets_in(connection))

    def add_sensitive(self, values: JsonObject, what: str = "sensitive input") -> None:
        """Know the texts and numbers inside sensitive values by name, and what `secrets_in` finds in them."""
        for name, value in values.items():
            texts = texts_of(value)
            inner = [secret for text in texts for secret in secrets_in({"secret": text})]
            self.add(f"{what} {name}", [*texts, *inner], keep=None)

    def text(self, text: str) -> str:
        """The text with each secret replaced; the same object when there is none."""
        for common, forms, name in self._known():
            if common in text:
                for form in forms:
                    if form in text:
                        text = text.replace(form, name)
        return text

    def data(self, data: bytes) -> bytes:
        """Bytes of a text in UTF-8 with each secret replaced."""
        for common, forms, name in self._known():
            if common.encode() in data:
                for form in forms:
                    data = data.replace(form.encode("utf-8", "surrogatepass"), name.encode())
        return data

    def base64(self, text: str) -> str:
        """Base64 of bytes with each secret replaced in them; the same text when there is none, or for other text."""
        if not self._known():
            return text
        try:
            data = b64decode(text, validate=True)
        except ValueError:
            return text
        cleaned = self.data(data)
        return text if cleaned == data else b64encode(cleaned).decode()

    def value(self, value: Json) -> Json:
        """The JSON value with each secret replaced in its texts and keys; the same object when there is none."""
        if not self._known():
            return value
        texts: list[str] = []
        _collect(value, texts)
        whole = "\n".join(texts)
        return value if self.text(whole) is whole else self._replaced(value)

    def clean(self, problem: BaseException) -> None:
        """Replace each secret in an error's message and detail, and cut off a cause or context that has one.

        Messages are cut to a length: more than half of a secret at the cut is replaced too.
        """
        if not self._known():
            return
        problem.args = tuple(self._cut(item) if isinstance(item, str) else item for item in problem.args)
        if isinstance(problem, StepError):
            problem.detail = self.value(problem.detail)
        if any(self._cut(str(error)) != str(error) for error in _causes(problem)):
            problem.__cause__ = problem.__context__ = None
        if self._cut(str(problem)) != str(problem):  # an error that makes its text from other fields
            problem.args = (self._cut(str(problem)),)

    def cleaned(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with the secrets replaced in what it returns and raises."""

        def run(*arguments: Any, **options: Any) -> Any:
            try:
                return self.value(call(*arguments, **options))
            except Exception as problem:
                self.clean(problem)
                raise

        return run

    def _cut(self, text: str) -> str:
        text = self.text(text)
        for _, forms, name in self._known():
            for form in forms:
                part = max(MIN_CUT, len(form) // 2 + 1)
                if len(form) > part:
                    text = _without_parts(text, form, part, name)
        return text

    def _known(self) -> tuple[_Sought, ...]:
        return self._forms if self._parent is None else self._forms + self._parent._known()

    def _all_forms(self) -> tuple[_Sought, ...]:
        found = {
            forms: f"[{name}]" for name, values in self._values.items() for value in values for forms in forms_of(value)
        }
        ordered = sorted(found, key=lambda forms: (-len(forms[1][0]), forms))
        return tuple((common, forms, found[common, forms]) for common, forms in ordered)

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.text(str(key)): self._replaced(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._replaced(inner) for inner in value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            shown = self.text(str(value))
            return value if shown == str(value) else shown
        return value


_NONE = KnownSecrets()
_CURRENT: ContextVar[KnownSecrets] = ContextVar("known_secrets", default=_NONE)


@contextmanager
def using_secrets(secrets: KnownSecrets) -> Iterator[None]:
    """Make these the secrets of the calls in this block, for adapters that log or shorten a text by themselves."""
    token = _CURRENT.set(secrets)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_secrets() -> KnownSecrets:
    """The secrets of the current step run; none outside of one."""
    return _CURRENT.get()


def _collect(value: Any, texts: list[str]) -> None:
    """Add the texts, keys and numbers of a JSON value to the list."""
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        texts.extend(value)
        for inner in value.values():
            _collect(inner, texts)
    elif isinstance(value, list | tuple):
        for inner in value:
            _collect(inner, texts)
    elif isinstance(value, int | float):
        texts.append(str(value))


def _without_parts(text: str, form: str, part: int, name: str) -> str:
    """The text without the beginning or the end of a secret, where it is at least `part` characters long."""
    for known in (form, form[::-1]):
        turned = known is not form
        searched = text[::-1] if turned else text
        start = searched.find(known[:part])
        if start >= 0:
            end = start + part
            while end < len(searched) and end - start < len(known) and searched[end] == known[end - start]:
                end += 1
            shown = name[::-1] if turned else name
            searched = searched[:start] + shown + searched[end:]
            text = searched[::-1] if turned else searched
    return text


def _causes(problem: BaseException) -> Iterable[BaseException]:
    seen = {id(problem)}
    found: list[BaseException] = []
    todo = [problem.__cause__, problem.__context__]
    while todo:
        error = todo.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            found.append(error)
            todo += [error.__cause__, error.__context__]
    return found
