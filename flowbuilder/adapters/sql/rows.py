"""Rows as JSON: bounded in number and size, with one rule for each type of value."""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from flowbuilder.errors import StepError
from flowbuilder.ports.sql import SqlAnswer, SqlRequest
from flowbuilder.values import MAX_DEPTH, MAX_INT, MIN_INT, Json, JsonObject, well_formed

MAX_BYTES = 8 * 1024 * 1024


def json_of(value: Any, depth: int = 0) -> Json:
    """A value of a driver as JSON: what JSON does not have is its text, and bytes are those of a binary answer."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, int):
        return value if MIN_INT <= value <= MAX_INT else str(value)
    if isinstance(value, float):
        return (
            value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        )
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value))
    if depth >= MAX_DEPTH - 4:  # the output of the step is around it
        raise StepError("a value has more than 60 levels of lists and objects", code="too_large")
    if isinstance(value, dict):
        return {str(json_of(str(key))): json_of(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_of(inner, depth + 1) for inner in value]
    return str(json_of(str(value)))


def _bytes(value: bytes) -> JsonObject:
    # the same form as `flowbuilder.steps.http.bodies.file_value`, so an `api` step can send it
    return {
        "content_type": "application/octet-stream",
        "size": len(value),
        "sha256": hashlib.sha256(value).hexdigest(),
        "base64": b64encode(value).decode(),
    }


def ensure_columns(columns: Sequence[str]) -> None:
    """Raise `StepError` (`sql_columns`) unless each column has a name of its own: a row is an object."""
    if not all(columns):
        message = f"column {list(columns).index('') + 1} of the query has no name; name it with AS"
        raise StepError(message, code="sql_columns")
    repeated = [name for name, count in Counter(columns).items() if count > 1]
    if repeated:
        message = (
            f"the query has {', '.join(map(repr, repeated[:5]))} more than once; give each column its own name with AS"
        )
        raise StepError(message, code="sql_columns", detail={"columns": list(columns)[:200]})


def answer_of(
    request: SqlRequest, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, drain: bool = False
) -> SqlAnswer:
    """The answer with at most `row_limit` rows. With `drain`, the further rows are taken, too: their statement runs to
    its end. `StepError` with `sql_rows` or `too_large` where there are more rows or bytes than may be."""
    ensure_columns(columns)
    names = [str(json_of(name)) for name in columns]
    found: list[JsonObject] = []
    size, truncated = 0, False
    for row in rows:
        if len(found) == request.row_limit:
            if request.on_more == "fail":
                message = f"the query gives more than {request.row_limit:,} rows"
                hint = "ask for fewer, raise row_limit, or say on_more: stop"
                raise StepError(f"{message}; {hint}", code="sql_rows", detail={"row_limit": request.row_limit})
            truncated = True
            if not drain:
                break
            continue
        record = {name: json_of(value) for name, value in zip(names, row, strict=True)}
        size += len(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
        if size > MAX_BYTES:
            raise StepError(f"the rows have more than {MAX_BYTES:,} bytes; ask for fewer", code="too_large")
        found.append(record)
    return SqlAnswer(columns=tuple(names), rows=tuple(found), row_count=len(found), truncated=truncated)
