"""Versions of the language: which meaning the functions in a document's texts have.

A stored document says the version that it needs (`language: 2`), so that a later release, in which a function does
something else, runs it as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

LANGUAGE_VERSION: Final = 3
"""Incremented when the meaning of an existing text changes; the functions that changed keep what they did before."""


@dataclass
class LanguageUse:
    """The version that texts are compiled with, and the oldest in which they mean the same as in the newest."""

    version: int = LANGUAGE_VERSION
    needed: int = 1


_CURRENT: ContextVar[LanguageUse | None] = ContextVar("language", default=None)


@contextmanager
def language(version: int) -> Iterator[LanguageUse]:
    """Within the block, templates and expressions that are made have the meaning of this version."""
    use = LanguageUse(version=version)
    token = _CURRENT.set(use)
    try:
        yield use
    finally:
        _CURRENT.reset(token)


def current() -> LanguageUse:
    """The use of the innermost `language` block; outside of one, the newest version."""
    return _CURRENT.get() or LanguageUse()
