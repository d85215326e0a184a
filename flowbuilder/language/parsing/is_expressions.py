"""What may stand after `is`: `x is defined`, `x is not null`."""

from __future__ import annotations

import difflib

from flowbuilder.language.names import fault
from flowbuilder.language.nodes import Call, Expr, Not

TESTS = {
    "defined": "is_defined",
    "null": "is_null",
    "none": "is_null",
    "None": "is_null",
    "text": "is_text",
    "string": "is_text",
    "number": "is_number",
    "integer": "is_integer",
    "boolean": "is_boolean",
    "list": "is_list",
    "sequence": "is_list",
    "object": "is_object",
    "mapping": "is_object",
    "even": "is_even",
    "odd": "is_odd",
    "empty": "is_empty",
}


def test_call(name: str, value: Expr, start: int, end: int) -> Expr:
    """The call that `value is name` means; raises FB202 for a test that is not there."""
    if name == "undefined":
        return Not(start, end, Call(start, end, "is_defined", (value,)))
    if name not in TESTS:
        close = difflib.get_close_matches(name, TESTS, n=1)
        hint = f"did you mean `is {close[0]}`?" if close else "after `is` stands one of: " + ", ".join(TESTS)
        raise fault("FB202", f"there is no test {name}", start, end, hint)
    return Call(start, end, TESTS[name], (value,))
