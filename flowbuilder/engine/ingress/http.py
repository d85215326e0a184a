"""The base of guarded ports, and guarded HTTP: known secrets are replaced in answers in every encoding."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flowbuilder.ports import HttpRequest, HttpResponse
from flowbuilder.ports.charset import charset_in, encoding_of
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.values import parse_json


@contextmanager
def clean_errors(secrets: KnownSecrets) -> Iterator[None]:
    """Replace each secret in the errors of this block."""
    try:
        yield
    except Exception as problem:
        secrets.clean(problem)
        raise


class Guard:
    """Base class of the guarded ports: the port inside (or the bundle that has it), and the known secrets."""

    def __init__(self, inner: Any, secrets: KnownSecrets) -> None:
        self._inner = inner
        self._secrets = secrets

    async def value(self, answer: Awaitable[Any]) -> Any:
        """The JSON value that is awaited, with the secrets replaced in it and in its error."""
        with clean_errors(self._secrets):
            return self._secrets.value(await answer)


class HttpGuard(Guard):
    """Guarded HTTP."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The answer, with the secrets replaced in its headers, its address and its body."""
        with clean_errors(self._secrets):
            answer: HttpResponse = await self._inner.send(request)
        text = self._secrets.text
        headers = {name: text(value) for name, value in answer.headers.items()}
        answer = replace(answer, headers=headers, url=text(answer.url))
        if not _is_utf8(answer):
            shown = answer.text
            if text(shown) == shown:
                return answer
            kind = answer.headers.get("content-type", "").partition(";")[0]
            headers = {**headers, "content-type": f"{kind}; charset=utf-8"}
            return replace(answer, headers=headers, body=text(shown).encode("utf-8", "replace"))
        body = self._secrets.data(answer.body)
        return answer if body == answer.body else replace(answer, body=self._as_json(answer) or body)

    def _as_json(self, answer: HttpResponse) -> bytes | None:
        """The body of a JSON answer with its values replaced: a secret may be a number. None for what is not JSON."""
        if "json" not in answer.headers.get("content-type", ""):
            return None
        try:
            return json.dumps(self._secrets.value(parse_json(answer.body)), ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return None


def _is_utf8(answer: HttpResponse) -> bool:
    charset = charset_in(answer.headers.get("content-type", ""))
    return not charset or encoding_of(charset) in ("utf-8", None)
