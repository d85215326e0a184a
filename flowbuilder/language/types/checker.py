"""What is wrong with a text where it stands, and the shape of what it gives, in one pass and without running it."""

from __future__ import annotations

from flowbuilder.language.codegen.program import Program
from flowbuilder.language.nodes import Expr, For, If, Output, Set, Statement, Text
from flowbuilder.language.parsing.references import found_there
from flowbuilder.language.types.findings import Finding
from flowbuilder.language.types.inference import Inference, Known
from flowbuilder.language.types.namespace import Namespace
from flowbuilder.language.types.shape_words import kinds_in_words
from flowbuilder.language.types.shapes import Shape
from flowbuilder.language.types.taint import Taint, joined

LOOP = Shape.object_of(
    {
        **{name: Shape.of("number") for name in ("index", "index0", "revindex", "revindex0", "length")},
        "first": Shape.of("boolean"),
        "last": Shape.of("boolean"),
    }
)
"""What `loop` is inside `{% for %}`."""


def check_program(program: Program, namespace: Namespace) -> tuple[Shape, tuple[Finding, ...]]:
    """The shape of what a text gives, and the findings in the order of their places; the same complaint comes once."""
    checker = _Checker(namespace, program.source)
    if program.expression is not None:
        shape = checker.infer(program.expression, frozenset())
    else:
        checker.body(program.statements, frozenset(), None)
        checker.dollar(program.statements)
        shape = Shape(kinds=frozenset(("text",)), taint=joined(*checker.printed), influence=joined(*checker.influences))
    if not checker.findings:
        return shape, ()
    findings = {(found.code, found.message): found for found in reversed(checker.findings)}
    return shape, tuple(sorted(findings.values(), key=lambda found: found.start or 0))


class _Checker(Inference):
    """Statements: what is printed, and which names they make."""

    def __init__(self, namespace: Namespace, source: str) -> None:
        super().__init__(namespace, source)
        self.printed: list[Taint | None] = []
        self.influences: list[Taint | None] = []

    def body(self, statements: tuple[Statement, ...], known: Known, influence: Taint | None) -> None:
        """Check statements that run where `known` is there, and if `influence` says so."""
        for statement in statements:
            match statement:
                case Output(value=value):
                    shape = self.infer(value, known)
                    self.printed.append(shape.trust)
                    self.influences += (shape.influence, influence)
                case Set(name=name, value=value):
                    self.own[name] = self.infer(value, known).with_influence(influence)
                case If():
                    self._if(statement, known, influence)
                case For():
                    self._for(statement, known, influence)

    def dollar(self, statements: tuple[Statement, ...]) -> None:
        """Warn of `${{ value }}`, which elsewhere is how a value is written and here prints a dollar sign."""
        match statements:
            case (Text(text="$"), Output(value=value)):
                hint = "leave out the $; to print one, write {{ '$' ~ value }}"
                message = "this prints a dollar sign before the value"
                self.complain("FB305", message, value, hint=hint, severity="warning", start=0)

    def _if(self, node: If, known: Known, influence: Taint | None) -> None:
        before = dict(self.own)
        ends = []
        for test, inner in node.branches:
            self.own = dict(before)
            influence = joined(influence, self._decided_by(test, known))
            self.body(inner, known | found_there(test), influence)
            ends.append(self.own)
            known |= found_there(test, holds=False)
        self.own = dict(before)
        self.body(node.otherwise, known, influence)
        ends.append(self.own)
        self.own = {}
        for name in dict.fromkeys(name for end in ends for name in end):
            shapes = [end[name] if name in end else self.names.get(name) for end in ends]
            there = [shape for shape in shapes if shape is not None]
            shape = there[0]
            for other in there[1:]:
                shape = shape | other
            if len(there) < len(shapes):
                shape = shape.with_presence("maybe", "it is set on only some of the ways here")
            self.own[name] = shape.with_influence(influence) if shape is not before.get(name) else shape

    def _for(self, node: For, known: Known, influence: Taint | None) -> None:
        shape = self.infer(node.iterable, known)
        item = Shape.unknown()
        if shape.may_be("list"):
            item = shape.item()
        else:
            hint = "loop over `| items`, `| keys` or `| values` of it" if shape.is_object else ""
            self.complain(
                "FB302",
                f"a loop needs a list; {self.words(node.iterable)} is {kinds_in_words(shape)}",
                node.iterable,
                hint=hint,
            )
        # how often the body runs is decided by what the list was made from
        influence = joined(influence, shape.influence)
        outer = self.own
        names = {node.names[0]: item} if len(node.names) == 1 else {name: item.item() for name in node.names}
        self.own = {**outer, **names, "loop": LOOP}
        self.body(node.body, known, influence)
        self.own = dict(outer)
        self.body(node.otherwise, known, influence)
        self.own = outer

    def _decided_by(self, test: Expr, known: Known) -> Taint | None:
        shape = self.infer(test, known)
        return joined(shape.trust, shape.influence)
