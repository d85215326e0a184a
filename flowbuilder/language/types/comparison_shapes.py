"""Checks of comparisons: operands of kinds that do not fit, and constants that a value can never be."""

from __future__ import annotations

from typing import Final

from flowbuilder.diagnostics import did_you_mean
from flowbuilder.language.nodes import Compare, Constant
from flowbuilder.language.types.descriptions import describe, describe_kinds, describe_value
from flowbuilder.language.types.findings import FindingCollector
from flowbuilder.language.types.shapes import Kind, Shape

_ORDERED: Final[tuple[Kind, ...]] = ("number", "text")


def check_comparison(node: Compare, left: Shape, right: Shape, findings: FindingCollector) -> None:
    """Add FB302 where the result of a comparison of these shapes is always the same, or an error."""
    if node.op in ("in", "not in"):
        _check_membership(node, left, right, findings)
    elif node.op in ("==", "!="):
        _check_equality(node, left, right, findings)
    else:
        _check_order(node, left, right, findings)


def _check_equality(node: Compare, left: Shape, right: Shape, findings: FindingCollector) -> None:
    if left.kinds <= {"null"} or right.kinds <= {"null"}:
        return
    if not (left.kinds & right.kinds) - {"null"} and not (left.is_nullable and right.is_nullable):
        outcome = "never equal" if node.op == "==" else "always different"
        message = f"{_operands(node, left, right, findings)}: they are {outcome}"
        findings.add("FB302", message, node)
        return
    if isinstance(node.left, Constant) and isinstance(node.right, Constant):
        return
    if left.values and right.values and not set(left.values) & set(right.values):
        subject, literal = (node.left, right) if isinstance(node.right, Constant) else (node.right, left)
        choices = left if literal is right else right
        shown = " or ".join(describe_value(value) for value in choices.values[:8])
        wanted = describe_value(literal.values[0])
        hint = did_you_mean(str(literal.values[0]), [str(value) for value in choices.values], what="it can be")
        findings.add("FB302", f"{findings.quote(subject)} is never {wanted}: it is {shown}", node, hint=hint)


def _check_order(node: Compare, left: Shape, right: Shape, findings: FindingCollector) -> None:
    if any(left.may_be(kind) and right.may_be(kind) for kind in _ORDERED):
        return
    hint = "both must be numbers, or both texts"
    if {"text", "number"} <= left.kinds | right.kinds:
        hint = "a text that holds a number becomes one with | float"
    findings.add("FB302", f"{_operands(node, left, right, findings)}: they have no order", node, hint=hint)


def _check_membership(node: Compare, item: Shape, container: Shape, findings: FindingCollector) -> None:
    if not container.may_be("list", "text", "object"):
        found = f"{findings.quote(node.right)} is {describe_kinds(container)}"
        findings.add("FB302", f"`in` searches a list, a text or an object; {found}", node)
    elif container.kinds <= {"text", "null"} and not item.may_be("text"):
        message = f"a text contains texts; {findings.quote(node.left)} is {describe_kinds(item)}"
        findings.add("FB302", message, node, hint="write value | string")
    elif container.kinds <= {"list", "null"} and not container.item().kinds & item.kinds:
        one = f"{findings.quote(node.left)} is {describe_kinds(item)}"
        other = f"{findings.quote(node.right)} is {describe(container)}"
        findings.add("FB302", f"{one} and {other}: it is never in it", node)


def _operands(node: Compare, left: Shape, right: Shape, findings: FindingCollector) -> str:
    one = f"{findings.quote(node.left)} is {describe_kinds(left)}"
    return f"{one} and {findings.quote(node.right)} is {describe_kinds(right)}"
