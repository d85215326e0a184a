"""The type checker: the shape of what a text gives and the findings in it, in one pass and without running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from flowbuilder.language.codegen.program import Program
from flowbuilder.language.nodes import For, If, Output, Set, Statement, Text
from flowbuilder.language.parsing.references import paths_found_by
from flowbuilder.language.types.descriptions import describe, describe_kinds
from flowbuilder.language.types.findings import Finding, FindingCollector
from flowbuilder.language.types.inference import Inference
from flowbuilder.language.types.lookup_shapes import KnownPaths, numbered
from flowbuilder.language.types.shapes import Shape
from flowbuilder.language.types.taint import Taint, joined, spelled

_LOOP = Shape.object_of(
    {
        **{name: Shape.of("number") for name in ("index", "index0", "revindex", "revindex0", "length")},
        "first": Shape.of("boolean"),
        "last": Shape.of("boolean"),
    }
)
"""The shape of `loop` inside `{% for %}`."""
_ALPHABET: Final = 6
"""The number of branches from which an `if` inside a loop is taken for an alphabet."""


class Namespace(Mapping[str, Shape]):
    """The names in scope at one place, with their shapes. Immutable."""

    __slots__ = ("shapes",)

    def __init__(self, shapes: Mapping[str, Shape] | None = None) -> None:
        self.shapes = dict(shapes or {})

    def child(self, name: str, shape: Shape) -> Namespace:
        """A namespace with one more name, which hides a name that is the same."""
        return Namespace({**self.shapes, name: shape})

    def __getitem__(self, name: str) -> Shape:
        return self.shapes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def __repr__(self) -> str:
        return f"Namespace({', '.join(f'{name}: {describe(shape)}' for name, shape in self.shapes.items())})"


def check_program(program: Program, namespace: Namespace) -> tuple[Shape, tuple[Finding, ...]]:
    """The shape of what a text gives where these names are in scope, and the findings in the order of their places."""
    findings = FindingCollector(program.source)
    inference = Inference(namespace.shapes, findings)
    if program.expression is not None:
        shape = inference.infer(program.expression, frozenset())
    else:
        checker = _StatementChecker(inference, findings)
        checker.body(program.statements, frozenset(), None)
        _check_dollar(program.statements, findings)
        shape = Shape(kinds=frozenset(("text",)), taint=joined(*checker.printed), influence=joined(*checker.influences))
    return shape, findings.in_order()


class _StatementChecker:
    """Checks statements: gathers the taint of the printed values, and the variables that are set."""

    def __init__(self, inference: Inference, findings: FindingCollector) -> None:
        self._infer = inference.infer
        self._lookups = inference.lookups
        self._findings = findings
        self.printed: list[Taint | None] = []
        self.influences: list[Taint | None] = []

    def body(self, statements: tuple[Statement, ...], known: KnownPaths, influence: Taint | None) -> None:
        """Check statements: the paths in `known` exist, and the text of `influence` decides whether they run."""
        for statement in statements:
            match statement:
                case Output(value=value):
                    shape = self._infer(value, known)
                    self.printed.append(shape.trust)
                    self.influences += (shape.influence, influence)
                case Set(name=name, value=value):
                    self._lookups.variables[name] = self._infer(value, known).bounded().with_influence(influence)
                case If():
                    self._if(statement, known, influence)
                case For():
                    self._for(statement, known, influence)

    def _if(self, node: If, known: KnownPaths, influence: Taint | None) -> None:
        before = dict(self._lookups.variables)
        ends = []
        for test, inner in node.branches:
            self._lookups.variables = dict(before)
            tested = self._infer(test, known)
            influence = joined(influence, tested.trust, tested.influence)
            if self._lookups.repeats and len(node.branches) >= _ALPHABET:
                self.printed.append(spelled(tested.figures))
            self.body(inner, known | paths_found_by(test), influence)
            ends.append(self._lookups.variables)
            known |= paths_found_by(test, holds=False)
        self._lookups.variables = dict(before)
        self.body(node.otherwise, known, influence)
        ends.append(self._lookups.variables)
        self._lookups.variables = {}
        for name in dict.fromkeys(name for end in ends for name in end):
            shapes = [end[name] if name in end else self._lookups.names.get(name) for end in ends]
            there = [shape for shape in shapes if shape is not None]
            shape = there[0]
            for other in there[1:]:
                shape = shape | other
            if len(there) < len(shapes):
                shape = shape.with_presence("maybe", "it is set in only some of the branches before this place")
            self._lookups.variables[name] = shape.with_influence(influence) if shape is not before.get(name) else shape

    def _for(self, node: For, known: KnownPaths, influence: Taint | None) -> None:
        shape = self._infer(node.iterable, known)
        item = Shape.unknown()
        if shape.may_be("list"):
            item = shape.item()
        else:
            hint = "loop over `| items`, `| keys` or `| values` of it" if shape.is_object else ""
            self._findings.add(
                "FB302",
                f"a loop needs a list; {self._findings.quote(node.iterable)} is {describe_kinds(shape)}",
                node.iterable,
                hint=hint,
            )
        # what the list was made from decides how often the body runs
        influence = joined(influence, shape.influence)
        outer, repeats = self._lookups.variables, self._lookups.repeats
        self._lookups.repeats = repeats or shape.sources() is not None
        names = {node.names[0]: item} if len(node.names) == 1 else dict.fromkeys(node.names, numbered(item))
        self._lookups.variables = {**outer, **names, "loop": _LOOP}
        self.body(node.body, known, influence)
        self._lookups.variables = dict(outer)
        self.body(node.otherwise, known, influence)
        self._lookups.variables, self._lookups.repeats = outer, repeats


def _check_dollar(statements: tuple[Statement, ...], findings: FindingCollector) -> None:
    """Add a warning for `${{ value }}`: in other systems it inserts a value, here it prints a dollar sign too."""
    match statements:
        case (Text(text="$"), Output(value=value)):
            hint = "leave out the $; to print one, write {{ '$' ~ value }}"
            message = "this prints a dollar sign before the value"
            findings.add("FB305", message, value, hint=hint, severity="warning", start=0)
