"""The steps of an execution as a table: where each stands, those inside others indented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowbuilder.actions import Standing
from flowbuilder.execution import Outcome
from review_app import times
from review_app.fields import as_text
from review_app.plain import escaped
from review_app.widgets import marks

KEPT = 400
"""Rows drawn at most."""


def table(standings: Sequence[Standing], outcomes: Iterable[Outcome]) -> str:
    """The table as HTML."""
    ends = {outcome.path: outcome for outcome in outcomes}
    rows = [_row(standing, depth, ends) for standing, depth in _flat(standings, 0)]
    more = len(rows) - KEPT
    note = f'<div class="fb-muted">{more:,} more steps are not shown</div>' if more > 0 else ""
    return f'<div class="fb-steps">{"".join(rows[:KEPT])}</div>{note}'


def of_outcomes(outcomes: Iterable[Outcome]) -> str:
    """The same for an execution whose plan this release cannot read any more: only what was recorded."""
    return table(
        [
            Standing(path=end.path, id=end.path, type="", name=end.path, status=end.status, error=end.error)
            for end in outcomes
        ],
        outcomes,
    )


def _flat(standings: Iterable[Standing], depth: int) -> Iterator[tuple[Standing, int]]:
    for standing in standings:
        yield standing, depth
        yield from _flat(standing.inside, depth + 1)


def _row(standing: Standing, depth: int, ends: Mapping[str, Outcome]) -> str:
    end = ends.get(standing.path)
    tries = f" · {end.attempt} attempts" if end is not None and end.attempt > 1 else ""
    took = times.span(end.seconds) + tries if end is not None and end.seconds else ""
    return (
        f'<div class="fb-step fb-depth-{min(depth, 4)}"><div class="fb-step-name"><code>{escaped(standing.path)}</code>'
        f'{_name(standing)} <span class="fb-muted">{escaped(standing.type)}</span></div>'
        f'<div class="fb-step-took">{escaped(took)}</div><div>{marks.status(standing.status)}</div>{_why(standing)}</div>'
    )


def _name(standing: Standing) -> str:
    return f" {escaped(standing.name)}" if standing.name not in (standing.id, standing.path) else ""


def _why(standing: Standing) -> str:
    if standing.error:
        return f'<div class="fb-step-why fb-text-red">{escaped(as_text(standing.error.get("message", standing.error)))}</div>'
    return f'<div class="fb-step-why">{escaped(standing.reason.replace("_", " "))}</div>' if standing.reason else ""
