"""How the manager's worker is made from the settings."""

from __future__ import annotations

from collections.abc import Collection

from runwright.config import Settings
from runwright.worker.outcome import Limits
from runwright.worker.session import WorkerOptions


def worker_options(settings: Settings, user_loop: bool, roles: Collection[str]) -> WorkerOptions:
    """The options that the settings say.

    Args:
        user_loop: give the coroutines of tasks an event loop of their own.
        roles: what the process does, for others to see.
    """
    return WorkerOptions(
        max_concurrent=settings.max_concurrent,
        max_threads=settings.max_threads,
        max_processes=settings.max_processes,
        limits=Limits.of(settings),
        lease_seconds=settings.lease_seconds,
        beat_seconds=settings.heartbeat_seconds,
        poll_seconds=settings.poll_seconds,
        shutdown_grace=settings.shutdown_grace,
        user_loop=user_loop,
        environment=settings.task_environment(),
        roles=roles,
    )
