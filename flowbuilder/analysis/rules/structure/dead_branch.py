"""FB501: a branch can never be taken, because one before it always is or has the same condition.

The first branch whose condition holds is taken, and no other.

Wrong:
    inputs:
      score: {type: number}
    steps:
      - id: route
        type: conditional
        branches:
          - {when: inputs.score > 0.5, output: good}
          - {when: inputs.score > 0.5, output: fair}
    outputs: {grade: "{{ steps.route.output }}"}

Right:
    inputs:
      score: {type: number}
    steps:
      - id: route
        type: conditional
        branches:
          - {when: inputs.score > 0.5, output: good}
          - {when: inputs.score > 0.2, output: fair}
    outputs: {grade: "{{ steps.route.output }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.conditions import parts
from flowbuilder.analysis.constant_folding import constant_value
from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.conditional import Conditional

CODE = "FB501"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each such branch."""
    if analysis.incomplete:
        return
    for located in analysis.all:
        if not isinstance(located.step, Conditional):
            continue
        before: list[frozenset[str]] = []
        for index, branch in enumerate(located.step.branches):
            place = (*located.place, "branches", index, "when")
            said = parts(branch.when)
            same = next((number for number, earlier in enumerate(before) if earlier <= said), None)
            if same is not None:
                message = f"this branch is never taken: branch {same + 1} is, whenever this one could be"
                yield analysis.at(place, CODE, message, hint="the first branch that holds is taken", severity="warning")
            if constant_value(branch.when) is not None:
                break  # FB502 says so, and of what comes after it there is nothing more to say
            before.append(said)
