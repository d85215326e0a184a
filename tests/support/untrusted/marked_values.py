"""Random JSON values with an outsider's marker in them, shapes that describe them, and texts of the language over them.

The marker is the letter z: no other text here has one, so that it is found again after filters that change a text.
"""

import json
import random
import re
from typing import Any

from flowbuilder.json_schema import BadSchema, problems
from flowbuilder.language import Shape, shape_of_schema
from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.language.types.taint import Taint
from flowbuilder.language.types.value_shapes import shape_of_value

MARKER = "zzz"
OUTSIDER = Taint(("outsider",))
KEYS = ("a", "b", "k", "0")
CLEAN: tuple[Any, ...] = ("", "a", "text", "2026-01-31", "1", 0, 1, 2.5, True, False, None)
MARKED = (MARKER, f"<p>{MARKER}</p>", f"a {MARKER} b")
DRAFTS = tuple(
    f"http{secure}://json-schema.org/{draft}"
    for draft in (
        "draft-04/schema#",
        "draft-06/schema#",
        "draft-07/schema#",
        "draft/2019-09/schema",
        "draft/2020-12/schema",
    )
    for secure in ("", "s")
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "~")


def is_marked(value: Any) -> bool:
    """Whether an outsider's text, or a letter of it, is in a JSON value."""
    # a time ends with a digit and Z, and messages of the sandbox have words of its own
    return re.search(r"(?<!\d)z(?!ero|one)", json.dumps(value).casefold().replace("size", "")) is not None


_TAKES = {"length": "list", "first": "list", "last": "list", "slice": "list", "reverse": "list", "contains": "list"}
"""What the first argument of some functions that take any value should be."""


