"""The worst known inputs of each filter, parser and word of JSON Schema, and their cost in a process of its own.

`python -m tests.support.worst_inputs KIND` measures each case of a kind in a fork of a process that has all loaded,
under limits of the operating system, and prints a line of JSON for each: `{name, seconds, megabytes, outcome}`.
The first line is a calibration: the processor seconds of a fixed piece of work. With a LIMIT, a case that takes more
seconds is measured twice more, and the least is said: other programs on the machine only ever add to it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from flowbuilder.errors import FlowbuilderError

MEGABYTE = 1024 * 1024
MARKS = "a" + "\u0301\u0316" * 90_000
WORDS = "lorem ipsum " * 60_000
WIDE = "\u65e5\u672c\U0001f600 " * 100_000
NUMBERS = list(range(40_000))
TEXTS = [f"item {index}" for index in range(40_000)]
ALIKE = ["x" * 2_000] * 2_000
OBJECTS = [{"k": f"k{index % 9}", "v": index, "o": {"a": [index]}} for index in range(20_000)]
LISTS = [[index, [index]] for index in range(30_000)]
MAP = {f"k{index}": index for index in range(40_000)}
SAME_HASH: list[Any] = [2.0**exponent for exponent in range(0, 1000, 61)] * 2_000


def nested(depth: int, leaf: Any = 1) -> Any:
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


MANY_TEXTS = (WORDS, WIDE, MARKS, "a" * 900_000, "<" * 300_000, "&" * 300_000, "\n" * 300_000, "\u0130\u03a3" * 200_000,
              "\ufdfa" * 200_000, "\u0f73\u0316" * 90_000, "\u1e9e\ufb03" * 200_000,
              "\u0e01" * 1_000_000, "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22" * 55_000, "\u4e00" * 390_000,
              "\u30a2" * 390_000, "\u3042" * 130_000, "\u3042" * 260_000, "\U0001f469\u200d" * 130_000,
              "\U0001f1e9" * 390_000,
              "\ud800" * 390_000, "\0" * 390_000, "<" * 1_000_000)  # fmt: skip
HTML = (
    "<>" * 200_000, "<!--" * 150_000, "&#" + "1" * 5_000 + ";", "&#x" + "f" * 500_000, "&ab" * 200_000, "&" * 400_000,
    ("&" + "b" * 32) * 20_000, "<b>&amp;x</b>" * 40_000, "&#1" * 200_000, "&#0" + "0" * 300_000, "<a " * 200_000,
    "<div>" * 21_000, "<b><p>" * 10_000, "<x>" * 10_000 + "</y>" * 10_000, "<table>x" * 20_000, "<template>" * 19_000,
    "<script><!--" * 10_000, "<textarea></te" * 10_000, "<svg><![CDATA[" * 10_000, "<!-- -- " * 19_000, "</" * 23_000,
    "<a " + " ".join(f"a{number}" for number in range(39_000)) + ">",
    "<a " + " a" * 130_000, "<a" + "/a" * 130_000 + ">", "<" * 19_000, "<br>" * 19_000,
 "<a b='" * 20_000, "&notin" * 40_000,
)  # fmt: skip
FILTERS: dict[str, list[tuple[str, Any]]] = {
    **{name: [(f"x | {name}", text) for text in MANY_TEXTS]
       for name in ("upper", "lower", "title", "capitalize", "trim", "slugify", "wordcount", "urlencode", "escape_html",
                    "string", "json")},
    "strip_html": [("x | strip_html", text) for text in (*MANY_TEXTS, *HTML)],
    "truncate": [("x | truncate(800000)", text) for text in MANY_TEXTS],
    "replace": [
        ("x | replace('a', 'bbbb')", "a" * 900_000), ("x | replace('aab', 'c')", "a" * 900_000),
        ("x | replace('" + "a" * 900 + "b', 'c')", "a" * 900_000),
        ("x | replace('" + "ab" * 400 + "', 'c')", "ab" * 400_000 + "b"),
    ],
    "split": [("x | split('a')", "a" * 900_000), ("x | split", "a " * 400_000),
              ("x | split('" + "a" * 900 + "b')", "a" * 900_000)],
    "join": [("x | join(',')", value) for value in (NUMBERS, TEXTS, ALIKE, OBJECTS, LISTS)],
    "center": [("x | center(3900000)", "a"), ("x | center(9000000000)", "a")],
    "indent": [("x | indent(9)", "\n" * 300_000), ("x | indent(900000000)", "a\n")],
    "startswith": [("x | startswith(x)", "a" * 900_000)],
    "endswith": [("x | endswith(x)", "a" * 900_000)],
    "length": [("x | length", WORDS)], "first": [("x | first", WORDS)], "last": [("x | last", WORDS)],
    "slice": [("x | slice(1)", NUMBERS), ("x | slice(-999999)", WIDE)],
    "reverse": [("x | reverse", NUMBERS), ("x | reverse", WIDE)],
    "unique": [("x | unique", value) for value in (NUMBERS, TEXTS, ALIKE, OBJECTS, LISTS, SAME_HASH,
        [nested(50)] * 900)],
    "flatten": [("x | flatten", LISTS), ("x | flatten", [NUMBERS] * 900)],
    "keys": [("x | keys", MAP)], "values": [("x | values", MAP)], "items": [("x | items", MAP)],
    "merge": [("x | merge(x)", MAP)],
    "map": [("x | map('o.a.0')", OBJECTS), ("x | map('\u00b2')", LISTS), ("x | map('a', default=0)", TEXTS),
            ("x | map('" + "a." * 90 + "a', default=0)", TEXTS)],
    "where": [("x | where('o', x[0].o)", OBJECTS), ("x | where('k')", OBJECTS)],
    "reject": [("x | reject('o', x[0].o)", OBJECTS)],
    "sort": [("x | sort", value) for value in (NUMBERS, TEXTS, ALIKE, SAME_HASH)] + [("x | sort('k')", OBJECTS)],
    "sum": [("x | sum", NUMBERS), ("x | sum('v')", OBJECTS), ("x | sum", [1e308] * 9_000)],
    "min": [("x | min", ALIKE), ("x | min('k')", OBJECTS)], "max": [("x | max", ALIKE), ("x | max('v')", OBJECTS)],
    "abs": [("x | abs", -(2**63))], "round": [("x | round(-20)", 2**63 - 1), ("x | round(20)", 1e308)],
    "int": [("x | int", value) for value in ("9" * 40, "\u00b2", "1e308", 1e308, "9" * 900_000)],
    "float": [("x | float", value) for value in ("9" * 40, "\u00b2", "1e400", "9" * 900_000)],
    "range": [("range(x)", 2**63 - 1), ("range(0, x, 1)", 390_000), ("range(x, 0, -1)", 2**63 - 1)],
    "date": [("x | date('" + "%B" * 900 + "')", "2026-03-05"), ("x | date", 1e308), ("x | date", "9" * 900_000),
             ("x | date", " " * 900_000)],
    "add_days": [("x | add_days(1e308)", "2026-03-05"), ("x | add_days(999999999)", 0)],
    "days_between": [("x | days_between(x)", "2026-03-05"), ("x | days_between(0)", -1e308)],
    "contains": [("x | contains('" + "a" * 900 + "b')", "a" * 900_000), ("x | contains(x[0])", OBJECTS),
                 ("x | contains('zz')", TEXTS)],
    "default": [("x | default(x)", MAP)], "coalesce": [("coalesce(null, x)", MAP)],
    **{name: [(f"{name}(x)", 2**63 - 1), (f"{name}(x)", WORDS)]
       for name in ("is_boolean", "is_defined", "is_empty", "is_even", "is_integer", "is_list", "is_null", "is_number",
                    "is_object", "is_odd", "is_text")},
}  # fmt: skip
FILTERS["json"] += [("x | json", value) for value in (OBJECTS, LISTS, MAP, nested(63), nested(80), "\x01" * 400_000)]
FILTERS["string"] += [("x | string", value) for value in (OBJECTS, LISTS, nested(70))]

TOO_LONG = 10.0
"""Seconds after which a case is not measured again."""

Measure = Callable[[], Callable[[], Any]]
"""Prepares an input, and returns the work that is measured."""


def filters() -> dict[str, Measure]:
    """A case for each input of each filter, named `FILTER NUMBER`."""
    import anyascii  # noqa: F401 - loaded before the work is measured
    import icu4py.breakers  # noqa: F401
    import justhtml  # noqa: F401

    from flowbuilder.language import Expression

    def prepared(text: str, value: Any) -> Measure:
        def prepare() -> Callable[[], Any]:
            expression = Expression(text)
            Expression("x").evaluate({"x": 1})
            return lambda: expression.evaluate({"x": value})

        return prepare

    return {
        f"{name} {number}": prepared(text, value)
        for name, cases in FILTERS.items()
        for number, (text, value) in enumerate(cases)
    }


def kinds() -> dict[str, Callable[[], dict[str, Measure]]]:
    """The kinds of cases."""
    from tests.support import worst_documents

    return {"filters": filters, **worst_documents.KINDS}


def main(kind: str, step: int = 1, limit: float = TOO_LONG) -> None:
    """Print the calibration, then the cost of each case of a kind, or of every `step`-th one."""
    print(json.dumps({"name": "calibration", "seconds": min(calibration() for _ in range(3))}), flush=True)
    for name, prepare in list(kinds()[kind]().items())[::step]:
        cost = _in_a_fork(prepare)
        if limit < cost["seconds"] < TOO_LONG:
            cost = min(cost, _in_a_fork(prepare), _in_a_fork(prepare), key=lambda one: one["seconds"])
        print(json.dumps({"name": name, **cost}), flush=True)


def calibration() -> float:
    """The processor seconds of a fixed piece of work: 0.1 on the machine that the limits were set on."""
    begin = time.process_time()
    table = {}
    for number in range(150_000):
        table[str(number)] = number * 3 % 7
    "".join(sorted(table))
    return time.process_time() - begin


def _in_a_fork(prepare: Measure) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (3072 * MEGABYTE,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        os.write(writing, json.dumps(_measured(prepare)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(said) if said else {"seconds": 99.0, "megabytes": 0.0, "outcome": f"status {status}"}


def _measured(prepare: Measure) -> dict[str, Any]:
    work = prepare()
    before, begin = _peak(), time.process_time()
    try:
        work()
        outcome = "ok"
    except FlowbuilderError as error:
        outcome = f"error {getattr(error, 'code', type(error).__name__)}"
    except BaseException as error:
        outcome = f"CRASH {type(error).__name__}: {error!s:.100}"
    return {"seconds": time.process_time() - begin, "megabytes": _peak() - before, "outcome": outcome}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]), *map(float, sys.argv[3:]))
