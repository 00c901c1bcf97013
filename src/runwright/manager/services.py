"""The verbs of ``manager.services``: control's, as code holds them."""

from __future__ import annotations

from collections.abc import Sequence

from runwright.control import Control, ServiceView
from runwright.model import SYSTEM


class ManagerServices:
    """The verbs of ``manager.services``; names are names or ids of their schedules. NotFound for what is no service."""

    def __init__(self, control: Control) -> None:
        self._door = control.services

    async def list(self) -> Sequence[ServiceView]:
        """All services by name, each with its state, its live run and what that uses."""
        return await self._door.list(SYSTEM)

    async def get(self, name: str) -> ServiceView:
        """One service."""
        return await self._door.get(SYSTEM, name)

    async def start(self, name: str) -> ServiceView:
        """Let it run from now on. Raises Conflict if it is to run already."""
        return await self._door.start(SYSTEM, name, confirmed=True)

    async def stop(self, name: str) -> ServiceView:
        """Tell it to end, and leave it stopped until it is started. Raises Conflict if it is stopped already."""
        return await self._door.stop(SYSTEM, name)

    async def restart(self, name: str) -> ServiceView:
        """End what runs, and start it anew when that has ended; one that is stopped is started."""
        return await self._door.restart(SYSTEM, name, confirmed=True)
