"""Simulates a walk: its commands are answered as a case says, in any order, and replayed from the recorded answers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.model.execution import Outcome
from flowbuilder.model.review import Decision
from flowbuilder.plan.compiler import compile_plan
from flowbuilder.plan.nodes import Plan
from flowbuilder.steps.step import ExecutionInfo
from flowbuilder.walk.commands import Ask, Command, Finish, Note, Start, Withdraw, ask_path
from flowbuilder.walk.walk import Walk

AT = datetime(2026, 1, 1, tzinfo=UTC)
INFO = ExecutionInfo(id="e1", workflow="w", version=1, started_at=AT.isoformat())


@dataclass(frozen=True)
class Answer:
    """The decision of a review that a step opened itself."""

    path: str


class Simulation:
    """A walk whose commands are answered as the case says; `seed` shuffles the order of the answers."""

    def __init__(self, case: dict[str, Any], plan: Plan, seed: int | None = None, restart: bool = False) -> None:
        self.case, self.plan, self.restart = case, plan, restart
        self.order = random.Random(seed) if seed is not None else None
        self.outcomes: dict[str, Outcome] = {}
        self.decisions: dict[str, Decision] = {}
        self.asked: set[str] = set()
        self.starts: list[str] = []
        self.asks: list[str] = []
        self.skips: list[str] = []
        self.withdraws: list[str] = []
        self.walk = self.new_walk()
        self.finish = self.run()

    def new_walk(self) -> Walk:
        return Walk(
            self.plan,
            inputs=self.case.get("given", {}),
            execution=INFO,
            outcomes=self.outcomes.values(),
            decisions=self.decisions,
            asked=self.asked,
        )

    def run(self) -> Finish | None:
        pending: list[Start | Ask | Answer] = []
        while True:
            for action in self.walk.advance():
                self.take(action, pending)
            if self.walk.result or not pending:
                return self.walk.conclude()
            chosen = pending.pop(self.order.randrange(len(pending)) if self.order else 0)
            if self.restart:
                self.remember(chosen)
                self.walk, pending = self.new_walk(), []
            else:
                pending += self.tell(chosen)

    def take(self, action: Command, pending: list[Start | Ask | Answer]) -> None:
        match action:
            case Start(path=path):
                self.starts.append(path)
                pending.append(action)
            case Ask(path=path):
                if path not in self.asked:
                    self.asks.append(path)
                self.asked.add(path)
                if path in self.case.get("decisions", {}):
                    pending.append(action)
            case Withdraw(path=path):
                self.withdraws.append(path)
            case Note(event=event) if event.type == "step_skipped":
                self.skips.append(event.path)

    def tell(self, action: Start | Ask | Answer) -> list[Answer]:
        """Report the result of a command to the walk; returns the decision that is pending now, if any."""
        remembered = self.remember(action)
        if isinstance(remembered, Decision):
            self.walk.decided(action.path, remembered)
            return []
        self.walk.finished(remembered)
        asked = ask_path(action.path, getattr(action, "asks", 0))
        decided = remembered.status == "needs_review" and asked in self.case.get("decisions", {})
        return [Answer(asked)] if decided else []

    def remember(self, action: Start | Ask | Answer) -> Outcome | Decision:
        if not isinstance(action, Start):
            self.decisions[action.path] = self.decision(action.path)
            return self.decisions[action.path]
        outcome = self.outcome(action)
        if outcome.status == "needs_review":
            asked = ask_path(action.path, action.asks)
            self.asked.add(asked)
            if self.restart and asked in self.case.get("decisions", {}):
                self.decisions[asked] = self.decision(asked)
        else:
            self.outcomes[action.path] = outcome
        return outcome

    def outcome(self, start: Start) -> Outcome:
        given = self.case.get("outcomes", {}).get(start.path, start.path)
        if isinstance(given, dict) and "fails" in given:
            return Outcome(path=start.path, status="failed", error={"code": "step_failed", "message": given["fails"]})
        if isinstance(given, dict) and "asks" in given:
            if start.decision is None:
                return Outcome(path=start.path, status="needs_review")
            return Outcome(path=start.path, status="completed", output=start.path)
        return Outcome(path=start.path, status="completed", output=given)

    def decision(self, path: str) -> Decision:
        given = self.case["decisions"][path]
        fields = {"kind": given} if isinstance(given, str) else given
        return Decision(by="ana", at=AT, **fields)


def plan_of(case: dict[str, Any]) -> Plan:
    child = definition(case["called"]) if "called" in case else None

    def called(name: str, version: int | None) -> Definition:
        assert child is not None
        return child

    return compile_plan(definition({"name": "w", **case}), workflows=called)


def definition(case: dict[str, Any]) -> Definition:
    document = {
        "schema": "flowbuilder/v1",
        "name": case["name"],
        "title": "Case",
        "inputs": case.get("inputs", {}),
        "steps": [work(step) for step in case["steps"]],
        "outputs": case.get("outputs", {}),
    }
    found, report = load(document)
    assert found is not None, report.summary()
    return found


def work(step: dict[str, Any]) -> dict[str, Any]:
    """A step of a case in full: without a type it is code, `after` is `depends_on`."""
    full = {"depends_on": step["after"]} if "after" in step else {}
    full |= {key: value for key, value in step.items() if key != "after"}
    if "type" not in full:
        full |= {"type": "code", "source": "1"}
    if "steps" in full:
        full["steps"] = [work(inner) for inner in full["steps"]]
    if "branches" in full:
        full["branches"] = [{**arm, "steps": [work(inner) for inner in arm["steps"]]} for arm in full["branches"]]
    if "else" in full:
        full["else"] = {**full["else"], "steps": [work(inner) for inner in full["else"]["steps"]]}
    return full
