"""The checks of a run: a function each, which yields the problems that it finds in the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from chaos.checks.effects import effects_once, pages_are_written
from chaos.checks.executions import (
    cancelled_means_cancelled,
    executions_complete,
    leases_are_kept,
    nothing_lost,
    resumes_soon,
)
from chaos.checks.reviews import decisions_stand, reviews_hold
from chaos.checks.run import audit_is_clean, every_fault_fired
from chaos.evidence import Evidence

Check = Callable[[Evidence], Iterator[str]]
CHECKS: tuple[Check, ...] = (
    audit_is_clean,
    cancelled_means_cancelled,
    decisions_stand,
    effects_once,
    every_fault_fired,
    executions_complete,
    resumes_soon,
    leases_are_kept,
    nothing_lost,
    pages_are_written,
    reviews_hold,
)


def checks() -> Mapping[str, Check]:
    """All checks by what they claim: the first line of their docstrings."""
    return {(check.__doc__ or check.__name__).splitlines()[0].rstrip("."): check for check in CHECKS}
