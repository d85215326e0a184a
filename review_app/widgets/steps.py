"""The steps of an execution as a table: where each stands, those inside others indented."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowbuilder.model.execution import Outcome
from flowbuilder.walk.commands import StepView
from review_app import times
from review_app.fields import as_text
from review_app.markdown_escape import escaped
from review_app.widgets import chips

KEPT = 400
"""Rows drawn at most."""
_NUMBER = re.compile(r"(\d+)")


def table(step_views: Sequence[StepView], outcomes: Iterable[Outcome]) -> str:
    """The table as HTML."""
    ends = {outcome.path: outcome for outcome in outcomes}
    rows = [_row(standing, depth, ends) for standing, depth in _flat(step_views, 0, ends)]
    more = len(rows) - KEPT
    note = f'<div class="fb-muted">{more:,} more steps are not shown</div>' if more > 0 else ""
    return f'<div class="fb-steps">{"".join(rows[:KEPT])}</div>{note}'


def of_outcomes(outcomes: Iterable[Outcome]) -> str:
    """The same for an execution whose plan this release cannot read any more: only what was recorded."""
    ends = list(outcomes)
    return table([_recorded(end) for end in ends], ends)


def statuses(step_views: Iterable[StepView]) -> dict[str, str]:
    """Where each step stands by its id, for a drawing of the plan. Of a step with several runs the busiest counts."""
    found: dict[str, str] = {}
    for standing in step_views:
        for name, status in {**statuses(standing.inside), standing.id: _status(standing)}.items():
            known = found.get(name)
            found[name] = status if known is None else min(known, status, key=_rank)
    return found


def _rank(status: str) -> int:
    order = ("failed", "waiting", "running", "pending", "completed", "skipped")
    return order.index(status) if status in order else len(order)


def _recorded(end: Outcome) -> StepView:
    return StepView(path=end.path, id=end.path, type="", name=end.path, status=end.status, error=end.error)


def _flat(step_views: Iterable[StepView], depth: int, ends: Mapping[str, Outcome]) -> Iterator[tuple[StepView, int]]:
    """All steps with their depth. What ended inside a loop or a called workflow is no longer in the walk: it is taken
    from what was recorded."""
    for standing in step_views:
        yield standing, depth
        inside = list(_flat(standing.inside, depth + 1, ends))
        walked = {each.path for each, _ in inside}
        below = (f"{standing.path}[", f"{standing.path}.")
        over = [
            (_recorded(end), depth + 1) for path, end in ends.items() if path.startswith(below) and path not in walked
        ]
        yield from sorted([*inside, *over], key=lambda pair: _natural(pair[0].path)) if over else inside


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBER.split(path)]


def _status(standing: StepView) -> str:
    """A block that only waits for people inside of it waits; it does not run."""
    if standing.status != "running" or not standing.inside:
        return standing.status
    within = {_status(each) for each in standing.inside}
    return "waiting" if "waiting" in within and "running" not in within else "running"


def _row(standing: StepView, depth: int, ends: Mapping[str, Outcome]) -> str:
    end = ends.get(standing.path)
    tries = f" · {end.attempt} attempts" if end is not None and end.attempt > 1 else ""
    took = times.span(end.seconds) + tries if end is not None and end.seconds else ""
    return (
        f'<div class="fb-step fb-depth-{min(depth, 4)}"><div class="fb-step-name"><code>{escaped(standing.path)}</code>'
        f'{_name(standing)} <span class="fb-muted">{escaped(standing.type.replace("_", " "))}</span></div>'
        f'<div class="fb-step-took">{escaped(took)}</div><div>{chips.status(_status(standing))}</div>'
        f"{_why(standing)}</div>"
    )


def _name(standing: StepView) -> str:
    return f" {escaped(standing.name)}" if standing.name not in (standing.id, standing.path) else ""


def _why(standing: StepView) -> str:
    if standing.error:
        said = escaped(as_text(standing.error.get("message", standing.error)))
        return f'<div class="fb-step-why fb-text-red">{said}</div>'
    return f'<div class="fb-step-why">{escaped(standing.reason.replace("_", " "))}</div>' if standing.reason else ""
