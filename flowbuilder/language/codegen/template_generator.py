"""The code of a template: lines that append to the list `out`. A loop is charged as a whole before it starts."""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.language.codegen.code_context import CodeContext
from flowbuilder.language.codegen.expression_generator import ExpressionGenerator
from flowbuilder.language.codegen.lookups import loop_members
from flowbuilder.language.nodes import Constant, Expr, For, If, Name, Output, Set, Statement, Text, expressions, walk


def generate_template(statements: tuple[Statement, ...]) -> tuple[CodeContext, list[str]]:
    """The lines of a function body that returns the text of a template, and what they refer to."""
    generator = _TemplateGenerator()
    generator.template(statements)
    return generator.code, generator.lines


class _TemplateGenerator:
    """Gathers the lines of one template."""

    def __init__(self) -> None:
        self.code = CodeContext(has_loops=True)
        self.lines: list[str] = []
        self._expression = ExpressionGenerator(self.code).generate
        self._indent = 2
        self._names = 0
        self._printed: list[str] = []
        self._own: set[str] = set()
        self._integers: set[str] = set()
        """Code that gives an integer."""

    def template(self, statements: tuple[Statement, ...]) -> None:
        """Generate the lines of a whole template."""
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
                self._printed.append(self.code.constant(text))
            case Output(value=value):
                self._printed.append(self._printed_value(value))
            case Set(name=name, value=value):
                self._flush()
                text = self._expression(value)
                variable = self.code.variables.get(name, ("", True))[0] if name in self._own else ""
                variable = variable or self._variable()
                self._line(f"{variable} = ({text})")
                self.code.variables[name] = (variable, True)
                self._own.add(name)
            case If():
                choice = self._text_choice(statement)
                if choice is not None:
                    self._printed.append(choice)
                    return
                self._flush()
                self._if(statement)
            case For():
                self._flush()
                self._for(statement)

    def _if(self, node: If) -> None:
        for name in _variables_set_in(node):
            self._initialise(name)
        before = dict(self.code.variables)
        ends = []
        word = "if"
        for test, body in node.branches:
            # the code of a test stays in its own line: an `elif` must not run before the branches above it
            self._line(f"{word} ({self._expression(test)}):")
            word = "elif"
            ends.append(self._branch(body, before))
        if node.otherwise:
            self._line("else:")
        ends.append(self._branch(node.otherwise, before) if node.otherwise else before)
        self.code.variables = {
            name: (variable, all(end[name][1] for end in ends)) for name, (variable, _) in before.items()
        }

    def _branch(self, body: tuple[Statement, ...], before: dict[str, tuple[str, bool]]) -> dict[str, tuple[str, bool]]:
        self.code.variables = dict(before)
        self._indented(body)
        return self.code.variables

    def _for(self, node: For) -> None:
        self._names += 1
        number = str(self._names)
        weight = max(1, sum(1 for inner in expressions(node.body) for _ in walk(inner)) + _count_statements(node.body))
        iterable = self._expression(node.iterable)
        meter, mark = self.code.meter(), self.code.mark(node.iterable)
        targets = [self._variable() for _ in node.names]
        if len(node.names) == 1:
            self._line(f"l{number} = (iterate({meter}, {iterable}, {weight}){mark})")
        else:
            self._line(f"l{number} = (iterate_pairs({meter}, {iterable}, {weight}, {len(node.names)}){mark})")
        outer, own = self.code.variables, self._own
        self.code.variables = {
            **outer,
            **{name: (target, True) for name, target in zip(node.names, targets, strict=True)},
        }
        self._own = set(node.names)
        target = ", ".join(targets)
        if _reads_loop(node.body):
            self._line(f"n{number} = len(l{number})")
            target = f"i{number}, ({target})" if len(targets) > 1 else f"i{number}, {target}"
            source = f"enumerate(l{number})"
            self.code.variables["loop"] = (number, True)
            self._integers.update(text for name, text in loop_members(number).items() if name not in ("first", "last"))
        else:
            source = f"l{number}"
        self._line(f"for {target} in {source}:")
        self._indented(node.body)
        if node.otherwise:
            self.code.variables, self._own = dict(outer), set()
            self._line(f"if not l{number}:")
            self._indented(node.otherwise)
        self.code.variables, self._own = outer, own

    def _initialise(self, name: str) -> None:
        """Assign a variable that only some branches set: before the `if` it has the value that it has outside."""
        if name in self._own:
            return
        variable = self._variable()
        known = self.code.variables.get(name)
        self._line(f"{variable} = {known[0] if known else f'c.get({self.code.key(name)}, MISSING)'}")
        self.code.variables[name] = (variable, known is not None and known[1])
        self._own.add(name)

    def _printed_value(self, node: Expr) -> str:
        if isinstance(node, Constant) and isinstance(node.value, str):
            return self.code.constant(node.value)
        value, text = self.code.temporary(), self._expression(node)
        if text in self._integers:
            return f"repr({text})"
        number = f"repr({value}) if {value}.__class__ is int or {value}.__class__ is float"
        other = f"text({self.code.lazy_meter()}, {value}){self.code.mark(node)}"
        return f"({value} if ({value} := {text}).__class__ is str else {number} else {other})"

    def _text_choice(self, node: If) -> str | None:
        """The code of an `if` that only prints one text or another, as one expression; None for any other `if`."""
        bodies = [body for _, body in node.branches] + [node.otherwise]
        if len(bodies) > 3 or not all(
            len(body) <= 1 and all(isinstance(part, Text) for part in body) for body in bodies
        ):
            return None
        texts = [self.code.constant(part.text) for body in bodies for part in body if isinstance(part, Text)]
        if len(texts) != len(node.branches) + bool(node.otherwise):
            return None
        choices = [
            f"{text} if {self._expression(test)} else" for text, (test, _) in zip(texts, node.branches, strict=False)
        ]
        return f"({' '.join(choices)} {texts[-1] if node.otherwise else repr('')})"

    def _variable(self) -> str:
        self._names += 1
        return f"v{self._names}"

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


def _variables_set_in(node: If) -> Iterator[str]:
    for body in (*(body for _, body in node.branches), node.otherwise):
        for statement in body:
            if isinstance(statement, Set):
                yield statement.name
            elif isinstance(statement, If):
                yield from _variables_set_in(statement)


def _reads_loop(body: tuple[Statement, ...]) -> bool:
    return any(isinstance(part, Name) and part.name == "loop" for inner in expressions(body) for part in walk(inner))


def _count_statements(body: tuple[Statement, ...]) -> int:
    count = 0
    for statement in body:
        count += 1
        if isinstance(statement, If):
            count += sum(_count_statements(inner) for _, inner in statement.branches) + _count_statements(
                statement.otherwise
            )
        elif isinstance(statement, For):
            count += _count_statements(statement.body) + _count_statements(statement.otherwise)
    return count
