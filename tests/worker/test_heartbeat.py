"""The heartbeat: when it beats again, and when it gives the lease up."""

from __future__ import annotations

from typing import cast

import pytest

from runwright.errors import StoreUnavailable
from runwright.store.base import Store
from runwright.testing.clock import ManualClock
from runwright.worker.heartbeat import AGAIN_SECONDS, Heartbeat


class Lease:
    """What a store answers to beats."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.away: Exception | None = None
        self.silent = False
        self.held = True
        self.takes = 0.0

    def beat(self, session: str, lease_seconds: float, *, within_seconds: float) -> bool:
        assert session == "s"
        self._clock.advance(self.takes)
        if self.silent:
            self._clock.advance(min(within_seconds, 8.0))
            raise StoreUnavailable("no answer")
        if self.away is not None:
            raise self.away
        return self.held


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def lease(clock: ManualClock) -> Lease:
    return Lease(clock)


@pytest.fixture
async def heartbeat(clock: ManualClock, lease: Lease) -> Heartbeat:
    return Heartbeat(
        cast(Store, lease), "s", clock, lease_seconds=30.0, beat_seconds=10.0, lost=lambda: pytest.fail("not told here")
    )


async def test_a_beat_that_failed_is_tried_again_soon(heartbeat: Heartbeat, lease: Lease) -> None:
    assert heartbeat.pause == 10
    lease.away = StoreUnavailable("away")
    assert heartbeat.beat()
    assert heartbeat.pause == AGAIN_SECONDS < 10
    lease.away = None
    assert heartbeat.beat()
    assert heartbeat.pause == 10


async def test_the_lease_is_given_up_a_beat_before_its_end(
    heartbeat: Heartbeat, lease: Lease, clock: ManualClock
) -> None:
    lease.away = StoreUnavailable("away")
    clock.advance(19.9)
    assert heartbeat.beat()
    clock.advance(0.2)
    assert not heartbeat.beat()


async def test_a_lease_that_others_ended_is_lost_at_once(heartbeat: Heartbeat, lease: Lease) -> None:
    lease.held = False
    assert not heartbeat.beat()


async def test_a_store_that_is_silent_costs_the_lease_at_the_same_time(
    heartbeat: Heartbeat, lease: Lease, clock: ManualClock
) -> None:
    began = clock.monotonic()
    lease.silent = True
    clock.advance(heartbeat.pause)
    while heartbeat.beat():
        clock.advance(heartbeat.pause)
    assert clock.monotonic() - began == pytest.approx(20)


async def test_a_process_that_was_frozen_has_one_more_try(
    heartbeat: Heartbeat, lease: Lease, clock: ManualClock
) -> None:
    clock.advance(1000)
    assert heartbeat.beat()
    lease.silent = True
    clock.advance(1000)
    thawed = clock.monotonic()
    assert not heartbeat.beat()
    assert clock.monotonic() - thawed == pytest.approx(AGAIN_SECONDS)


async def test_whatever_a_beat_meets_is_tried_again(heartbeat: Heartbeat, lease: Lease) -> None:
    lease.away = ValueError("planted")
    assert heartbeat.beat()
    assert heartbeat.pause == AGAIN_SECONDS


@pytest.mark.parametrize(("lease_seconds", "beat_seconds", "takes"), [(2, 1, 0), (2, 1, 1), (1, 0.5, 0), (1, 0.5, 0.5)])
async def test_a_lease_of_two_beats_is_given_up_before_its_end_however_long_its_renewal_took(
    lease: Lease, clock: ManualClock, lease_seconds: float, beat_seconds: float, takes: float
) -> None:
    heartbeat = Heartbeat(
        cast(Store, lease), "s", clock, lease_seconds=lease_seconds, beat_seconds=beat_seconds, lost=lambda: None
    )
    clock.advance(heartbeat.pause)
    sent = clock.monotonic()
    lease.takes = takes
    assert heartbeat.beat()
    lease.takes, lease.silent = 0.0, True
    clock.advance(heartbeat.pause)
    while heartbeat.beat():
        clock.advance(heartbeat.pause)
    assert clock.monotonic() - sent <= lease_seconds
