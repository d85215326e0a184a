"""Every call of a text names a function that there is, with arguments that fit."""

from __future__ import annotations

from collections.abc import Iterable

from flowbuilder.language import migrants
from flowbuilder.language.functions import FUNCTIONS, check_arguments
from flowbuilder.language.nodes import Call, Expr, walk


def check_calls(trees: Iterable[Expr], source: str) -> None:
    """Raises FB202 for an unknown function, FB206 for arguments that do not fit."""
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, Call):
                function = FUNCTIONS.get(node.name)
                if function is None:
                    start = _place(node, source)
                    raise migrants.unknown_function(node.name, start, start + len(node.name), FUNCTIONS)
                check_arguments(function, node)


def _place(call: Call, source: str) -> int:
    """Where the name of the call stands."""
    start = call.arguments[0].end if call.piped else call.start
    return max(source.find(call.name, start), call.start)
