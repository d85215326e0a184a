"""Printing of values: text unchanged, null as an empty text, everything else as JSON."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Any

from flowbuilder.language.evaluation.operators import check_depth
from flowbuilder.language.limits import Meter


def text(meter: Meter, value: Any) -> str:
    """The printed value: text unchanged, null as an empty text, everything else as JSON."""
    value_type = value.__class__
    if value_type is str:
        return str(value)
    if value is None:
        return ""
    if value_type is bool:
        return "true" if value else "false"
    if value_type is int or value_type is float:
        return repr(value)
    out: list[str] = []
    write_json(meter, value, out, 0)
    return "".join(out)


def join(meter: Meter, *values: Any) -> str:
    """`a ~ b ~ c`: the printed values, joined."""
    parts = [value if value.__class__ is str else text(meter, value) for value in values]
    meter.hold(sum(map(len, parts)))
    return "".join(parts)


def write_json(meter: Meter, value: Any, out: list[str], depth: int) -> None:
    """Append the JSON of a value to `out`; charges the meter for each part."""
    value_type = value.__class__
    if value_type is str:
        meter.hold(2 * len(value) + 16)
        out.append(encode_basestring(value))
    elif value_type is list:
        check_depth(depth)
        meter.work(2 * len(value) + 4)
        meter.hold(4 * len(value) + 16)
        out.append("[")
        for index, inner in enumerate(value):
            if index:
                out.append(", ")
            write_json(meter, inner, out, depth + 1)
        out.append("]")
    elif value_type is dict:
        check_depth(depth)
        meter.work(3 * len(value) + 4)
        meter.hold(8 * len(value) + 16)
        out.append("{")
        for index, (key, inner) in enumerate(value.items()):
            if index:
                out.append(", ")
            meter.hold(2 * len(key) + 16)
            out.append(encode_basestring(key))
            out.append(": ")
            write_json(meter, inner, out, depth + 1)
        out.append("}")
    elif value is None:
        out.append("null")
    else:
        meter.hold(24)
        out.append(text(meter, value))
