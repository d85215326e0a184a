"""`conditional`: take the first branch whose condition holds."""

from typing import Any, ClassVar

from pydantic import Field

from flowbuilder.steps.step import ExpressionText, InnerBlock, Kind, Record, Step, Templated
from flowbuilder.values import Place


class ConditionalBranch(Record):
    """One branch: its condition, its steps, and what the conditional's output is when it is taken."""

    when: ExpressionText
    steps: tuple[Step, ...] = ()
    output: Templated[Any] = None


class ConditionalElse(Record):
    """The branch that is taken when no condition holds."""

    steps: tuple[Step, ...] = ()
    output: Templated[Any] = None


class Conditional(Step):
    """Take the first branch whose condition holds, or `else`. The steps of the other branches are skipped.

    The output is the `output` of the branch taken; null where that branch has none, or where no branch was taken.
    """

    kind: ClassVar[Kind] = "branch"

    branches: tuple[ConditionalBranch, ...] = Field(min_length=1)
    otherwise: ConditionalElse | None = Field(default=None, alias="else")

    def inner_blocks(self) -> tuple[InnerBlock, ...]:
        """One block for each branch, then the one of `else`."""
        blocks = [
            InnerBlock(place=("branches", index), steps=branch.steps, when=branch.when, output=branch.output)
            for index, branch in enumerate(self.branches)
        ]
        if self.otherwise is not None:
            blocks.append(InnerBlock(place=("else",), steps=self.otherwise.steps, output=self.otherwise.output))
        return tuple(blocks)

    def scope_of(self, place: Place) -> int | None:
        """The output of a branch reads the steps of that branch."""
        if place[0] == "branches" and place[2] == "output":
            return int(place[1])
        return len(self.branches) if place[0] == "else" else None

    def decides(self, place: Place, block: int) -> bool:
        """A branch runs when its condition holds and those of the branches before it do not."""
        is_condition = place[0] == "branches" and place[2:] == ("when",)
        return (is_condition and int(place[1]) <= block) or super().decides(place, block)
