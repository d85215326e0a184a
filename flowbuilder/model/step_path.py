"""StepPath: the address of a step run or of a review, and the only module that parses it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ROUND = re.compile(r"#\d+")
_ITEM_LEVEL = re.compile(r"[a-z][a-z0-9_]*(?:#\d+)?\[\d+\]\.")
_ITEM = re.compile(r"\[(\d+)\]")


class StepPath(str):
    """`publish`, `pages[3].draft`, `child.fetch`, `draft#2` for its second round, `publish~2` for its second review.

    A path is one or more levels joined by `.`. A level is a step id, `#n` from round 2 on, and `[i]` for item i of an
    iteration, from 0. `~n` at the end is the n-th review, from 2, that one step run asked for. The branches of a
    conditional are no level. Methods return plain strings, the form that is stored.
    """

    __slots__ = ()

    def step(self, step_id: str, round_number: int = 1) -> str:
        """The path of a step at this level: of the workflow if this is empty, else of an item or a called workflow."""
        place = f"{self}.{step_id}" if self else step_id
        return f"{place}#{round_number}" if round_number > 1 else place

    def item(self, index: int) -> str:
        """The level of one item of this iteration."""
        return f"{self}[{index}]"

    def review(self, number: int) -> str:
        """The path of the review that this step run asks for: the first has the step run's own path."""
        return str(self) if number <= 1 else f"{self}~{number}"

    @property
    def step_run(self) -> str:
        """The path of the step run itself, for that of a review it asked for."""
        return str(self).partition("~")[0]

    @property
    def step_id(self) -> str:
        """The id of the step at the end of the path, without round, item or review."""
        return next(iter(_NAME.findall(self.rpartition(".")[2])), "")

    @property
    def in_definition(self) -> str:
        """The path of the step in its definition, without rounds and items: `pages[3].child.draft#2` is `child.draft`.
        An iteration is no level there: its body has no steps of the same name."""
        return _ROUND.sub("", _ITEM_LEVEL.sub("", self))

    @property
    def top(self) -> str:
        """The id of the step at the top of the workflow that contains this one, or that it is."""
        found = _NAME.match(self)
        return found[0] if found else ""

    @property
    def is_top(self) -> bool:
        """Whether the path is that of a step at the top: in no iteration and no called workflow."""
        return "." not in self and "[" not in self

    def items(self) -> Iterator[tuple[str, int]]:
        """The items around the step, outermost first: the iteration's path and the item's index."""
        for found in _ITEM.finditer(self):
            yield self[: found.start()], int(found[1])
