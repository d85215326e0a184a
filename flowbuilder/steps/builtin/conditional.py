"""`conditional`: take the first branch whose condition holds."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, SerializeAsAny

from flowbuilder.steps.step import ExpressionText, Kind, Record, Step, Templated


class ConditionalBranch(Record):
    """One branch: its condition, its steps, and what the conditional's output is when it is taken."""

    when: ExpressionText
    steps: tuple[SerializeAsAny[Step], ...] = ()
    output: Templated[Any] = None


class ConditionalElse(Record):
    """What happens when no condition holds."""

    steps: tuple[SerializeAsAny[Step], ...] = ()
    output: Templated[Any] = None


class Conditional(Step):
    """Take the first branch whose condition holds, or `else`. The steps of the other branches are skipped.

    The output is the `output` of the branch taken; null where that branch has none, or where no branch was taken.
    """

    kind: ClassVar[Kind] = "branch"

    branches: tuple[ConditionalBranch, ...] = Field(min_length=1)
    otherwise: ConditionalElse | None = Field(default=None, alias="else")
