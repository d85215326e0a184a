"""`guard`: compare a proposal with the content that it replaces, by rules, before a reviewer sees it.

The texts are read into blocks (`blocks`, `html_blocks`, `inline`) and aligned (`change`); a rule of `rules/` says what
the proposal adds or loses. What is in both is no finding.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, field_validator

from flowbuilder.steps.builtin.guard.rule import RuleOptions, rule_files
from flowbuilder.steps.step import Completed, Step, StepResult, StepRun, Templated

Options = Literal["off", "block", "warning", "info"] | RuleOptions


class Guard(Step):
    """Compare a proposal with the content it replaces: lost links, new numbers, removed negations, scripts.

    `rules` sets a rule to `off`, to another severity, or to `{severity, words, share}`. The output is `{findings,
    worst}`, for a review's `findings` or a condition; the rules change nothing.
    """

    cooperative: ClassVar[bool] = False

    base: Templated[Any] = None
    proposal: Templated[Any]
    rules: Templated[dict[str, Options]] = Field(default_factory=dict)

    class Output(BaseModel, defer_build=True):
        """`worst` is the worst severity among the findings: block, warning, info, or null when there are none."""

        findings: list[dict[str, Any]]
        worst: Literal["block", "warning", "info"] | None

    @field_validator("rules")
    @classmethod
    def _known(cls, value: dict[str, Options]) -> dict[str, Options]:
        # one template in the place of all rules is looked at when it has its value
        unknown = next((name for name in value if name not in rule_files()), None) if isinstance(value, dict) else None
        if unknown is not None:
            raise ValueError(f"there is no rule {unknown}; the rules are {', '.join(rule_files())}")
        return value

    async def run(self, run: StepRun) -> StepResult:
        """The most severe findings come first."""
        # the parser, the rules and their lists of words are needed by a run only
        comparison = import_module("flowbuilder.steps.builtin.guard.comparison")
        found = comparison.findings_of(self.base, self.proposal, self.rules)
        return Completed(output={"findings": found, "worst": found[0]["severity"] if found else None})
