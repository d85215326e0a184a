"""The steps of an execution as a table with their status; nested steps are indented."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlencode

from flowbuilder.model.execution import Outcome
from flowbuilder.walk.commands import StepView
from review_app import times
from review_app.fields import as_text
from review_app.markdown_escape import attribute, escaped
from review_app.widgets import chips

MAX_ROWS = 400
"""The most rows drawn."""
_NUMBER = re.compile(r"(\d+)")


def table(step_views: Sequence[StepView], outcomes: Iterable[Outcome], execution_id: str, *, find: str = "") -> str:
    """The table as HTML, each step with a link that opens it; with `find` only those whose path or status has it."""
    ends = {outcome.path: outcome for outcome in outcomes}
    sought = find.strip().lower()
    found = [
        (view, depth)
        for view, depth in _flat(step_views, 0, ends)
        if not sought or sought in view.path.lower() or sought in _status(view)
    ]
    rows = [_row(view, depth, ends, execution_id) for view, depth in found[:MAX_ROWS]]
    more = len(found) - MAX_ROWS
    note = f'<div class="fb-muted">{more:,} more steps are not shown: search for them</div>' if more > 0 else ""
    none = '<div class="fb-step fb-muted">No step has this in its path or status</div>' if sought and not rows else ""
    return f'<div class="fb-steps">{"".join(rows)}{none}</div>{note}'


def recorded(outcomes: Iterable[Outcome]) -> list[StepView]:
    """The recorded steps of an execution whose version no longer compiles."""
    return [_recorded(end) for end in outcomes]


def statuses(step_views: Iterable[StepView]) -> dict[str, str]:
    """The status of each step by its id, for the graph. A step with several runs has the most urgent status of them."""
    found: dict[str, str] = {}
    for view in step_views:
        for name, status in {**statuses(view.inside), view.id: _status(view)}.items():
            known = found.get(name)
            found[name] = status if known is None else min(known, status, key=_urgency)
    return found


def _urgency(status: str) -> int:
    order = ("failed", "waiting", "running", "pending", "completed", "skipped")
    return order.index(status) if status in order else len(order)


def _recorded(end: Outcome) -> StepView:
    return StepView(path=end.path, id=end.path, type="", name=end.path, status=end.status, error=end.error)


def _flat(step_views: Iterable[StepView], depth: int, ends: Mapping[str, Outcome]) -> Iterator[tuple[StepView, int]]:
    """All steps with their depth. Finished steps inside loops and called workflows are no longer in the walk; they are
    taken from the recorded outcomes."""
    for view in step_views:
        yield view, depth
        inside = list(_flat(view.inside, depth + 1, ends))
        known = {each.path for each, _ in inside}
        below = (f"{view.path}[", f"{view.path}.")
        over = [
            (_recorded(end), depth + 1) for path, end in ends.items() if path.startswith(below) and path not in known
        ]
        yield from sorted([*inside, *over], key=lambda pair: _natural(pair[0].path)) if over else inside


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBER.split(path)]


def _status(view: StepView) -> str:
    """The status of a step; a running block whose steps all wait for reviews is waiting."""
    if view.status != "running" or not view.inside:
        return view.status
    within = {_status(each) for each in view.inside}
    return "waiting" if "waiting" in within and "running" not in within else "running"


def _row(view: StepView, depth: int, ends: Mapping[str, Outcome], execution_id: str) -> str:
    end = ends.get(view.path)
    tries = f" · {end.attempt} attempts" if end is not None and end.attempt > 1 else ""
    took = times.span(end.seconds) + tries if end is not None and end.seconds else ""
    address = attribute(f"?{urlencode({'id': execution_id, 'step': view.path})}")
    return (
        f'<div class="fb-step fb-depth-{min(depth, 4)}"><div class="fb-step-name">'
        f'<a class="fb-step-link" href="{address}" target="_self"><code>{escaped(view.path)}</code></a>'
        f'{_name(view)} <span class="fb-muted">{escaped(view.type.replace("_", " "))}</span></div>'
        f'<div class="fb-step-took">{escaped(took)}</div><div>{chips.status(_status(view))}</div>'
        f"{_why(view)}</div>"
    )


def _name(view: StepView) -> str:
    return f" {escaped(view.name)}" if view.name not in (view.id, view.path) else ""


def _why(view: StepView) -> str:
    if view.error:
        message = escaped(as_text(view.error.get("message", view.error)))
        return f'<div class="fb-step-why fb-text-red">{message}</div>'
    return f'<div class="fb-step-why">{escaped(view.reason.replace("_", " "))}</div>' if view.reason else ""
