"""The state of one code generation: constants, temporary names, marked operations, and which meters are needed."""

from __future__ import annotations

from typing import Any

from flowbuilder.language.nodes import Expr
from flowbuilder.language.parsing.references import NamePath


class CodeContext:
    """The names in the generated code and their values. The code holds no text of the author: constants and keys are
    names."""

    def __init__(self, shared_paths: frozenset[NamePath] = frozenset(), *, has_loops: bool = False) -> None:
        self.shared_paths = shared_paths
        """The paths that are looked up once and kept in a temporary name."""
        self.shared: dict[NamePath, str] = {}
        """The temporary name of each shared path that is certainly assigned at this point of the text."""
        self.has_loops = has_loops
        """Whether an operation may be repeated: then everything that makes a value charges the meter."""
        self.constants: dict[str, Any] = {}
        self.marked_nodes: list[Expr] = []
        self.variables: dict[str, tuple[str, bool]] = {}
        """The Python name of each variable of the template, and whether it is certainly assigned."""
        self.counts_chars = False
        self._always_charged = False
        self._may_charge = False
        self._temporaries = 0
        self._names: dict[tuple[type, Any], str] = {}

    def mark(self, node: Expr) -> str:
        """The mark that follows an operation which can fail: a comment with the number of its node, and a newline."""
        self.marked_nodes.append(node)
        return f"#{len(self.marked_nodes) - 1}\n"

    def meter(self) -> str:
        """The meter, for an operation that is always charged."""
        self._always_charged = True
        return "m"

    def lazy_meter(self) -> str:
        """The meter, made when it is first needed, for an operation that is rarely charged."""
        self._may_charge = True
        return "(m or (m := Meter()))"

    def temporary(self) -> str:
        """A new name for a value that is used twice."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def constant(self, value: object) -> str:
        """A name for a constant value."""
        typed = (type(value), value)
        if typed not in self._names:
            self._names[typed] = f"K{len(self._names)}"
            self.constants[self._names[typed]] = value
        return self._names[typed]

    def key(self, key: str | int) -> str:
        """The text of a key: a number as it is, a text as a constant."""
        return repr(key) if isinstance(key, int) else self.constant(key)

    def preamble(self) -> list[str]:
        """The lines that assign the meter and the counter of characters, where the text uses them."""
        meter = ["  m = Meter()"] if self._always_charged else ["  m = None"] if self._may_charge else []
        return [*meter, *(["  h = 0"] if self.counts_chars else [])]