class Marked:
    """A source of random values, shapes and texts; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._one = self.random.choice
        self.said: set[str] = set()
        """The functions and operators in the texts made so far."""

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return self.random.random() < share

    def value(self, depth: int = 0) -> Any:
        """A value; about every third text in it is the outsider's."""
        kind = self._one(("text", "text", "plain", "list", "object") if depth < 3 else ("text", "plain"))
        if kind == "text":
            return self._one(MARKED)
        if kind == "plain":
            return self._one(CLEAN)
        if kind == "list":
            alike = self.chance(0.5)
            first = self.value(depth + 1)
            return [first if alike else self.value(depth + 1) for _ in range(self.random.randrange(4))]
        names = [MARKER if self.chance(0.15) else self._one(KEYS) for _ in range(self.random.randrange(4))]
        return {name: self.value(depth + 1) for name in names}

    def shape(self, value: Any) -> Shape:
        """A shape that the value has, with marks on all that outsiders may have written."""
        match self._one(("exact", "exact", "schema", "schema", "schema", "unknown", "either")):
            case "exact":
                return self._exact(value)
            case "schema":
                return shape_of_schema(self.schema_for(value)).with_trust(OUTSIDER)
            case "unknown":
                return Shape.unknown().with_trust(OUTSIDER)
        one, other = self.shape(value), self.shape(self.value())
        return one | other if self.chance(0.5) else other | one

    def _exact(self, value: Any) -> Shape:
        taint = OUTSIDER if is_marked(value) else None
        if isinstance(value, dict):
            named = {name: self._exact(inner) for name, inner in value.items() if not is_marked(name)}
            others = [self._exact(inner) for name, inner in value.items() if is_marked(name)]
            return Shape(kinds=frozenset(("object",)), fields=named, rest=others[0] if others else None,
                         taint=taint if others else None)  # fmt: skip
        if isinstance(value, list):
            items = shape_of_value([]).joinable_item()
            for inner in value:
                items = items | self._exact(inner)
            return Shape.list_of(items)
        return shape_of_value(value).tainted_by(taint)

    def schema_for(self, value: Any) -> dict[str, Any]:
        """A schema for which the validator accepts the value."""
        while True:
            schema = self._schema(value, 0)
            if self.chance(0.3):
                schema["$schema"] = self._one(DRAFTS)
            if self.chance(0.1):
                schema["$id"] = self._one(("http://x.example/a", "#foo"))
            schema |= {"$defs": self._definitions(value)} if self.chance(0.4) or "$ref" in json.dumps(schema) else {}
            try:
                if not problems(schema, value):
                    return schema
            except BadSchema:
                continue

    def _definitions(self, value: Any) -> dict[str, Any]:
        number, text = {"type": "number"}, {"type": "string"}
        made = {"n": number, "a b": self._schema(value, 2), "a%20b": number, "t": self._schema(value, 2), "s": text}
        made["anchored"] = {**self._schema(value, 2), "$anchor": "foo"}
        if self.chance(0.2):
            made["n"] = {"$id": "#foo", "type": "number"}
        return made

    def _schema(self, value: Any, depth: int) -> dict[str, Any]:
        """A schema that may fit the value; `schema_for` drops those that do not."""
        schema: dict[str, Any] = {}
        names = {str: "string", bool: "boolean", type(None): "null", dict: "object", list: "array"}
        kind = names.get(type(value), "number")
        if self.chance(0.7):
            schema["type"] = kind if self.chance(0.8) else [kind, self._one(("string", "number", "object", "array"))]
        if isinstance(value, dict) or self.chance(0.1):
            self._members(schema, value if isinstance(value, dict) else {}, depth)
        if isinstance(value, list) or self.chance(0.1):
            self._items(schema, value if isinstance(value, list) else [], depth)
        if depth < 3 and self.chance(0.25):
            parts = [self._schema(self._one((value, value, 1, {"a": 1})), depth + 1) for _ in range(2)]
            schema[self._one(("anyOf", "oneOf", "allOf"))] = parts
        if self.chance(0.12):
            schema["$ref"] = self._one(
                ("#", "#/$defs/n", "#/$defs/a%20b", "#/$defs/t", "#foo", "#/$defs/t/properties/a", "#/$defs/anchored")
            )
        if self.chance(0.06):
            plain = "a" if is_marked(value) else value  # the words of a closed list are the author's
            schema[self._one(("const", "enum"))] = self._one((plain, [plain], [1, plain]))
        if depth and self.chance(0.05):
            schema |= self._one(
                ({"$id": "http://x.example/b", "$defs": {"n": {"type": "string"}}}, {"$schema": self._one(DRAFTS)},
                 {"nullable": True}, {"if": {}, "then": {"type": kind}}, {"not": {"type": "integer"}},
                 {"$dynamicRef": "#foo"}, {"$dynamicAnchor": "foo"}, {"unevaluatedProperties": {}})
            )  # fmt: skip
        return schema

    def _members(self, schema: dict[str, Any], value: dict[str, Any], depth: int) -> None:
        if self.chance(0.8):
            listed = [name for name in value if self.chance(0.6)] + [name for name in KEYS if self.chance(0.3)]
            schema["properties"] = {name: self._schema(value.get(name, 1), depth + 1) for name in listed}
        if self.chance(0.4):
            other = next(iter(value.values()), 1)
            schema["additionalProperties"] = self._one(
                (False, True, {"type": "number"}, self._schema(other, depth + 1))
            )
        if self.chance(0.2):
            schema["patternProperties"] = {self._one(("^a", "z", ".")): self._schema(next(iter(value.values()), 1), 3)}
        if self.chance(0.4):
            schema["required"] = [name for name in value if self.chance(0.5)]

    def _items(self, schema: dict[str, Any], value: list[Any], depth: int) -> None:
        first = value[0] if value else 1
        if self.chance(0.8):
            schema["items"] = self._one(({"type": "number"}, self._schema(first, depth + 1)))
        if self.chance(0.25):
            schema["prefixItems"] = [self._schema(inner, depth + 1) for inner in value[:2]]
        if self.chance(0.1):
            schema["items"] = [self._schema(first, depth + 1)]
        if self.chance(0.1):
            schema["additionalItems"] = {"type": "number"}

    def expression(self, context: dict[str, Any], depth: int = 0, kind: str = "any") -> str:
        """An expression over the names of a context; `kind` is the type that its value should have, or "any"."""
        if depth > 1 or self.chance(0.05 + depth * 0.6):
            return self._atom(context, kind)

        def part(wanted: str = "any") -> str:
            return self.expression(context, depth + 1, wanted)

        match self._one(("call", "call", "call", "binary", "item", "slice", "choice", "list", "object", "not")):
            case "call":
                return self._call(part)
            case "binary":
                self.said.add(operator := self._one(OPERATORS))
                same = self._one(("text", "list", "number")) if operator in "+-*/%<=>=" else "any"
                return f"({part(same)} {operator} {part(same)})"
            case "item":
                return self._one((f"({part('list')})[{part('number')}]", f"({part('object')})[{part('text')}]"))
            case "slice":
                return f"({part(self._one(('text', 'list')))})[{self._one(('0:2', ':1', '1:', '-1:'))}]"
            case "choice":
                return f"({part()} if {part()} else {part()})"
            case "list":
                return f"[{part()}, {part()}]"
            case "object":
                return f"{{'a': {part()}, 'b': {part()}}}"
        return f"(not {part()})"

    def _atom(self, context: dict[str, Any], kind: str) -> str:
        """A name, a path or a literal whose value is of this kind, where there is one."""
        found = list(context.items())
        for name, value in context.items():
            inner = (
                value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
            )
            found += [(f"{name}[{key!r}]", part) for key, part in inner if not is_marked(key)]
        found += [("[]", []), ("{}", {}), ("1", 1), ("'text'", ""), ("null", None), ("'a'", "")]
        types = {"text": str, "key": str, "list": list, "object": dict, "number": int, "integer": int, "boolean": bool}
        fitting = [name for name, value in found if isinstance(value, types.get(kind, object))]
        return self._one(fitting or [name for name, _ in found])

    def call(self, name: str, part: Any) -> str:
        """A call of a function; `part(kind)` writes an argument."""
        given = []
        for index, parameter in enumerate(FUNCTIONS[name].parameters):
            if index and not parameter.required and not parameter.many and self.chance(0.5):
                break
            plain = {"key": self._one(("'a'", "'b'", "'k'", "'a.b'", "'0'")), "integer": "1", "boolean": "true"}
            wanted = parameter.kind if index else _TAKES.get(name, parameter.kind)
            written = plain.get(wanted) if index and self.chance(0.9) else None
            written = written or part(wanted)
            given += [f"{parameter.name}={written}" if parameter.by_name else written] * (1 + parameter.many)
        return f"{name}({', '.join(given)})"

    def _call(self, part: Any) -> str:
        name = self._one(sorted(FUNCTIONS))
        self.said.add(FUNCTIONS[name].name)
        return self.call(name, part)

    def template(self, context: dict[str, Any]) -> str:
        """A template of statements over the names of a context, or of one expression."""
        if self.chance(0.6):
            return f"{{{{ {self.expression(context)} }}}}"
        own = self._one("vw")
        inside = {**context, own: self._one(list(context.values()))}
        parts = []
        for _ in range(self.random.randrange(1, 3)):
            one, listed, pairs = (self.expression(context, 1, kind) for kind in ("any", "list", "object"))
            then, printed = f"{{% set {own} = {one} %}}", f"{{{{ {self._one((own, self.expression(inside)))} }}}}"
            parts.append(
                self._one(
                    (
                        f"{then}{printed}",
                        f"{{% for {own} in {listed} %}}{printed}{{% else %}}{{{{ {one} }}}}{{% endfor %}}",
                        f"{{% for k, {own} in {pairs} | items %}}{{{{ k }}}}{printed}{{% endfor %}}",
                        f"{{% for k, {own} in {listed} %}}{{{{ k }}}}{printed}{{% endfor %}}",
                        f"{{% if {one} %}}{then}{{% else %}}{{% set {own} = [] %}}{{% endif %}}{printed}",
                        f"{{% set {own} = 1 %}}{{% for n in {listed} %}}{printed}{{% set {own} = n %}}{{% endfor %}}",
                    )
                )
            )
        return "".join(parts)
