"""The shape of a name, member, item or slice, and checks that it exists and cannot be null or missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from flowbuilder.diagnostics import Severity, did_you_mean
from flowbuilder.language.nodes import Expr, Item, ListLiteral, Member, Name, ObjectLiteral, Slice
from flowbuilder.language.parsing.foreign_syntax_hints import FOREIGN_NAMES
from flowbuilder.language.parsing.references import NamePath, covered, path_of
from flowbuilder.language.types.descriptions import describe, describe_kinds
from flowbuilder.language.types.findings import FindingCollector
from flowbuilder.language.types.shapes import NOTHING, Kind, Shape
from flowbuilder.language.types.taint import joined, spelled

_TEXT: Final[frozenset[Kind]] = frozenset(("text",))
_LONGEST_CHOICE: Final = 10
"""The number of words up to which a choice among them by a number is not taken for an alphabet."""
KnownPaths = frozenset[NamePath]
"""The paths that tests around an expression have found to exist."""


class LookupShapes:
    """Infers lookups. `known` are the paths that exist for certain; `soft`: a missing value is accepted."""

    def __init__(
        self, names: Mapping[str, Shape], findings: FindingCollector, infer: Callable[[Expr, KnownPaths, bool], Shape]
    ) -> None:
        self.variables: dict[str, Shape] = {}
        """The names that the template itself has set."""
        self.repeats = False
        """Whether the text here is repeated for each item of a list that outsiders may have chosen."""
        self.names = names
        self._findings = findings
        self._infer = infer

    def name(self, node: Name, known: KnownPaths, soft: bool) -> Shape:
        """A name in scope, or a variable of the template."""
        name = node.name
        shape = self.variables[name] if name in self.variables else self.names.get(name)
        if shape is None:
            if not soft and (node.name,) not in known:
                names = sorted({*self.names, *self.variables})
                hint = FOREIGN_NAMES.get(node.name) or did_you_mean(node.name, names, what="visible here are")
                self._findings.add("FB301", f"there is no name {node.name} here", node, hint=hint)
            return Shape.unknown()
        return self._checked(node, (node.name,), shape, known, soft)

    def member(self, node: Member, known: KnownPaths, soft: bool) -> Shape:
        """`value.key`, `value["key"]` or `value[0]`."""
        value = self._infer(node.value, known, soft)
        if not known and value.is_object and isinstance(node.key, str):
            there = value.fields.get(node.key)
            if there is not None and there.presence == "always":
                return there
        if value.is_unknown and not value.fields:
            return Shape(taint=value.trust, figures=value.sources(), influence=value.influence)
        found = self._indexed(node, value) if isinstance(node.key, int) else self._keyed(node, node.key, value, soft)
        if found is None:
            return Shape.unknown()  # an error was added, or the value is null
        if not known and found.presence == "always" and not value.is_nullable:
            return found
        path = path_of(node) or ()
        if value.is_nullable and not soft and not covered(path, known):
            hint = f"take it with {self._findings.quote(node)} | default(...), or test it before"
            message = f"{self._findings.quote(node.value)} may be null here"
            self._findings.add("FB304", message, node, hint=hint, severity="warning")
        return self._checked(node, path, found, known, soft)

    def _keyed(self, node: Member, key: str, value: Shape, soft: bool) -> Shape | None:
        found = value.member(key)
        if found is not None:
            return found
        what, start = self._findings.quote(node.value), self._key_start(node)
        if key in ("length", "size") and value.may_be("text", "list", "object"):
            self._findings.add("FB301", f"{what} has no {key}", node, hint=f"write {what} | length", start=start)
            return None
        if value.kinds <= {"null"}:
            if not soft:
                self._findings.add("FB302", f"{what} is null and has no {key}", node, start=start)
            return None
        if value.may_be("object"):
            message = f"{what} has no {key}"
            names = list(value.fields)
            hint = did_you_mean(key, names, what="it has") if names else "it has no members"
            self._findings.add("FB301", message, node, hint=hint, start=start)
        elif value.may_be("list"):
            hint = f'for the first item write {what}[0].{key}, for all of them {what} | map("{key}")'
            self._findings.add("FB302", f"{what} is {describe(value)} and has no {key}", node, hint=hint, start=start)
        else:
            self._findings.add("FB302", f"{what} is {describe_kinds(value)} and has no members", node, start=start)
        return None

    def _indexed(self, node: Member, value: Shape) -> Shape | None:
        if value.may_be("list", "text"):
            return numbered(value)
        what = self._findings.quote(node.value)
        hint = f"it has: {', '.join(list(value.fields)[:12])}" if value.fields else ""
        self._findings.add("FB302", f"{what} is {describe_kinds(value)}, which has no item {node.key}", node, hint=hint)
        return None

    def _key_start(self, node: Member) -> int:
        at = self._findings.source.find(str(node.key), node.value.end, node.end)
        return at if at >= 0 else node.start

    def _checked(self, node: Expr, path: NamePath, shape: Shape, known: KnownPaths, soft: bool) -> Shape:
        """The shape of a value that was found; adds FB303 or FB304 where it may be missing and nothing covers that."""
        taken = covered(path, known)
        if taken:
            return shape.without_null() if shape.presence == "always" else shape.without_null().with_presence("always")
        if shape.presence == "always":
            return shape
        if not soft:
            what = self._findings.quote(node)
            own = path[:1] == ("steps",) and len(path) <= 3
            verb = "is never there" if shape.presence == "never" else "may be missing here"
            severity: Severity = "error" if own or shape.presence == "never" else "warning"
            hint = f"take it with {what} | default(...), or test it with is_defined({what})"
            message = f"{what} {verb}: {shape.reason}"
            self._findings.add("FB303" if own else "FB304", message, node, hint=hint, severity=severity)
        return shape.with_presence("always")

    def item(self, node: Item, known: KnownPaths, soft: bool) -> Shape:
        """`value[key]` with a computed key."""
        value, key = self._infer(node.value, known, soft), self._infer(node.key, known, False)
        influence = joined(value.influence, key.influence, key.trust)
        figures = spelled(key.figures) if self.repeats or value.may_be("text") or _is_long(node.value) else None
        if value.is_unknown or key.is_unknown:
            return Shape(taint=joined(value.trust, figures), figures=value.sources(), influence=influence)
        found = NOTHING
        if value.may_be("list", "text") and key.may_be("number"):
            found = numbered(value)
        if value.may_be("object") and key.may_be("text"):
            found = found | Shape(taint=value.trust, figures=value.sources())
        if found.kinds:
            if found.may_be("text"):
                found = replace(found, taint=joined(found.taint, figures), values=())
            return found.with_influence(influence)
        what = self._findings.quote(node.value)
        message = f"{what} is {describe_kinds(value)}, and its key here is {describe_kinds(key)}"
        self._findings.add("FB302", message, node)
        return Shape.unknown().tainted_by(value.trust)

    def slice(self, node: Slice, known: KnownPaths) -> Shape:
        """`value[low:high]`."""
        value = self._infer(node.value, known, False)
        influence, figures = value.influence, None
        for edge in (node.low, node.high):
            if edge is not None:
                found = self._infer(edge, known, False)
                influence = joined(influence, found.influence, found.trust)
                figures = joined(figures, found.figures)
                if not found.may_be("number", "null"):
                    message = f"the edge of a slice is a whole number; this is {describe_kinds(found)}"
                    self._findings.add("FB302", message, edge)
        if not value.may_be("list", "text"):
            self._findings.add("FB302", f"only lists and texts can be sliced; this is {describe_kinds(value)}", node)
            return Shape.unknown().tainted_by(value.trust)
        taint = joined(value.taint, spelled(figures)) if value.may_be("text") else value.taint
        return replace(value, values=(), taint=taint).with_influence(influence)


def numbered(value: Shape) -> Shape:
    """The shape of `value[n]` for a list or a text."""
    letter = Shape(kinds=_TEXT, taint=value.taint) if value.may_be("text") else NOTHING
    found = letter | value.joinable_item() if value.may_be("list") else letter
    if value.is_open:
        found = found | Shape(taint=value.taint)
    return found if found.kinds else Shape.unknown()


def _is_long(node: Expr) -> bool:
    """Whether a list or object is written out that could be an alphabet."""
    written = node.items if isinstance(node, ListLiteral) else node.entries if isinstance(node, ObjectLiteral) else ()
    return len(written) > _LONGEST_CHOICE
