"""The store: what this process knows of leases, on its own steady clock. Nobody's wall clock ends a lease.

A session's own process counts from before its last renewal was sent. Every other process counts from when it first saw
that renewal, which was later: so the session knows that its lease is over before anybody else takes its runs (the rule
of Kubernetes' leader election). Clocks of different machines are never compared.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from runwright.clock import Clock


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that is not over, as the database tells: ``beats`` rises with each renewal."""

    key: int
    id: str
    beats: int
    lease_seconds: float
    roles: tuple[str, ...] = ()


class Leases:
    """When the leases end that this process holds, and those that it watches. Safe to call from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, float] = {}
        self._seen: dict[str, tuple[int, float]] = {}

    def begin(self) -> float:
        """The time to be given to ``renewed``; asked for before the renewal is sent."""
        return self._clock.monotonic()

    def renewed(self, session: str, began: float, lease_seconds: float) -> None:
        """This process has renewed a lease of its own, or taken a new one."""
        self._held[session] = began + lease_seconds

    def over(self, session: str) -> bool:
        """Whether a lease of this process has ended by its own clock; one that it does not hold has not."""
        ends = self._held.get(session)
        return ends is not None and ends <= self._clock.monotonic()

    def given_up(self, session: str) -> None:
        """A session of this process is over."""
        self._held.pop(session, None)

    def expired(self, sessions: Collection[LiveSession]) -> Sequence[LiveSession]:
        """Look at the live sessions; those that have not renewed for the length of their lease since they were seen to.

        A process that has just started must watch for as long as a lease lasts before it can say so.
        """
        now = self._clock.monotonic()
        seen: dict[str, tuple[int, float]] = {}
        expired = []
        for session in sessions:
            beats, since = self._seen.get(session.id, (-1, now))
            if beats != session.beats:
                since = now
            seen[session.id] = (session.beats, since)
            ends = self._held.get(session.id, since + session.lease_seconds)
            if ends <= now:
                expired.append(session)
        self._seen = seen
        return expired
