"""Templates: jinja2 parses, and its nodes are converted into our syntax tree. Other nodes raise FB203."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from flowbuilder.errors import LanguageError
from flowbuilder.language.limits import LIMITS
from flowbuilder.language.names import LITERALS, check_key, check_member, check_name, check_target, fault
from flowbuilder.language.nodes import (
    Arithmetic,
    Call,
    Compare,
    Condition,
    Constant,
    Expr,
    For,
    If,
    Join,
    ListLiteral,
    Logic,
    Member,
    Name,
    Negative,
    Not,
    ObjectLiteral,
    Output,
    Set,
    Slice,
    Statement,
    Text,
)
from flowbuilder.language.parsing import foreign_syntax_hints
from flowbuilder.language.parsing.shared_constructs import make_is_test, make_item
from flowbuilder.language.parsing.template_tokens import ENVIRONMENT, Tokens
from flowbuilder.values import MAX_INT

_COMPARISONS: Any = {
    "eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in",
}  # fmt: skip


def parse_template(source: str) -> tuple[tuple[Statement, ...], bool]:
    """The statements of a template, and whether it is one expression; raises `LanguageError(stage="compile")`."""
    if len(source) > LIMITS.template_chars:
        message = f"the template has {len(source)} characters; {LIMITS.template_chars} are allowed"
        raise fault("FB204", message, 0, len(source), "split it, or fetch long texts with a step")
    try:
        tokens = Tokens(source)
        parser = Parser(ENVIRONMENT, "")
        parser.stream = TokenStream(ENVIRONMENT.lexer.wrap(tokens.raw), None, None)
        tree = parser.parse()
        return _Converter(tokens).statements(tree.body, 0, 0), tokens.one_expression
    except TemplateSyntaxError as error:
        raise _syntax(source, error) from None
    except RecursionError:
        raise fault("FB204", "the template is nested too deeply", 0, len(source)) from None
    except MemoryError:
        raise fault("FB204", "the template is too large", 0, len(source)) from None
    except (ValueError, OverflowError):
        raise fault("FB201", "a number is beyond 64 bit, or a text has a broken escape", 0, len(source)) from None


def _syntax(source: str, error: TemplateSyntaxError) -> LanguageError:
    start = min(error.lineno, len(source))
    return foreign_syntax_hints.template_error(source, start, error.message or "this cannot be read")


class _Converter:
    """Converts jinja2's nodes. A method is named after the class of the node that it converts."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.nodes = 0

    # statements

    def statements(self, body: Sequence[nodes.Node], depth: int, loops: int) -> tuple[Statement, ...]:
        return tuple(statement for node in body for statement in self._statement(node, depth + 1, loops))

    def _statement(self, node: nodes.Node, depth: int, loops: int) -> Iterator[Statement]:
        at = node.lineno or 0  # `autoescape` has none
        self._count(at, depth)
        if isinstance(node, nodes.Output):
            for part in node.nodes:
                if isinstance(part, nodes.TemplateData):
                    end = self._end(part.lineno)  # the text as it was written, with its line breaks
                    yield Text(part.lineno, end, self.tokens.source[part.lineno : end])
                else:
                    value = self.read(part, depth)
                    yield Output(value.start, value.end, value)
        elif isinstance(node, nodes.If):
            yield self._if(node, depth, loops)
        elif isinstance(node, nodes.For):
            yield self._for(node, depth, loops + 1)
        elif isinstance(node, nodes.Assign):
            if not isinstance(node.target, nodes.Name):
                raise fault("FB203", "`set` assigns one name", at, self._end(at), "write one `set` for each name")
            name = node.target.name
            check_target(name, node.target.lineno, self._end(node.target.lineno))
            value = self.read(node.node, depth)
            yield Set(at, value.end, name, value)
        else:
            raise foreign_syntax_hints.tag_error(type(node).__name__, at, self._end(at))

    def _if(self, node: nodes.If, depth: int, loops: int) -> If:
        branches = []
        for branch in (node, *node.elif_):
            test = self.read(branch.test, depth)
            branches.append((test, self.statements(branch.body, depth, loops)))
        return If(node.lineno, self._end(node.lineno), tuple(branches), self.statements(node.else_, depth, loops))

    def _for(self, node: nodes.For, depth: int, loops: int) -> For:
        start, end = node.lineno, self._end(node.lineno)
        if loops > LIMITS.nested_loops:
            raise fault("FB204", f"loops are nested deeper than {LIMITS.nested_loops}", start, end)
        if node.recursive:
            raise fault("FB203", "a loop cannot be recursive", start, end, "loop over a list of known depth")
        if node.test is not None:
            hint = "put an {% if %} inside the loop, or use `| where(...)`"
            raise fault("FB203", "a loop has no `if` of its own", start, end, hint)
        targets = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
        names = []
        for target in targets:
            if not isinstance(target, nodes.Name):
                raise fault("FB203", "the variables of a loop are names", start, end, "write `for item in list`")
            check_target(target.name, target.lineno, self._end(target.lineno))
            names.append(target.name)
        iterable = self.read(node.iter, depth)
        body = self.statements(node.body, depth, loops)
        return For(start, end, tuple(names), iterable, body, self.statements(node.else_, depth, loops))

    # expressions

    def read(self, node: nodes.Node, depth: int) -> Expr:
        at = node.lineno or 0
        self._count(at, depth)
        rule: Callable[[Any, int, int], Expr] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if rule is None or not isinstance(node, nodes.Expr):
            raise foreign_syntax_hints.tag_error(type(node).__name__, at, self._end(at))
        return rule(node, at, depth + 1)

    def _const(self, node: nodes.Const, at: int, _depth: int) -> Expr:
        value = node.value
        if type(value) is int and value > MAX_INT:
            raise fault("FB201", "the number is beyond 64 bit", at, self._end(at))
        if value in (float("inf"), float("-inf")):
            raise fault("FB201", "the number is too large", at, self._end(at))
        return Constant(at, self._end(at), value)

    def _name(self, node: nodes.Name, at: int, _depth: int) -> Expr:
        end = at + len(node.name)
        if node.name in LITERALS:
            return Constant(at, end, LITERALS[node.name])
        check_name(node.name, at, end)
        return Name(at, end, node.name)

    def _getattr(self, node: nodes.Getattr, at: int, depth: int) -> Expr:
        name_at = self.tokens.after[at]
        end = self._end(name_at)
        check_member(node.attr, name_at, end)
        value = self.read(node.node, depth)
        return Member(value.start, end, value, node.attr)

    def _getitem(self, node: nodes.Getitem, at: int, depth: int) -> Expr:
        value = self.read(node.node, depth)
        end = self.tokens.end_of_group(at)
        if self.tokens.source[at] == ".":
            end = self._end(self.tokens.after[at])
        if isinstance(node.arg, nodes.Slice):
            part = node.arg
            if part.step is not None:
                raise fault("FB203", "a slice has no step", at, end, "write a[low:high]")
            low, high = (self.read(edge, depth) if edge is not None else None for edge in (part.start, part.stop))
            return Slice(value.start, end, value, low, high)
        return make_item(value, self.read(node.arg, depth), value.start, end)

    def _list(self, node: nodes.List, at: int, depth: int) -> Expr:
        items = tuple(self.read(inner, depth) for inner in node.items)
        return ListLiteral(at, self.tokens.end_of_group(at), items)

    def _tuple(self, node: nodes.Tuple, at: int, _depth: int) -> Expr:
        raise fault("FB203", "a list needs square brackets", at, self._end(at), "write [a, b]")

    def _dict(self, node: nodes.Dict, at: int, depth: int) -> Expr:
        entries = []
        for pair in node.items:
            key = pair.key.name if isinstance(pair.key, nodes.Name) else getattr(pair.key, "value", None)
            if not isinstance(key, str):
                raise fault("FB203", "the key of an object is a text", pair.key.lineno, self._end(pair.key.lineno))
            check_key(key, pair.key.lineno, self._end(pair.key.lineno))
            entries.append((key, self.read(pair.value, depth)))
        return ObjectLiteral(at, self.tokens.end_of_group(at), tuple(entries))

    def _not(self, node: nodes.Not, at: int, depth: int) -> Expr:
        value = self.read(node.node, depth)
        return Not(min(at, value.start), value.end, value)

    def _neg(self, node: nodes.Neg, at: int, depth: int) -> Expr:
        value = self.read(node.node, depth)
        return Negative(at, value.end, value)

    def _arithmetic(self, node: nodes.BinExpr, _at: int, depth: int) -> Expr:
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        op: Any = node.operator
        return Arithmetic(left.start, right.end, op, left, right)

    _add = _sub = _mul = _div = _floordiv = _mod = _arithmetic

    def _concat(self, node: nodes.Concat, _at: int, depth: int) -> Expr:
        parts = tuple(self.read(inner, depth) for inner in node.nodes)
        return Join(parts[0].start, parts[-1].end, parts)

    def _compare(self, node: nodes.Compare, at: int, depth: int) -> Expr:
        left = self.read(node.expr, depth)
        operand = node.ops[0]
        if len(node.ops) > 1:
            hint = "write a < b and b < c"
            raise fault("FB203", "comparisons cannot be chained", left.start, self._end(node.ops[-1].expr.lineno), hint)
        right = self.read(operand.expr, depth)
        return Compare(left.start, right.end, _COMPARISONS[operand.op], left, right)

    def _and(self, node: nodes.And, _at: int, depth: int) -> Expr:
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        return Logic(left.start, right.end, "and", left, right)

    def _or(self, node: nodes.Or, _at: int, depth: int) -> Expr:
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        return Logic(left.start, right.end, "or", left, right)

    def _condexpr(self, node: nodes.CondExpr, at: int, depth: int) -> Expr:
        test, then = self.read(node.test, depth), self.read(node.expr1, depth)
        otherwise = self.read(node.expr2, depth) if node.expr2 is not None else Constant(test.end, test.end, None)
        return Condition(then.start, max(test.end, otherwise.end), test, then, otherwise)

    def _filter(self, node: nodes.Filter, at: int, depth: int) -> Expr:
        if node.node is None:
            raise foreign_syntax_hints.tag_error("FilterBlock", at, self._end(at))
        value = self.read(node.node, depth)
        plain, named, end = self._arguments(node, at, depth)
        return Call(value.start, end, node.name, (value, *plain), named, True)

    def _call(self, node: nodes.Call, at: int, depth: int) -> Expr:
        if not isinstance(node.node, nodes.Name):
            raise self._method(node, at)
        start = node.node.lineno
        plain, named, end = self._arguments(node, start, depth)
        return Call(start, end, node.node.name, plain, named)

    def _test(self, node: nodes.Test, at: int, depth: int) -> Expr:
        value = self.read(node.node, depth)
        name_at = self.tokens.after[at]
        if self.tokens.source[name_at : self._end(name_at)] == "not":
            name_at = self.tokens.after[name_at]
        end = self._end(name_at)
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise fault("FB203", f"the test {node.name} takes no arguments", name_at, end, "compare with == or in")
        return make_is_test(node.name, value, value.start, end)

    def _arguments(
        self, node: nodes.Filter | nodes.Call, at: int, depth: int
    ) -> tuple[tuple[Expr, ...], tuple[tuple[str, Expr], ...], int]:
        end = self._end(at)
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise fault("FB203", "arguments cannot be unpacked with * or **", at, end)
        bracket = self.tokens.after.get(at, -1)
        if self.tokens.source[bracket : bracket + 1] == "(":
            end = self.tokens.end_of_group(bracket)
        plain = tuple(self.read(inner, depth) for inner in node.args)
        named = tuple((str(pair.key), self.read(pair.value, depth)) for pair in node.kwargs)
        return plain, named, end

    def _method(self, node: nodes.Call, at: int) -> LanguageError:
        end = self.tokens.end_of_group(at)
        if isinstance(node.node, nodes.Getattr):
            name_at = self.tokens.after[node.node.lineno]
            check_member(node.node.attr, name_at, self._end(name_at))
            return foreign_syntax_hints.method_error(node.node.attr, name_at, end)
        return fault("FB203", "a value cannot be called", at, end, "only the functions of the language can")

    def _end(self, at: int) -> int:
        return self.tokens.ends.get(at, at + 1)

    def _count(self, at: int, depth: int) -> None:
        self.nodes += 1
        if self.nodes > LIMITS.template_nodes:
            message = f"the template has more than {LIMITS.template_nodes} parts"
            raise fault("FB204", message, at, self._end(at), "split it into steps, or do this in a code step")
        if depth > LIMITS.depth:
            hint = "set parts of it with {% set %}"
            raise fault("FB204", f"the template is nested deeper than {LIMITS.depth}", at, self._end(at), hint)
