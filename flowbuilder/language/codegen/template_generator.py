"""The statements of a template become the lines of a Python function. A loop is charged whole before it starts."""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.language.codegen.generator import Generator
from flowbuilder.language.codegen.lookup_generator import loop_facts
from flowbuilder.language.nodes import Constant, Expr, For, If, Name, Output, Set, Statement, Text, expressions, walk


class TemplateGenerator(Generator):
    """Makes the body of a function that fills the list `out`."""

    def __init__(self) -> None:
        super().__init__()
        self.repeats = True
        self.lines: list[str] = []
        self._indent = 2
        self._numbers = 0
        self._printed: list[str] = []
        self._own: set[str] = set()
        self.numbers: set[str] = set()
        """Texts that give a whole number."""

    def template(self, statements: tuple[Statement, ...]) -> None:
        """Gather the lines of a whole template."""
        if all(isinstance(statement, Text | Output) for statement in statements):
            for statement in statements:
                self._statement(statement)
            self._line(f"return finish(({''.join(f'{part}, ' for part in self._printed)}))")
            return
        self._line("out = []")
        self._body(statements)
        self._line("return finish(out)")

    def _body(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            self._statement(statement)
        self._flush()

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Text(text=text):
                self._printed.append(self.constant(text))
            case Output(value=value):
                self._printed.append(self._printing(value))
            case Set(name=name, value=value):
                self._flush()
                text = self.expression(value)
                variable = self.variables.get(name, ("", True))[0] if name in self._own else ""
                variable = variable or self._variable()
                self._line(f"{variable} = ({text})")
                self.variables[name] = (variable, True)
                self._own.add(name)
            case If():
                chosen = self._chosen(statement)
                if chosen is not None:
                    self._printed.append(chosen)
                    return
                self._flush()
                self._if(statement)
            case For():
                self._flush()
                self._for(statement)

    def _if(self, node: If) -> None:
        for name in _made_in(node):
            self._prepare(name)
        before = dict(self.variables)
        ends = []
        word = "if"
        for test, body in node.branches:
            # what a test needs is computed where it stands: an `elif` must not run before its turn
            self._line(f"{word} ({self.expression(test)}):")
            word = "elif"
            ends.append(self._branch(body, before))
        if node.otherwise:
            self._line("else:")
        ends.append(self._branch(node.otherwise, before) if node.otherwise else before)
        self.variables = {name: (variable, all(end[name][1] for end in ends)) for name, (variable, _) in before.items()}

    def _branch(self, body: tuple[Statement, ...], before: dict[str, tuple[str, bool]]) -> dict[str, tuple[str, bool]]:
        self.variables = dict(before)
        self._indented(body)
        return self.variables

    def _for(self, node: For) -> None:
        self._numbers += 1
        number = str(self._numbers)
        weight = max(1, sum(1 for inner in expressions(node.body) for _ in walk(inner)) + _statements(node.body))
        iterable = self.expression(node.iterable)
        meter, mark = self.meter(), self.at(node.iterable)
        targets = [self._variable() for _ in node.names]
        if len(node.names) == 1:
            self._line(f"l{number} = (iterate({meter}, {iterable}, {weight}){mark})")
        else:
            self._line(f"l{number} = (iterate_pairs({meter}, {iterable}, {weight}, {len(node.names)}){mark})")
        outer, own = self.variables, self._own
        self.variables = {**outer, **{name: (target, True) for name, target in zip(node.names, targets, strict=True)}}
        self._own = set(node.names)
        target = ", ".join(targets)
        if _reads_loop(node.body):
            self._line(f"n{number} = len(l{number})")
            target = f"i{number}, ({target})" if len(targets) > 1 else f"i{number}, {target}"
            source = f"enumerate(l{number})"
            self.variables["loop"] = (number, True)
            self.numbers.update(text for name, text in loop_facts(number).items() if name not in ("first", "last"))
        else:
            source = f"l{number}"
        self._line(f"for {target} in {source}:")
        self._indented(node.body)
        if node.otherwise:
            self.variables, self._own = dict(outer), set()
            self._line(f"if not l{number}:")
            self._indented(node.otherwise)
        self.variables, self._own = outer, own

    def _prepare(self, name: str) -> None:
        """A name that only some way through an `if` makes begins as what it is outside."""
        if name in self._own:
            return
        variable = self._variable()
        known = self.variables.get(name)
        self._line(f"{variable} = {known[0] if known else f'c.get({self.key(name)}, MISSING)'}")
        self.variables[name] = (variable, known is not None and known[1])
        self._own.add(name)

    def _printing(self, node: Expr) -> str:
        if isinstance(node, Constant) and isinstance(node.value, str):
            return self.constant(node.value)
        value, text = self.temporary(), self.expression(node)
        if text in self.numbers:
            return f"repr({text})"
        number = f"repr({value}) if {value}.__class__ is int or {value}.__class__ is float"
        other = f"text({self.spare_meter()}, {value}){self.at(node)}"
        return f"({value} if ({value} := {text}).__class__ is str else {number} else {other})"

    def _chosen(self, node: If) -> str | None:
        """An `if` that only says one thing or another, as one expression."""
        said = [body for _, body in node.branches] + [node.otherwise]
        if len(said) > 3 or not all(len(body) <= 1 and all(isinstance(part, Text) for part in body) for body in said):
            return None
        texts = [self.constant(part.text) for body in said for part in body if isinstance(part, Text)]
        if len(texts) != len(node.branches) + bool(node.otherwise):
            return None
        choices = [
            f"{text} if {self.expression(test)} else" for text, (test, _) in zip(texts, node.branches, strict=False)
        ]
        return f"({' '.join(choices)} {texts[-1] if node.otherwise else repr('')})"

    def _variable(self) -> str:
        self._numbers += 1
        return f"v{self._numbers}"

    def _flush(self) -> None:
        if self._printed:
            self._line(f"out += ({''.join(f'{part}, ' for part in self._printed)})")
            self._printed = []

    def _line(self, text: str) -> None:
        self.lines.append(" " * self._indent + text)

    def _indented(self, body: tuple[Statement, ...]) -> None:
        self._indent += 1
        count = len(self.lines)
        self._body(body)
        if len(self.lines) == count:
            self._line("pass")
        self._indent -= 1


def _made_in(node: If) -> Iterator[str]:
    for body in (*(body for _, body in node.branches), node.otherwise):
        for statement in body:
            if isinstance(statement, Set):
                yield statement.name
            elif isinstance(statement, If):
                yield from _made_in(statement)


def _reads_loop(body: tuple[Statement, ...]) -> bool:
    return any(isinstance(part, Name) and part.name == "loop" for inner in expressions(body) for part in walk(inner))


def _statements(body: tuple[Statement, ...]) -> int:
    count = 0
    for statement in body:
        count += 1
        if isinstance(statement, If):
            count += sum(_statements(inner) for _, inner in statement.branches) + _statements(statement.otherwise)
        elif isinstance(statement, For):
            count += _statements(statement.body) + _statements(statement.otherwise)
    return count
