"""Bursts of work collect no garbage, and leave the collector as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from flowbuilder import load
from flowbuilder.collecting import burst


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_nothing_is_collected_in_a_burst_and_again_after_it() -> None:
    with burst():
        assert not gc.isenabled()
        with burst():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with burst():
        pass
    assert not gc.isenabled()


def test_a_burst_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ValueError, match="no"), burst():
        raise ValueError("no")
    assert gc.isenabled()


def test_loading_leaves_the_collector_on() -> None:
    load("steps: [")
    assert gc.isenabled()
