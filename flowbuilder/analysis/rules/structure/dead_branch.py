"""FB501: an unreachable branch: an earlier branch is always taken, or has the same condition.

Only the first branch whose condition holds is taken.

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

from flowbuilder.analysis.conditions import conjuncts, constant_value
from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.conditional import Conditional

CODE = "FB501"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each such branch."""
    if analysis.incomplete:
        return
    for located in analysis.steps:
        if not isinstance(located.step, Conditional):
            continue
        before: list[frozenset[str]] = []
        for index, branch in enumerate(located.step.branches):
            place = (*located.place, "branches", index, "when")
            required = conjuncts(branch.when)
            same = next((number for number, earlier in enumerate(before) if earlier <= required), None)
            if same is not None:
                message = f"unreachable branch: branch {same + 1} is taken whenever this condition holds"
                yield analysis.diagnostic_at(
                    place, CODE, message, hint="the first branch whose condition holds is taken", severity="warning"
                )
            if constant_value(branch.when) is not None:
                break  # FB502 reports this branch; the branches after it follow from it
            before.append(required)
