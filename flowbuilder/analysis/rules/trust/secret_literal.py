"""FB504: a text looks like a secret: a key, a token or a password.

A definition is stored, versioned and shown to people. Secrets belong in connections; a step names the connection.

Wrong:
    steps:
      - id: rows
        type: api
        url: https://api.example.com/rows
        headers: {authorization: "Bearer 3f9a8c7b6d5e4f3a2b1c0d9e8f7a6b5c"}
    outputs: {rows: "{{ steps.rows.output.body }}"}

Right:
    steps:
      - id: rows
        type: api
        url: https://api.example.com/rows
        connection: example-api
    outputs: {rows: "{{ steps.rows.output.body }}"}
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.values import pointer, strings_in

CODE = "FB504"
_PATTERN = r"""(?x)
      (?P<key>\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,} | \bsk_(?:live|test)_[A-Za-z0-9]{16,} | \bAIza[A-Za-z0-9_-]{30,})
    | (?P<access>\bAKIA[A-Z0-9]{16}\b)
    | (?P<token>\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|hf_)[A-Za-z0-9_-]{16,}
        | (?i:\b(?:bearer|basic))\s+(?=[A-Za-z0-9._~+/-]*[0-9])[A-Za-z0-9._~+/-]{20,}=*
        | \beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,})
    | (?P<private>-----BEGIN\ [A-Z ]*PRIVATE\ KEY-----)
    | (?P<password>(?i:\b(?:password|passwd|secret|api[_-]?key|access[_-]?token))["']?\s*(?:=|:|\bis\b)\s*["']?
        (?!\{[{%])(?=[^\s"'{}]*[0-9])[^\s"'{}]{8,})
    | (?P<url>\b[a-z][a-z0-9+.-]*://[^\s/:@{}]+:(?!\{\{)[^\s/:@{}]{3,}@)
    """
"""Compiled at its first use: few documents hold a quick mark."""
_QUICK_MARKS = (
    "sk-", "pk-", "rk-", "sk_", "aiza", "akia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox",
    "hf_", "bearer", "basic", "eyj", "-----begin", "password", "passwd", "secret", "apikey", "api_key", "api-key",
    "accesskey", "access_key", "access-key", "accesstoken", "access_token", "access-token",
)  # fmt: skip
"""A lower-case part of each kind of secret, except of a URL, which has an @: a quick test before the slow pattern."""
_SHORTEST = 10
_WORDS = {
    "key": "an API key", "access": "an access key", "token": "a token", "private": "a private key",
    "password": "a password", "url": "a password in a URL",
}  # fmt: skip


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each text that holds a secret; the message does not repeat the secret."""
    positions = analysis.definition.positions
    texts = [(place, text) for place, text in strings_in(analysis.definition.document) if len(text) >= _SHORTEST]
    if not _may_hold_secret("\n".join(text for _, text in texts)):
        return
    for place, text in texts:
        found = re.search(_PATTERN, text)
        if found is None:
            continue
        at = pointer(place)
        yield Diagnostic(
            code=CODE,
            severity="warning",
            message=f"this looks like {_WORDS[str(found.lastgroup)]}; a definition is stored and shown to people",
            hint="keep it in a connection and name the connection in the step",
            pointer=at,
            span=positions.inside(at, text, found.start(), found.end()),
        )


def _may_hold_secret(text: str) -> bool:
    small = text.lower()
    if any(mark in small for mark in _QUICK_MARKS) or ("@" in text and "://" in text):
        return re.search(_PATTERN, text) is not None
    return False
