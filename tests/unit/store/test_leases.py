"""Leases on each process's own clock: who renewed is alive, who did not is over, and nobody's wall clock matters."""

from __future__ import annotations

from runwright.store.leases import Leases, LiveSession
from runwright.testing.clock import ManualClock


def live(session: str, beats: int) -> LiveSession:
    return LiveSession(1, session, beats, 30.0)


def test_a_session_knows_its_end_before_anybody_else_does() -> None:
    clock = ManualClock()
    own, other = Leases(clock), Leases(clock)
    began = own.begin()
    clock.advance(2)  # the renewal takes its time to be stored
    own.renewed("a", began, 30)
    other.expired([live("a", 1)])
    clock.advance(28)
    assert own.over("a")
    assert other.expired([live("a", 1)]) == []
    clock.advance(2)
    assert other.expired([live("a", 1)]) == [live("a", 1)]


def test_each_renewal_that_is_seen_begins_anew() -> None:
    clock = ManualClock()
    watching = Leases(clock)
    for beats in range(5):
        assert watching.expired([live("a", beats)]) == []
        clock.advance(29)
    assert watching.expired([live("a", 4)]) == []
    clock.advance(1)
    assert watching.expired([live("a", 4)]) == [live("a", 4)]
    assert watching.expired([live("a", 5)]) == []


def test_a_process_that_has_just_started_watches_for_a_whole_lease_first() -> None:
    clock = ManualClock()
    assert Leases(clock).expired([live("a", 7)]) == []


def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    clock = ManualClock()
    leases = Leases(clock)
    leases.renewed("a", leases.begin(), 30)
    leases.expired([live("b", 1)])
    for step in (86_400, -2 * 86_400, 365 * 86_400):
        clock.step(step)
        assert not leases.over("a")
        assert leases.expired([live("b", 1)]) == []


def test_what_was_given_up_is_held_no_longer_and_what_was_never_held_is_not_over() -> None:
    clock = ManualClock()
    leases = Leases(clock)
    leases.renewed("a", leases.begin(), 30)
    leases.given_up("a")
    clock.advance(31)
    assert not leases.over("a")
    assert not leases.over("b")
