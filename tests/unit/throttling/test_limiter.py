"""The rules of one connection: who may call, who has to wait and until when. No clock, no store: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbuilder.errors import ConfigurationError
from flowbuilder.throttling.limiter import (
    FREE_PACE,
    LONGEST_BACKOFF,
    PROBE_SECONDS,
    RESTART_PACE,
    SLOT_SECONDS,
    Denied,
    LimiterState,
    Permit,
    Reservation,
    admit,
    kept,
    left,
    refuse,
    went,
)
from flowbuilder.throttling.limits import UNLIMITED, Limits, Rate, limits_of

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def per_second(calls: int, burst: int = 1) -> Limits:
    return Limits(rate=Rate(calls=calls, seconds=1.0, burst=burst))


@dataclass
class LimiterHarness:
    """One connection and the time."""

    limits: Limits = UNLIMITED
    traffic: LimiterState = field(default_factory=LimiterState)
    at: float = 0.0
    calls: int = 0

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.at)

    def ask(self, turn: Reservation | None = None) -> Permit | Denied:
        self.calls += 1
        self.traffic, verdict = admit(self.traffic, self.limits, now=self.now, token=f"t{self.calls}", turn=turn)
        return verdict

    def go(self, turn: Reservation | None = None) -> Permit:
        verdict = self.ask(turn)
        assert isinstance(verdict, Permit), verdict
        return verdict

    def wait(self, turn: Reservation | None = None) -> Denied:
        verdict = self.ask(turn)
        assert isinstance(verdict, Denied), verdict
        return verdict

    def seconds(self, turn: Reservation | None = None) -> float:
        verdict = self.wait(turn)
        assert verdict.until is not None
        return (verdict.until - self.now).total_seconds()

    def went(self, go: Permit) -> None:
        self.traffic = went(self.traffic, self.limits, go)

    def refused(self, go: Permit, retry_after: float | None = None, chance: float = 1.0) -> None:
        self.traffic = refuse(self.traffic, self.limits, go, now=self.now, retry_after=retry_after, chance=chance)


def test_without_limits_everybody_goes_and_nothing_is_written_down() -> None:
    road = LimiterHarness()
    assert not any(road.go().watched for _ in range(1000))
    assert road.traffic == LimiterState()


def test_a_rate_lets_its_burst_through_and_then_one_after_the_other() -> None:
    road = LimiterHarness(per_second(10, burst=3))
    for _ in range(3):
        road.go()
    assert [road.seconds() for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])


def test_whoever_has_a_turn_goes_then_and_pays_nothing_again() -> None:
    road = LimiterHarness(per_second(10))
    road.go()
    turn = road.wait().turn
    assert turn is not None
    road.at = 0.05
    assert road.seconds(turn) == pytest.approx(0.05)
    road.at = 0.1
    road.go(turn)
    road.at = 0.2
    road.go()


def test_those_who_come_later_queue_up_behind_those_who_have_a_turn() -> None:
    road = LimiterHarness(per_second(10))
    road.go()
    turns = [road.wait().turn for _ in range(5)]
    road.at = 0.1
    assert road.seconds() == pytest.approx(0.5)
    road.go(turns[0])


@given(
    calls=st.integers(1, 20),
    burst=st.integers(1, 5),
    gaps=st.lists(st.floats(0, 0.4), min_size=1, max_size=120),
)
@settings(max_examples=100)
def test_no_window_ever_has_more_calls_than_its_rate_and_one_burst(calls: int, burst: int, gaps: list[float]) -> None:
    road = LimiterHarness(per_second(calls, burst))
    made: list[float] = []
    waiting: list[Reservation] = []
    for gap in gaps:
        road.at += gap
        for turn in [turn for turn in waiting if turn.at <= road.now]:
            waiting.remove(turn)
            road.go(turn)
            made.append(road.at)
        verdict = road.ask()
        if isinstance(verdict, Permit):
            made.append(road.at)
        elif verdict.turn is not None:
            waiting.append(verdict.turn)
    assert made
    # those whose turn it was go a moment later here, so a window is counted by turns and not by the moments they went
    for first in range(len(made)):
        for last in range(first, len(made)):
            window = made[last] - made[first]
            assert last - first + 1 <= burst + calls * (window + 0.4) + 1


def test_places_at_once_are_counted_and_given_back() -> None:
    road = LimiterHarness(Limits(concurrency=2))
    first, _ = road.go(), road.go()
    assert road.wait() == Denied(why="concurrency", until=None)
    road.went(first)
    road.go()
    assert road.wait().why == "concurrency"


def test_the_place_of_one_that_crashed_is_free_after_a_while_and_that_of_a_long_call_is_kept() -> None:
    road = LimiterHarness(Limits(concurrency=2))
    road.go()
    long = road.go()
    road.at = SLOT_SECONDS - 1
    road.traffic = kept(road.traffic, long, road.now)
    assert road.wait().why == "concurrency"
    road.at = SLOT_SECONDS
    road.go()
    assert road.wait().why == "concurrency"


def test_a_turn_is_kept_by_one_who_finds_no_place() -> None:
    road = LimiterHarness(Limits(concurrency=1, rate=Rate(calls=10, seconds=1.0, burst=1)))
    holder = road.go()
    road.at = 0.01
    assert road.wait().why == "concurrency"
    road.went(holder)
    turn = road.wait().turn
    road.at = 0.1
    holder = road.go(turn)
    road.at = 0.5
    mine = Reservation(era=0, at=road.now)
    assert road.wait(mine) == Denied(why="concurrency", until=None, turn=mine)


def test_after_a_refusal_nobody_calls_before_the_time_is_over() -> None:
    road = LimiterHarness()
    road.refused(road.go(), retry_after=30)
    for at in (0.0, 10.0, 29.9):
        road.at = at
        verdict = road.wait()
        assert verdict.why == "closed"
        assert verdict.until is not None
        assert verdict.until >= START + timedelta(seconds=30)
    road.at = 30.0
    road.go()


def test_each_of_those_who_wait_has_a_turn_of_its_own_and_the_first_comes_alone() -> None:
    road = LimiterHarness()
    road.refused(road.go(), retry_after=30)
    turns = [road.seconds() for _ in range(200)]
    assert turns[0] == pytest.approx(30)
    assert turns[1] >= 32
    gaps = [later - earlier for earlier, later in pairwise(turns[1:])]
    assert min(gaps) == pytest.approx(1 / RESTART_PACE, abs=1e-5)
    assert turns[-1] < 30 + 30


def test_one_call_looks_whether_it_is_over_and_the_others_wait_for_what_it_sees() -> None:
    road = LimiterHarness()
    road.refused(road.go(), retry_after=5)
    road.at = 5.0
    probe = road.go()
    assert (probe.probe, probe.watched) == (True, True)
    assert road.wait().why == "closed"
    road.went(probe)
    road.at = 8.0
    assert not road.go().probe


def test_another_call_looks_when_the_first_one_is_lost() -> None:
    for lost_by_crash in (False, True):
        road = LimiterHarness()
        road.refused(road.go(), retry_after=5)
        road.at = 5.0
        probe = road.go()
        if lost_by_crash:
            road.at += PROBE_SECONDS
        else:
            road.traffic = left(road.traffic, probe)
        assert road.go().probe


def test_calls_that_were_under_way_count_as_one_refusal_and_may_only_lengthen_the_wait() -> None:
    road = LimiterHarness()
    wave = [road.go() for _ in range(50)]
    for go in wave[:49]:
        road.refused(go, retry_after=10)
    assert (road.traffic.era, road.traffic.strikes) == (1, 1)
    road.refused(wave[49], retry_after=40)
    road.at = 39.0
    assert road.wait().why == "closed"
    road.at = 40.0
    road.go()


def test_an_answer_to_a_call_of_before_does_not_open_a_closed_connection() -> None:
    road = LimiterHarness()
    slow, refused = road.go(), road.go()
    road.refused(refused, retry_after=10)
    road.went(slow)
    assert road.wait().why == "closed"


def test_without_a_word_how_long_the_wait_doubles_and_half_of_it_is_fixed() -> None:
    for chance in (0.0, 1.0):
        road, waits = LimiterHarness(), []
        for _ in range(7):
            road.refused(road.go(), chance=chance)
            assert road.traffic.closed_until is not None
            waits.append((road.traffic.closed_until - road.now).total_seconds())
            road.at += waits[-1]
        full = [1, 2, 4, 8, LONGEST_BACKOFF, LONGEST_BACKOFF, LONGEST_BACKOFF]
        assert waits == pytest.approx([wait * (0.5 + chance / 2) for wait in full])


def test_a_connection_comes_back_gradually_until_it_is_free() -> None:
    road = LimiterHarness()
    road.refused(road.go(), retry_after=5)
    road.at = 5.0
    road.went(road.go())
    road.at, made, begun = 6.0, 0, road.traffic.pace
    assert begun == RESTART_PACE
    while road.traffic.pace is not None:
        made += 1
        assert made < 1000
        verdict = road.ask()
        if isinstance(verdict, Denied):
            assert verdict.until is not None
            road.at = (verdict.until - START).total_seconds()
            verdict = road.go(verdict.turn)
        road.went(verdict)
    assert 2 < road.at - 6.0 < 10
    assert made > FREE_PACE / RESTART_PACE


def test_a_refusal_on_the_way_back_halves_the_pace_and_one_of_a_probe_does_not() -> None:
    road = LimiterHarness()
    road.refused(road.go(), retry_after=1)
    road.at = 1.0
    probe = road.go()
    road.refused(probe, retry_after=1)
    assert road.traffic.pace == RESTART_PACE
    road.at = 3.0
    road.went(road.go())
    road.at = 5.0
    road.refused(road.go(), retry_after=1)
    assert road.traffic.pace == RESTART_PACE / 2
    assert road.traffic.knee == RESTART_PACE


def test_a_turn_from_before_a_closure_is_void_after_it() -> None:
    road = LimiterHarness(per_second(1))
    last = road.go()
    turn = road.wait().turn
    road.refused(last, retry_after=5)
    road.at = 5.0
    road.went(road.go())
    road.at = 5.1
    assert road.seconds(turn) > 0


def test_old_refusals_are_forgotten() -> None:
    road = LimiterHarness()
    road.refused(road.go(), retry_after=1)
    road.at = 1.0
    road.went(road.go())
    road.at = 700.0
    assert not any(road.go().watched for _ in range(100))


def test_traffic_survives_being_written_down() -> None:
    road = LimiterHarness(Limits(concurrency=3, rate=Rate(calls=10, seconds=1.0, burst=1)))
    road.go()
    road.at = 1.0
    road.refused(road.go(), retry_after=7.25)
    road.at = 9.0
    road.go()
    assert LimiterState.of(road.traffic.record()) == road.traffic
    assert LimiterState.of(LimiterState().record()) == LimiterState()


# --- what connections declare -----------------------------------------------------------------------------------------


def test_limits_are_read_as_people_write_them() -> None:
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
