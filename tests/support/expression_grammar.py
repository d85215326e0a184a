"""Hypothesis strategies for expressions and templates of the language."""

from typing import Any

from hypothesis import strategies as st

CONTEXT: dict[str, Any] = {
    "a": 1,
    "b": 2.5,
    "c": "text",
    "d": True,
    "e": None,
    "f": [1, "x", None, 2.0, True],
    "g": {"a": 1, "h": {"i": "deep"}},
    "rows": [{"k": "x", "v": 3}, {"k": "y", "v": 1}],
    "empty": [],
    "pairs": [["p", 1], ["q", 2]],
}
PATHS = (
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "g.a",
    "g.h.i",
    "g.nope",
    "nope",
    "rows",
    "rows[0].k",
    "rows[1]['v']",
    "rows[5]",
    "f[0]",
    "f[-1]",
    "c[0]",
    "g['h']",
    "e.x",
    "empty",
    "f[a]",
    "g[c]",
    "rows[0:1]",
    "c[1:3]",
)
LITERALS = ("0", "1", "2", "1.0", "0.5", '"text"', "'x'", '""', "true", "false", "null", "[]", "[1, 'x']", "{'a': 1}")
FILTERS = (
    "upper",
    "length",
    "first",
    "last",
    "join('-')",
    "default(1)",
    "default('x')",
    "string",
    "json",
    "sort",
    "unique",
    "reverse",
    "round(1)",
    "round",
    "map('k')",
    "where('k', 'x')",
    "sum('v')",
    "min",
    "trim",
    "abs",
    "int",
    "items",
    "lower",
)
atoms = st.sampled_from(PATHS + LITERALS)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or", "not in"])
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(inner, st.sampled_from(FILTERS)).map(lambda parts: f"({parts[0]} | {parts[1]})"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"(- {part})"),
        inner.map(lambda part: f"({part} is defined)"),
        inner.map(lambda part: f"is_defined({part})"),
        st.tuples(inner, inner).map(lambda parts: f"coalesce({parts[0]}, {parts[1]})"),
        st.tuples(inner, inner).map(lambda parts: f"[{parts[0]}, {parts[1]}]"),
        inner.map(lambda part: f"{{'a': {part}}}.a"),
    )


expressions = st.recursive(atoms, _grown, max_leaves=8)
printed = expressions.map(lambda part: f"{{{{ {part} }}}}")
texts = st.sampled_from(("", " ", "text ", "\n", "- "))


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map("".join)
    names = st.sampled_from("xyz")
    lists = st.sampled_from(("rows", "f", "empty", "range(3)", "rows | map('v')", "g | items", "c"))
    return st.one_of(
        st.tuples(expressions, body, body).map(
            lambda p: "{% if " + p[0] + " %}" + p[1] + "{% else %}" + p[2] + "{% endif %}"
        ),
        st.tuples(expressions, body, expressions, body).map(
            lambda p: "{% if " + p[0] + " %}" + p[1] + "{% elif " + p[2] + " %}" + p[3] + "{% endif %}"
        ),
        st.tuples(names, lists, body, names).map(
            lambda p: "{% for " + p[0] + " in " + p[1] + " %}" + p[2] + "{{ loop.index }}{{ " + p[3] + " }}{% endfor %}"
        ),
        st.tuples(body, body).map(
            lambda p: "{% for x, y in pairs %}{{ x }}" + p[0] + "{{ y }}{% else %}" + p[1] + "{% endfor %}"
        ),
        st.tuples(names, expressions).map(lambda p: "{% set " + p[0] + " = " + p[1] + " %}"),
        names.map(lambda name: "{{ " + name + " | default('unset') }}"),
    )


statements = st.recursive(st.one_of(printed, texts), _nested, max_leaves=8)
templates = st.lists(statements, min_size=1, max_size=4).map("".join)
