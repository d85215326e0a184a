"""How it stands with the calls of one connection, and the rules by which one may go or has to wait. Pure.

Every call asks `admit`, and says afterwards how it went: `went` or `refuse`. Whoever has to wait is given a turn of
their own, so that each comes back once, and never all together. Moments are in UTC, by one clock for all who ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from flowbuilder.throttling.limits import Limits
from flowbuilder.values import Json, JsonObject

SLOT_SECONDS = 30.0
"""How long a place among the calls at once is kept without being renewed: those of a dead worker are free then."""
PROBE_SECONDS = 60.0
"""How long the first call after a closure may take before another one looks whether it is over."""
PROBE_MARGIN = 2.0
"""So many seconds after the first call the others have their turns: by then it has mostly been answered."""
LONGEST_BACKOFF = 15.0
"""The longest closure, in seconds, where the other side does not say how long."""
RESTART_PACE = 8.0
"""Calls a second at most, right after a closure: two hundred that wait have all gone within half a minute."""
SLOWEST_PACE = 1 / 60
FREE_PACE = 64.0
"""A connection without a rate that has come back to so many calls a second is not held back any more."""
FORGOTTEN = timedelta(minutes=10)
"""A refusal that is so old does not count any more."""
_MOMENTS = ("closed_until", "refused_at", "probing_until", "free_at")
Why = Literal["closed", "rate", "concurrency"]


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """The promise that a call may be made from `at` on. It is void once the connection was closed again (`era`)."""

    era: int
    at: datetime

    def record(self) -> JsonObject:
        """The JSON form."""
        return {"era": self.era, "at": self.at.isoformat()}

    @classmethod
    def of(cls, record: JsonObject | None) -> Reservation | None:
        """The turn in a JSON form."""
        return None if record is None else cls(era=int(record["era"]), at=datetime.fromisoformat(record["at"]))


@dataclass(frozen=True, kw_only=True)
class Permit:
    """The call may be made now. `watched` says that it matters how it goes, even when it goes well."""

    token: str
    era: int
    probe: bool = False
    watched: bool = False


@dataclass(frozen=True, kw_only=True)
class Denied:
    """The call has to wait. For a place among the calls at once nobody can say how long: `until` is None."""

    why: Why
    until: datetime | None
    turn: Reservation | None = None


@dataclass(frozen=True, kw_only=True)
class LimiterState:
    """One connection. `era` counts its closures, `strikes` the refusals in a row; `pace` is in calls a second, while it
    comes back; `free_at` is when the next call has its turn; `held` are the calls under way, where they are counted."""

    era: int = 0
    strikes: int = 0
    closed_until: datetime | None = None
    refused_at: datetime | None = None
    probing_until: datetime | None = None
    pace: float | None = None
    knee: float | None = None
    free_at: datetime | None = None
    held: Mapping[str, datetime] = field(default_factory=dict)

    def record(self) -> JsonObject:
        """The JSON form."""
        record = {name: _plain(value) for name, value in vars(self).items() if name != "held"}
        return {**record, "held": {token: until.isoformat() for token, until in self.held.items()}}

    @classmethod
    def of(cls, record: JsonObject) -> LimiterState:
        """The traffic in a JSON form."""
        moments = {name: record[name] and datetime.fromisoformat(record[name]) for name in _MOMENTS}
        held = {token: datetime.fromisoformat(until) for token, until in record["held"].items()}
        return cls(
            era=record["era"], strikes=record["strikes"], pace=record["pace"], knee=record["knee"], held=held, **moments
        )

    @property
    def quiet(self) -> bool:
        """Whether nothing is known that would hold a call back."""
        return not self.strikes and self.pace is None and self.closed_until is None


def admit(
    traffic: LimiterState, limits: Limits, *, now: datetime, token: str, turn: Reservation | None = None
) -> tuple[LimiterState, Permit | Denied]:
    """Whether a call may be made; `turn` is what was promised to it when it asked before."""
    traffic = _forgetting(traffic, now)
    if traffic.closed_until is not None and now < traffic.closed_until:
        return _queued(traffic, limits, traffic.closed_until, look=True)
    if traffic.strikes and traffic.probing_until is not None and now < traffic.probing_until:
        return _queued(traffic, limits, now + timedelta(seconds=PROBE_MARGIN))
    if limits.concurrency is not None and len(traffic.held) >= limits.concurrency:
        return traffic, Denied(why="concurrency", until=None, turn=turn)
    if traffic.strikes:
        following = now + (_interval(traffic, limits) or timedelta())
        traffic = replace(
            traffic,
            probing_until=now + timedelta(seconds=PROBE_SECONDS),
            free_at=max(traffic.free_at or following, following),
        )
        return _gone(traffic, limits, now, token, probe=True)
    if turn is not None and turn.era == traffic.era:
        if now < turn.at:
            return traffic, Denied(why="rate", until=turn.at, turn=turn)
        return _gone(traffic, limits, now, token)
    interval = _interval(traffic, limits)
    if interval is None:
        return _gone(traffic, limits, now, token)
    earliest = max(traffic.free_at or now, now) - _tolerance(traffic, limits, interval)
    traffic = replace(traffic, free_at=max(traffic.free_at or now, now) + interval)
    if earliest <= now:
        return _gone(traffic, limits, now, token)
    return traffic, Denied(why="rate", until=earliest, turn=Reservation(era=traffic.era, at=earliest))


def went(traffic: LimiterState, limits: Limits, go: Permit) -> LimiterState:
    """After a call that was answered, with whatever: the connection is open, and a little faster than before."""
    traffic = _without(traffic, go.token)
    if go.era != traffic.era:
        return traffic
    if traffic.strikes:
        return replace(traffic, strikes=0, closed_until=None, probing_until=None)
    if traffic.pace is None:
        return traffic
    careful = traffic.knee is not None and traffic.pace >= 0.8 * traffic.knee
    pace = traffic.pace + min(*((0.01 * traffic.pace, 0.05) if careful else (0.1 * traffic.pace, 0.35)))
    enough = pace >= (limits.rate.per_second if limits.rate else FREE_PACE)
    return replace(traffic, pace=None if enough else pace)


def refuse(
    traffic: LimiterState, limits: Limits, go: Permit, *, now: datetime, retry_after: float | None, chance: float
) -> LimiterState:
    """After a call that was turned away: closed for `retry_after` seconds, or ever longer where nothing was said.

    `chance` is between 0 and 1. Half of an own wait is fixed and half by chance: all of it by chance can be nothing.
    """
    traffic = _without(traffic, go.token)
    said = timedelta(seconds=retry_after or 0.0)
    if go.era != traffic.era:
        # it was under way when the connection closed: no news, unless it is to stay closed for longer
        longer = max(traffic.closed_until or now, now + said)
        return replace(traffic, closed_until=longer) if retry_after else traffic
    strikes = traffic.strikes + 1
    own = timedelta(seconds=min(2.0 ** (strikes - 1), LONGEST_BACKOFF) * (0.5 + chance / 2))
    until = now + max(said, own)
    pace, knee = traffic.pace, traffic.knee
    if pace is None:
        pace = min(RESTART_PACE, limits.rate.per_second) if limits.rate else RESTART_PACE
    elif not traffic.strikes:  # it was open, and this was too fast
        pace, knee = max(pace / 2, SLOWEST_PACE), pace
    return replace(
        traffic,
        era=traffic.era + 1,
        strikes=strikes,
        closed_until=until,
        refused_at=now,
        probing_until=None,
        pace=pace,
        knee=knee,
        free_at=until,
    )


def left(traffic: LimiterState, go: Permit) -> LimiterState:
    """After a call of which nobody knows how it went: another one may look."""
    traffic = _without(traffic, go.token)
    return replace(traffic, probing_until=None) if go.probe and go.era == traffic.era else traffic


def kept(traffic: LimiterState, go: Permit, now: datetime) -> LimiterState:
    """While a call is under way: its place is kept."""
    return replace(traffic, held={**traffic.held, go.token: now + timedelta(seconds=SLOT_SECONDS)})


def _plain(value: datetime | float | None) -> Json:
    return value.isoformat() if isinstance(value, datetime) else value


def _gone(
    traffic: LimiterState, limits: Limits, now: datetime, token: str, *, probe: bool = False
) -> tuple[LimiterState, Permit | Denied]:
    go = Permit(
        token=token,
        era=traffic.era,
        probe=probe,
        watched=probe or limits.concurrency is not None or traffic.pace is not None,
    )
    return (traffic if limits.concurrency is None else kept(traffic, go, now)), go


def _queued(
    traffic: LimiterState, limits: Limits, opens: datetime, *, look: bool = False
) -> tuple[LimiterState, Permit | Denied]:
    """A turn after the connection has opened, one after the other; the first one that is to `look` comes alone."""
    interval = _interval(traffic, limits) or timedelta(seconds=1 / RESTART_PACE)
    at = max(traffic.free_at or opens, opens)
    following = opens + timedelta(seconds=PROBE_MARGIN) if look and at == opens else at + interval
    return replace(traffic, free_at=following), Denied(why="closed", until=at, turn=Reservation(era=traffic.era, at=at))


def _interval(traffic: LimiterState, limits: Limits) -> timedelta | None:
    paces = [pace for pace in (traffic.pace, limits.rate and limits.rate.per_second) if pace]
    return timedelta(seconds=1 / min(paces)) if paces else None


def _tolerance(traffic: LimiterState, limits: Limits, interval: timedelta) -> timedelta:
    """How much earlier than evenly spaced a call may come: none right after a closure."""
    return interval * (limits.rate.burst - 1) if limits.rate and traffic.pace is None else timedelta()


def _without(traffic: LimiterState, token: str) -> LimiterState:
    if token not in traffic.held:
        return traffic
    return replace(traffic, held={name: until for name, until in traffic.held.items() if name != token})


def _forgetting(traffic: LimiterState, now: datetime) -> LimiterState:
    if any(until <= now for until in traffic.held.values()):
        traffic = replace(traffic, held={name: until for name, until in traffic.held.items() if until > now})
    if traffic.refused_at is not None and traffic.refused_at + FORGOTTEN < now and not traffic.strikes:
        return replace(traffic, refused_at=None, closed_until=None, pace=None, knee=None)
    return traffic
