"""The rate limiter's state machine. Pure: no clock, no store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbuilder.errors import ConfigurationError
from flowbuilder.throttling.limiter import (
    MAX_BACKOFF,
    PROBE_SECONDS,
    RECOVERED_RATE,
    RESTART_RATE,
    SLOT_SECONDS,
    Denied,
    LimiterState,
    Permit,
    Reservation,
    admit,
    on_abandon,
    on_rejection,
    on_success,
    renew,
)
from flowbuilder.throttling.limits import UNLIMITED, Limits, Rate, limits_of

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def per_second(calls: int, burst: int = 1) -> Limits:
    return Limits(rate=Rate(calls=calls, seconds=1.0, burst=burst))


@dataclass
class LimiterHarness:
    """One connection and its clock."""

    limits: Limits = UNLIMITED
    state: LimiterState = field(default_factory=LimiterState)
    at: float = 0.0
    calls: int = 0

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.at)

    def ask(self, reservation: Reservation | None = None) -> Permit | Denied:
        self.calls += 1
        self.state, verdict = admit(
            self.state, self.limits, now=self.now, token=f"t{self.calls}", reservation=reservation
        )
        return verdict

    def permit(self, reservation: Reservation | None = None) -> Permit:
        verdict = self.ask(reservation)
        assert isinstance(verdict, Permit), verdict
        return verdict

    def denial(self, reservation: Reservation | None = None) -> Denied:
        verdict = self.ask(reservation)
        assert isinstance(verdict, Denied), verdict
        return verdict

    def seconds(self, reservation: Reservation | None = None) -> float:
        verdict = self.denial(reservation)
        assert verdict.until is not None
        return (verdict.until - self.now).total_seconds()

    def succeed(self, permit: Permit) -> None:
        self.state = on_success(self.state, self.limits, permit)

    def reject(self, permit: Permit, retry_after: float | None = None, jitter: float = 1.0) -> None:
        self.state = on_rejection(self.state, self.limits, permit, now=self.now, retry_after=retry_after, jitter=jitter)


def test_without_limits_every_call_is_permitted_and_no_state_is_kept() -> None:
    limiter = LimiterHarness()
    assert not any(limiter.permit().tracked for _ in range(1000))
    assert limiter.state == LimiterState()


def test_a_rate_lets_its_burst_through_and_then_one_after_the_other() -> None:
    limiter = LimiterHarness(per_second(10, burst=3))
    for _ in range(3):
        limiter.permit()
    assert [limiter.seconds() for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])


def test_a_reservation_is_used_at_its_time_and_not_counted_again() -> None:
    limiter = LimiterHarness(per_second(10))
    limiter.permit()
    reservation = limiter.denial().reservation
    assert reservation is not None
    limiter.at = 0.05
    assert limiter.seconds(reservation) == pytest.approx(0.05)
    limiter.at = 0.1
    limiter.permit(reservation)
    limiter.at = 0.2
    limiter.permit()


def test_later_calls_queue_behind_reservations() -> None:
    limiter = LimiterHarness(per_second(10))
    limiter.permit()
    reservations = [limiter.denial().reservation for _ in range(5)]
    limiter.at = 0.1
    assert limiter.seconds() == pytest.approx(0.5)
    limiter.permit(reservations[0])


@given(
    calls=st.integers(1, 20),
    burst=st.integers(1, 5),
    gaps=st.lists(st.floats(0, 0.4), min_size=1, max_size=120),
)
@settings(max_examples=100)
def test_no_window_ever_has_more_calls_than_its_rate_and_one_burst(calls: int, burst: int, gaps: list[float]) -> None:
    limiter = LimiterHarness(per_second(calls, burst))
    made: list[float] = []
    waiting: list[Reservation] = []
    for gap in gaps:
        limiter.at += gap
        for reservation in [reservation for reservation in waiting if reservation.at <= limiter.now]:
            waiting.remove(reservation)
            limiter.permit(reservation)
            made.append(limiter.at)
        verdict = limiter.ask()
        if isinstance(verdict, Permit):
            made.append(limiter.at)
        elif verdict.reservation is not None:
            waiting.append(verdict.reservation)
    assert made
    # a reservation is used a little later here, so a window is counted with some tolerance
    for first in range(len(made)):
        for last in range(first, len(made)):
            window = made[last] - made[first]
            assert last - first + 1 <= burst + calls * (window + 0.4) + 1


def test_concurrency_slots_are_counted_and_released() -> None:
    limiter = LimiterHarness(Limits(concurrency=2))
    first, _ = limiter.permit(), limiter.permit()
    assert limiter.denial() == Denied(reason="concurrency", until=None)
    limiter.succeed(first)
    limiter.permit()
    assert limiter.denial().reason == "concurrency"


def test_slots_of_crashed_calls_expire_and_those_of_long_calls_are_renewed() -> None:
    limiter = LimiterHarness(Limits(concurrency=2))
    limiter.permit()
    long = limiter.permit()
    limiter.at = SLOT_SECONDS - 1
    limiter.state = renew(limiter.state, long, limiter.now)
    assert limiter.denial().reason == "concurrency"
    limiter.at = SLOT_SECONDS
    limiter.permit()
    assert limiter.denial().reason == "concurrency"


def test_a_reservation_is_kept_while_no_slot_is_free() -> None:
    limiter = LimiterHarness(Limits(concurrency=1, rate=Rate(calls=10, seconds=1.0, burst=1)))
    holder = limiter.permit()
    limiter.at = 0.01
    assert limiter.denial().reason == "concurrency"
    limiter.succeed(holder)
    reservation = limiter.denial().reservation
    limiter.at = 0.1
    holder = limiter.permit(reservation)
    limiter.at = 0.5
    mine = Reservation(generation=0, at=limiter.now)
    assert limiter.denial(mine) == Denied(reason="concurrency", until=None, reservation=mine)


def test_after_a_rejection_no_call_is_permitted_before_retry_after() -> None:
    limiter = LimiterHarness()
    limiter.reject(limiter.permit(), retry_after=30)
    for at in (0.0, 10.0, 29.9):
        limiter.at = at
        verdict = limiter.denial()
        assert verdict.reason == "closed"
        assert verdict.until is not None
        assert verdict.until >= START + timedelta(seconds=30)
    limiter.at = 30.0
    limiter.permit()


def test_each_waiting_call_has_its_own_reservation_and_the_probe_is_alone() -> None:
    limiter = LimiterHarness()
    limiter.reject(limiter.permit(), retry_after=30)
    reservations = [limiter.seconds() for _ in range(200)]
    assert reservations[0] == pytest.approx(30)
    assert reservations[1] >= 32
    gaps = [later - earlier for earlier, later in pairwise(reservations[1:])]
    assert min(gaps) == pytest.approx(1 / RESTART_RATE, abs=1e-5)
    assert reservations[-1] < 30 + 30


def test_one_call_probes_and_the_others_wait_for_its_outcome() -> None:
    limiter = LimiterHarness()
    limiter.reject(limiter.permit(), retry_after=5)
    limiter.at = 5.0
    probe = limiter.permit()
    assert (probe.probe, probe.tracked) == (True, True)
    assert limiter.denial().reason == "closed"
    limiter.succeed(probe)
    limiter.at = 8.0
    assert not limiter.permit().probe


def test_another_call_probes_when_the_probe_is_lost() -> None:
    for lost_by_crash in (False, True):
        limiter = LimiterHarness()
        limiter.reject(limiter.permit(), retry_after=5)
        limiter.at = 5.0
        probe = limiter.permit()
        if lost_by_crash:
            limiter.at += PROBE_SECONDS
        else:
            limiter.state = on_abandon(limiter.state, probe)
        assert limiter.permit().probe


def test_calls_in_flight_count_as_one_rejection_and_may_only_lengthen_the_wait() -> None:
    limiter = LimiterHarness()
    wave = [limiter.permit() for _ in range(50)]
    for go in wave[:49]:
        limiter.reject(go, retry_after=10)
    assert (limiter.state.generation, limiter.state.rejections) == (1, 1)
    limiter.reject(wave[49], retry_after=40)
    limiter.at = 39.0
    assert limiter.denial().reason == "closed"
    limiter.at = 40.0
    limiter.permit()


def test_a_success_of_an_earlier_generation_does_not_close_the_circuit() -> None:
    limiter = LimiterHarness()
    slow, refused = limiter.permit(), limiter.permit()
    limiter.reject(refused, retry_after=10)
    limiter.succeed(slow)
    assert limiter.denial().reason == "closed"


def test_without_retry_after_the_backoff_doubles_and_half_of_it_is_fixed() -> None:
    for jitter in (0.0, 1.0):
        limiter, waits = LimiterHarness(), []
        for _ in range(7):
            limiter.reject(limiter.permit(), jitter=jitter)
            assert limiter.state.closed_until is not None
            waits.append((limiter.state.closed_until - limiter.now).total_seconds())
            limiter.at += waits[-1]
        full = [1, 2, 4, 8, MAX_BACKOFF, MAX_BACKOFF, MAX_BACKOFF]
        assert waits == pytest.approx([wait * (0.5 + jitter / 2) for wait in full])


def test_the_rate_recovers_gradually_until_it_is_unrestricted() -> None:
    limiter = LimiterHarness()
    limiter.reject(limiter.permit(), retry_after=5)
    limiter.at = 5.0
    limiter.succeed(limiter.permit())
    limiter.at, made, begun = 6.0, 0, limiter.state.recovery_rate
    assert begun == RESTART_RATE
    while limiter.state.recovery_rate is not None:
        made += 1
        assert made < 1000
        verdict = limiter.ask()
        if isinstance(verdict, Denied):
            assert verdict.until is not None
            limiter.at = (verdict.until - START).total_seconds()
            verdict = limiter.permit(verdict.reservation)
        limiter.succeed(verdict)
    assert 2 < limiter.at - 6.0 < 10
    assert made > RECOVERED_RATE / RESTART_RATE


def test_a_rejection_during_recovery_halves_the_rate_and_one_of_the_probe_does_not() -> None:
    limiter = LimiterHarness()
    limiter.reject(limiter.permit(), retry_after=1)
    limiter.at = 1.0
    probe = limiter.permit()
    limiter.reject(probe, retry_after=1)
    assert limiter.state.recovery_rate == RESTART_RATE
    limiter.at = 3.0
    limiter.succeed(limiter.permit())
    limiter.at = 5.0
    limiter.reject(limiter.permit(), retry_after=1)
    assert limiter.state.recovery_rate == RESTART_RATE / 2
    assert limiter.state.last_safe_rate == RESTART_RATE


def test_a_reservation_of_an_earlier_generation_is_void() -> None:
    limiter = LimiterHarness(per_second(1))
    last = limiter.permit()
    reservation = limiter.denial().reservation
    limiter.reject(last, retry_after=5)
    limiter.at = 5.0
    limiter.succeed(limiter.permit())
    limiter.at = 5.1
    assert limiter.seconds(reservation) > 0


def test_old_rejections_expire() -> None:
    limiter = LimiterHarness()
    limiter.reject(limiter.permit(), retry_after=1)
    limiter.at = 1.0
    limiter.succeed(limiter.permit())
    limiter.at = 700.0
    assert not any(limiter.permit().tracked for _ in range(100))


def test_the_state_survives_its_stored_form() -> None:
    limiter = LimiterHarness(Limits(concurrency=3, rate=Rate(calls=10, seconds=1.0, burst=1)))
    limiter.permit()
    limiter.at = 1.0
    limiter.reject(limiter.permit(), retry_after=7.25)
    limiter.at = 9.0
    limiter.permit()
    assert LimiterState.from_record(limiter.state.to_record()) == limiter.state
    assert LimiterState.from_record(LimiterState().to_record()) == LimiterState()


# --- declared limits -----------------------------------------------------------------------------------------


def test_limits_are_parsed() -> None:
    assert limits_of("x", {}) == UNLIMITED
    assert limits_of("x", {"limits": {"concurrency": 4}}) == Limits(concurrency=4)
    for said, rate in {
        "60/minute": Rate(calls=60, seconds=60.0, burst=6),
        "5 / second": Rate(calls=5, seconds=1.0, burst=1),
        "1000/hours": Rate(calls=1000, seconds=3600.0, burst=100),
        "2000/day": Rate(calls=2000, seconds=86400.0, burst=200),
    }.items():
        assert limits_of("x", {"limits": {"rate": said}}).rate == rate
    assert limits_of("x", {"limits": {"rate": "60/minute", "burst": 1}}).rate == Rate(calls=60, seconds=60.0, burst=1)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (4, "connection shop: limits cannot be 4; write limits: {concurrency: 4, rate: 60/minute}"),
        ({"concurency": 4}, "connection shop: limits has no field 'concurency'; did you mean concurrency?"),
        ({"concurrency": 0}, "connection shop: limits.concurrency cannot be 0; write a whole number, 1 or more"),
        ({"concurrency": True}, "limits.concurrency cannot be True"),
        ({"concurrency": "4"}, "limits.concurrency cannot be '4'"),
        ({"rate": "60/min"}, "limits.rate cannot be '60/min'; write a number and a unit, such as 60/minute"),
        ({"rate": "0/minute"}, "limits.rate cannot be '0/minute'"),
        ({"rate": 60}, "limits.rate cannot be 60"),
        ({"burst": 3}, "limits.burst needs a limits.rate"),
        ({"rate": "60/minute", "burst": 0}, "limits.burst cannot be 0"),
    ],
)
def test_wrong_limits_are_refused_with_their_place_and_a_hint(limits: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        limits_of("shop", {"limits": limits})
    assert said in str(caught.value)
