"""The secret values inside a connection, and the forms in which a server may send one back."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

MIN_LENGTH = 6
"""Number of characters below which a value is not looked for: it would be found in words that are no secrets."""

_SECRET_NAME = re.compile(
    r"auth|cookie|credential|key|passphrase|password|passwd|pwd|private|secret|session|signature|token|(^|[_-])pat($|[_-])",
    re.IGNORECASE,
)
_NO_SECRETS = frozenset(
    {
        "auth", "base_url", "burst", "client_email", "client_id", "concurrency", "connect_seconds", "folder", "hosts",
        "limits", "max_bytes", "preset", "privileged", "project_id", "provider", "rate", "token_uri", "auth_uri",
        "token_url", "tools", "type", "url", "username", "accept", "accept-encoding", "accept-language", "content-type",
        "user-agent",
    }
)  # fmt: skip
_ADDRESSES = frozenset({"base_url", "url", "token_uri", "token_url", "auth_uri"})
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_.~-]{16,}")
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d\S*|[\w.-]+/[\w.*+-]+|v?\d+(\.\d+)+|[/~.].*")
_RUN = re.compile(r"[A-Za-z0-9]+")
_DATABASE_PASSWORD = re.compile(r"[\w+.-]+://[^:/@]*:([^@]+)@")
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Digest|Key)\s+(\S.*)", re.IGNORECASE)


def sounds_secret(name: str) -> bool:
    """Whether a value of this name is likely to be a secret."""
    name = name.lower()
    return name not in _NO_SECRETS and _SECRET_NAME.search(name) is not None and not name.endswith("version")


def secrets_in(connection: Mapping[str, Any]) -> Iterator[str]:
    """The secret values of a connection: those whose field sounds like one, or which look like a token.

    An address has those of its query and its user name; a command line those of its options (`--token X`, `--key=X`).
    """
    for name, value in connection.items():
        yield from _secrets_of(str(name), value)


Forms = tuple[str, tuple[str, ...]]
"""A text without special characters, and the forms, longest first, that all contain it."""


def forms_of(secret: str) -> frozenset[Forms]:
    """The texts that say a secret: itself, and what base64, hexadecimal, URLs, JSON, HTML and Python make of it.

    Base64 is that of the secret at each of its three alignments inside a longer text, so `user:password` needs no
    form of its own. Empty for a secret of fewer than `MIN_LENGTH` characters.
    """
    if len(secret) < MIN_LENGTH:
        return frozenset()
    joined = secret.replace(" ", "")
    plain = {secret, joined} if len(joined) >= MIN_LENGTH else {secret}
    encoded = set(plain)
    for text in plain:
        data = text.encode("utf-8", "surrogatepass")
        encoded |= {data.hex(), data.hex().upper(), *_base64(data)}
    return frozenset(_forms(text) for text in encoded if len(text) >= MIN_LENGTH)


def _forms(text: str) -> Forms:
    forms = tuple(sorted(set(_quoted(text)), key=lambda form: (-len(form), form)))
    runs = sorted(_RUN.findall(text), key=len, reverse=True)
    return next((run for run in runs if all(run in form for form in forms)), ""), forms


def _secrets_of(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets_of(str(key), inner)
    elif isinstance(value, list) and name in ("command", "args"):
        yield from _of_command([str(item) for item in value])
    elif isinstance(value, list):
        for item in value:
            yield from _secrets_of(name, item)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield from _of_text(name.lower(), str(value))


def _of_text(name: str, value: str) -> Iterator[str]:
    if "://" in value and (name in _ADDRESSES or not _SECRET_NAME.search(name)):
        yield from _of_address(value)
        return
    if value.lstrip().startswith("{"):
        yield from _of_json(value)
    sounds = sounds_secret(name)
    if name in _NO_SECRETS or not (sounds or (_TOKEN.fullmatch(value) and not _PLAIN.fullmatch(value))):
        scheme = _SCHEME.fullmatch(value)
        if scheme is not None and name not in _NO_SECRETS:
            yield scheme[1]
        return
    scheme = _SCHEME.fullmatch(value)
    yield scheme[1] if scheme else value
    if "\n" in value:  # a key file: a server may send back one of its lines
        yield from (line for line in value.splitlines() if len(line) >= 32 and not line.startswith("-----"))


def _of_json(value: str) -> Iterator[str]:
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return
    if isinstance(inner, dict):
        yield from secrets_in(inner)


def _of_address(value: str) -> Iterator[str]:
    # a URL of a database may have any character but @ in its password, also those that end the host of other URLs
    if (found := _DATABASE_PASSWORD.match(value)) and not value.lower().startswith("http"):
        yield from {found[1], unquote(found[1])}
    try:
        parts = urlsplit(value)
    except ValueError:
        return
    if parts.password:
        yield from {parts.password, unquote(parts.password)}
    for name, inner in parse_qsl(parts.query):
        yield from _of_text(name.lower(), inner)


def _of_command(words: list[str]) -> Iterator[str]:
    for before, word in zip(["", *words], words, strict=False):
        option, equals, value = word.partition("=")
        if equals and option.startswith("-"):
            yield from _of_text(option.lstrip("-").lower(), value)
        elif before.startswith("-") and _SECRET_NAME.search(before):
            yield word
        elif "://" in word:
            yield from _of_address(word)


def _base64(data: bytes) -> Iterator[str]:
    for before in range(3):
        encoded = b64encode(b"\0" * before + data).decode()
        # the first and the last characters depend on what stands before and after the secret
        inside = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield inside
        yield inside.replace("+", "-").replace("/", "_")


def _quoted(text: str) -> Iterable[str]:
    strict = quote(text, safe="", errors="replace")
    ascii_json = json.dumps(text)[1:-1]
    marks = html.escape(text)
    return (
        text,
        strict,
        re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), strict),
        quote(text, safe="/", errors="replace"),
        quote(text, safe="!*'()", errors="replace"),
        quote_plus(text, errors="replace"),
        ascii_json,
        ascii_json.replace("/", "\\/"),
        json.dumps(text, ensure_ascii=False)[1:-1],
        json.dumps(ascii_json)[1:-1],
        marks,
        marks.replace("&#x27;", "&#39;"),
        marks.replace("&#x27;", "&#039;").replace("&quot;", "&#34;"),
        html.escape(text, quote=False),
        repr(text)[1:-1],
    )
