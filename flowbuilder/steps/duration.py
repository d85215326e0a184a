"""Lengths of time as authors write them, in ISO 8601."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter

_DURATION = TypeAdapter(timedelta)


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        seconds = _DURATION.validate_python(value).total_seconds()
        if seconds <= 0:
            raise ValueError("a duration such as P2D (two days) or PT4H (four hours), longer than nothing")
        return value
    raise ValueError("a duration such as P2D (two days) or PT4H (four hours)")


Duration = Annotated[str, BeforeValidator(_duration)]


def seconds_of(duration: str | None) -> float | None:
    """The length of an ISO 8601 duration in seconds: `PT90S` is 90.0."""
    return None if duration is None else _DURATION.validate_python(duration).total_seconds()
