"""The store's contract, its part about sessions: how they begin, live and end, and what they tell of tasks.

The rules of ``store.base`` hold for these verbs, too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from runwright.model import TaskVersion, Worker
from runwright.store.asked import Definition, NewWorker, Rate


class SessionVerbs(Protocol):
    """The verbs about sessions; a Store has them."""

    async def register(self, worker: NewWorker, lease_seconds: float) -> None:
        """Begin a session with a lease of ``lease_seconds`` from now."""
        ...

    async def publish(
        self,
        session: str,
        tasks: Sequence[str],
        rates: Mapping[str, Rate] | None = None,
        definitions: Mapping[str, Definition] | None = None,
    ) -> None:
        """Replace what a session knows: the tasks that it may be given, and what it tells of tasks to others."""
        ...

    def beat(self, session: str, lease_seconds: float, *, within_seconds: float = math.inf) -> bool:
        """Renew the lease. False if it was lost: the session may write nothing more.

        The only verb that is not a coroutine: the heartbeat has a thread and a connection of its own.

        Args:
            session: whose lease.
            lease_seconds: how long it lasts from now.
            within_seconds: StoreUnavailable is raised when it took longer, or longer than the store's own limit. On
                SQLite this bounds the wait for another process that writes; a disk that is slow cannot be interrupted.
        """
        ...

    async def end_session(self, session: str) -> None:
        """End a session in good order. Its reservations wait again; runs it still holds are left to ``orphans``."""
        ...

    async def workers(self) -> Sequence[Worker]:
        """Live sessions and those that ended within the last hour.

        One that has not renewed its lease for as long as this process has watched it is shown as lost already.
        """
        ...

    async def roles(self) -> frozenset[str]:
        """The roles that live sessions have, as far as this process can tell: ``worker``, ``scheduler``."""
        ...

    async def versions(self) -> Sequence[TaskVersion]:
        """Which live session knows which task, and in which version, by task, the newest session first."""
        ...

    async def definitions(self, tasks: Collection[str]) -> Mapping[str, Definition]:
        """What live sessions tell of these tasks, the newest session's word for each; unknown ones are left out."""
        ...
