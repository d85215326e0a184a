"""Parameters of statements: the bytes in a JSON value."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from flowbuilder.errors import StepError


def bytes_of(name: str, value: Any) -> bytes | None:
    """The bytes that `{content_type, size, sha256, base64}` stands for, as rows and binary answers have them; None for
    any other value. `StepError` (`invalid_field`) where they are not those of its size and hash."""
    if not isinstance(value, Mapping) or set(value) != {"content_type", "size", "sha256", "base64"}:
        return None
    try:
        content = b64decode(str(value["base64"]), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if value["size"] != len(content) or value["sha256"] != hashlib.sha256(content).hexdigest():
        message = f"the bytes of the parameter {name} are not those of its size and sha256: they were changed"
        raise StepError(message, code="invalid_field", definitive=True)
    return content
