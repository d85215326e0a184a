"""Every call of a text names a function that there is, with arguments that fit."""

from __future__ import annotations

from collections.abc import Iterable

from flowbuilder.language.evaluation.functions import FUNCTIONS, check_arguments
from flowbuilder.language.nodes import Call, Expr, walk
from flowbuilder.language.parsing import foreign_syntax_hints


def check_calls(calls: Iterable[Call], source: str) -> None:
    """Raises FB202 for an unknown function, FB206 for arguments that do not fit."""
    for call in calls:
        function = FUNCTIONS.get(call.name)
        if function is None:
            start = _place(call, source)
            raise foreign_syntax_hints.unknown_function(call.name, start, start + len(call.name), FUNCTIONS)
        check_arguments(function, call)


def calls_in(trees: Iterable[Expr]) -> list[Call]:
    """Every call in these expressions."""
    return [node for tree in trees for node in walk(tree) if isinstance(node, Call)]


def _place(call: Call, source: str) -> int:
    """Where the name of the call stands."""
    start = call.arguments[0].end if call.piped else call.start
    return max(source.find(call.name, start), call.start)
