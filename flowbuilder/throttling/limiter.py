"""Rate limiter and circuit breaker of one connection, as a pure state machine.

A caller asks `admit` before each call and reports the outcome with `on_success`, `on_rejection` or `on_abandon`. A
caller that is denied gets a reservation of its own, so that waiting calls resume one by one and not all together.

After a rejection the circuit is open until a moment; then one probe call is made, and after it the rate recovers by
AIMD (additive increase, multiplicative decrease, as in TCP congestion control): it grows with each success, slowly near
the rate of the last rejection, and a rejection halves it. The libraries `limits` and `pyrate-limiter` have neither
reservations nor probes, so the state machine is our own. All moments are in UTC and from one clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from flowbuilder.throttling.limits import Limits
from flowbuilder.values import Json, JsonObject

SLOT_SECONDS = 30.0
"""Seconds after which a concurrency slot expires without renewal: the slots of a crashed worker become free."""
PROBE_SECONDS = 60.0
"""Seconds that the probe may take before another call may probe."""
PROBE_MARGIN = 2.0
"""Seconds between the probe and the first reservation after it: by then the probe has usually been answered."""
MAX_BACKOFF = 15.0
"""Longest open circuit, in seconds, when the target names no `Retry-After`."""
RESTART_RATE = 8.0
"""Calls a second right after the circuit closes: 200 waiting calls are made within half a minute."""
MIN_RATE = 1 / 60
"""The recovery rate never falls below this, in calls a second."""
RECOVERED_RATE = 64.0
"""A connection without a declared rate is unrestricted again once it recovers to this, in calls a second."""
REJECTION_TTL = timedelta(minutes=10)
"""An older rejection no longer restricts the connection."""

NEAR_LAST_SAFE_RATE = 0.8
"""From this share of `last_safe_rate` on, the recovery rate grows slowly."""
FAST_GROWTH = (0.1, 0.35)
"""Growth of the recovery rate with each success: at most this share of it, and at most this number of calls a
second."""
SLOW_GROWTH = (0.01, 0.05)
"""Growth of the recovery rate near `last_safe_rate`."""

DenialReason = Literal["closed", "rate", "concurrency"]


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """A call may be made from `at` on. It is void once the circuit has opened again, which starts a new
    `generation`."""

    generation: int
    at: datetime

    def to_record(self) -> JsonObject:
        """The stored JSON form."""
        return {"era": self.generation, "at": self.at.isoformat()}

    @classmethod
    def from_record(cls, record: JsonObject | None) -> Reservation | None:
        """The reservation in a stored JSON form; None for None."""
        if record is None:
            return None
        return cls(generation=int(record["era"]), at=datetime.fromisoformat(record["at"]))


@dataclass(frozen=True, kw_only=True)
class Permit:
    """The call may be made now. `tracked`: its outcome must be reported, even a success."""

    token: str
    generation: int
    probe: bool = False
    tracked: bool = False


@dataclass(frozen=True, kw_only=True)
class Denied:
    """The call has to wait until `until`; None for a concurrency slot, since the end of a call cannot be predicted."""

    reason: DenialReason
    until: datetime | None
    reservation: Reservation | None = None


@dataclass(frozen=True, kw_only=True)
class LimiterState:
    """State of one connection. `generation` counts how often the circuit opened, `rejections` those in a row.

    `recovery_rate` (calls a second) is None when unrestricted; `last_safe_rate` is the rate reached before the last
    rejection; `next_free_at` is the first unreserved moment; `in_flight` maps tokens to the expiry of their slots, and
    is kept only where concurrency is limited.
    """

    generation: int = 0
    rejections: int = 0
    closed_until: datetime | None = None
    rejected_at: datetime | None = None
    probing_until: datetime | None = None
    recovery_rate: float | None = None
    last_safe_rate: float | None = None
    next_free_at: datetime | None = None
    in_flight: Mapping[str, datetime] = field(default_factory=dict)

    def to_record(self) -> JsonObject:
        """The stored JSON form. Its keys are those of existing rows and never change."""
        return {
            "era": self.generation,
            "strikes": self.rejections,
            "closed_until": _text(self.closed_until),
            "refused_at": _text(self.rejected_at),
            "probing_until": _text(self.probing_until),
            "pace": self.recovery_rate,
            "knee": self.last_safe_rate,
            "free_at": _text(self.next_free_at),
            "held": {token: until.isoformat() for token, until in self.in_flight.items()},
        }

    @classmethod
    def from_record(cls, record: JsonObject) -> LimiterState:
        """The state in a stored JSON form."""
        return cls(
            generation=record["era"],
            rejections=record["strikes"],
            closed_until=_moment(record["closed_until"]),
            rejected_at=_moment(record["refused_at"]),
            probing_until=_moment(record["probing_until"]),
            recovery_rate=record["pace"],
            last_safe_rate=record["knee"],
            next_free_at=_moment(record["free_at"]),
            in_flight={token: datetime.fromisoformat(until) for token, until in record["held"].items()},
        )

    @property
    def is_unrestricted(self) -> bool:
        """Whether no earlier rejection restricts calls."""
        return not self.rejections and self.recovery_rate is None and self.closed_until is None


def admit(
    state: LimiterState, limits: Limits, *, now: datetime, token: str, reservation: Reservation | None = None
) -> tuple[LimiterState, Permit | Denied]:
    """Whether a call may be made; `reservation` is what an earlier denial of the same call gave."""
    state = _without_expired(state, now)
    if state.closed_until is not None and now < state.closed_until:
        return _reserve(state, limits, state.closed_until, probe_first=True)
    if state.rejections and state.probing_until is not None and now < state.probing_until:
        return _reserve(state, limits, now + timedelta(seconds=PROBE_MARGIN))
    if limits.concurrency is not None and len(state.in_flight) >= limits.concurrency:
        return state, Denied(reason="concurrency", until=None, reservation=reservation)
    if state.rejections:
        following = now + (_interval(state, limits) or timedelta())
        state = replace(
            state,
            probing_until=now + timedelta(seconds=PROBE_SECONDS),
            next_free_at=max(state.next_free_at or following, following),
        )
        return _permit(state, limits, now, token, probe=True)
    if reservation is not None and reservation.generation == state.generation:
        if now < reservation.at:
            return state, Denied(reason="rate", until=reservation.at, reservation=reservation)
        return _permit(state, limits, now, token)
    interval = _interval(state, limits)
    if interval is None:
        return _permit(state, limits, now, token)
    earliest = max(state.next_free_at or now, now) - _burst_tolerance(state, limits, interval)
    state = replace(state, next_free_at=max(state.next_free_at or now, now) + interval)
    if earliest <= now:
        return _permit(state, limits, now, token)
    reserved = Reservation(generation=state.generation, at=earliest)
    return state, Denied(reason="rate", until=earliest, reservation=reserved)


def on_success(state: LimiterState, limits: Limits, permit: Permit) -> LimiterState:
    """After the target answered, with success or an error of its own: close the circuit or raise the recovery rate."""
    state = _without_slot(state, permit.token)
    if permit.generation != state.generation:
        return state
    if state.rejections:
        return replace(state, rejections=0, closed_until=None, probing_until=None)
    rate = state.recovery_rate
    if rate is None:
        return state
    near = state.last_safe_rate is not None and rate >= NEAR_LAST_SAFE_RATE * state.last_safe_rate
    share, most = SLOW_GROWTH if near else FAST_GROWTH
    rate += min(share * rate, most)
    recovered = rate >= (limits.rate.per_second if limits.rate else RECOVERED_RATE)
    return replace(state, recovery_rate=None if recovered else rate)


def on_rejection(
    state: LimiterState, limits: Limits, permit: Permit, *, now: datetime, retry_after: float | None, jitter: float
) -> LimiterState:
    """After the target rejected a call: open the circuit for `retry_after` seconds, else with exponential back-off.

    `jitter` is between 0 and 1. Half of the back-off is fixed: with full jitter it could be zero.
    """
    state = _without_slot(state, permit.token)
    named = timedelta(seconds=retry_after or 0.0)
    if permit.generation != state.generation:
        # the call was in flight when the circuit opened: it adds nothing, except a longer Retry-After
        longer = max(state.closed_until or now, now + named)
        return replace(state, closed_until=longer) if retry_after else state
    rejections = state.rejections + 1
    backoff = timedelta(seconds=min(2.0 ** (rejections - 1), MAX_BACKOFF) * (0.5 + jitter / 2))
    until = now + max(named, backoff)
    rate, last_safe_rate = state.recovery_rate, state.last_safe_rate
    if rate is None:
        rate = min(RESTART_RATE, limits.rate.per_second) if limits.rate else RESTART_RATE
    elif not state.rejections:  # the circuit was closed, so the rate was too high
        rate, last_safe_rate = max(rate / 2, MIN_RATE), rate
    return replace(
        state,
        generation=state.generation + 1,
        rejections=rejections,
        closed_until=until,
        rejected_at=now,
        probing_until=None,
        recovery_rate=rate,
        last_safe_rate=last_safe_rate,
        next_free_at=until,
    )


def on_abandon(state: LimiterState, permit: Permit) -> LimiterState:
    """After a call without a known outcome: free its slot, and let another call probe."""
    state = _without_slot(state, permit.token)
    return replace(state, probing_until=None) if permit.probe and permit.generation == state.generation else state


def renew(state: LimiterState, permit: Permit, now: datetime) -> LimiterState:
    """While a call is in flight: extend its concurrency slot."""
    return replace(state, in_flight={**state.in_flight, permit.token: now + timedelta(seconds=SLOT_SECONDS)})


def _text(moment: datetime | None) -> Json:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _permit(
    state: LimiterState, limits: Limits, now: datetime, token: str, *, probe: bool = False
) -> tuple[LimiterState, Permit | Denied]:
    permit = Permit(
        token=token,
        generation=state.generation,
        probe=probe,
        tracked=probe or limits.concurrency is not None or state.recovery_rate is not None,
    )
    return (state if limits.concurrency is None else renew(state, permit, now)), permit


def _reserve(
    state: LimiterState, limits: Limits, opens: datetime, *, probe_first: bool = False
) -> tuple[LimiterState, Permit | Denied]:
    """A reservation after all others, at `opens` at the earliest. With `probe_first` the next one follows only after
    `PROBE_MARGIN`."""
    interval = _interval(state, limits) or timedelta(seconds=1 / RESTART_RATE)
    at = max(state.next_free_at or opens, opens)
    following = opens + timedelta(seconds=PROBE_MARGIN) if probe_first and at == opens else at + interval
    reserved = Reservation(generation=state.generation, at=at)
    return replace(state, next_free_at=following), Denied(reason="closed", until=at, reservation=reserved)


def _interval(state: LimiterState, limits: Limits) -> timedelta | None:
    """The time between two calls at the slower of the recovery rate and the declared rate; None: no limit."""
    rates = [rate for rate in (state.recovery_rate, limits.rate and limits.rate.per_second) if rate]
    return timedelta(seconds=1 / min(rates)) if rates else None


def _burst_tolerance(state: LimiterState, limits: Limits, interval: timedelta) -> timedelta:
    """The time by which a call may be made earlier than at even intervals: zero while the rate recovers."""
    return interval * (limits.rate.burst - 1) if limits.rate and state.recovery_rate is None else timedelta()


def _without_slot(state: LimiterState, token: str) -> LimiterState:
    if token not in state.in_flight:
        return state
    return replace(state, in_flight={name: until for name, until in state.in_flight.items() if name != token})


def _without_expired(state: LimiterState, now: datetime) -> LimiterState:
    if any(until <= now for until in state.in_flight.values()):
        state = replace(state, in_flight={name: until for name, until in state.in_flight.items() if until > now})
    if state.rejected_at is not None and state.rejected_at + REJECTION_TTL < now and not state.rejections:
        return replace(state, rejected_at=None, closed_until=None, recovery_rate=None, last_safe_rate=None)
    return state
