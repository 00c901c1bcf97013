"""How the manager's scheduler, and what goes with it, is made from the settings."""

from __future__ import annotations

from collections.abc import Callable

from runwright.admission import Admission
from runwright.bus import Bus
from runwright.clock import Clock, Rng
from runwright.config import Settings
from runwright.retry import Retry
from runwright.store.base import Store
from runwright.tasks.registry import Registry
from runwright.worker.presence import SchedulerPresence
from runwright.worker.scheduler import Scheduler
from runwright.worker.service import LONGEST_SLEEP_SECONDS
from runwright.worker.settler import Settler
from runwright.worker.triggers import Triggers


def scheduler_of(
    settings: Settings,
    store: Store,
    registry: Registry,
    admission: Admission,
    clock: Clock,
    bus: Bus,
    triggers: Triggers,
) -> Scheduler:
    """The scheduler that the settings say."""
    return Scheduler(
        store=store, registry=registry, admission=admission, clock=clock, bus=bus,
        retry=Retry(settings.max_retries, settings.retry_delay), triggers=triggers,
        cap=settings.catch_up_cap, rate=settings.catch_up_rate,
    )  # fmt: skip


def settler_of(settings: Settings, store: Store, registry: Registry, bus: Bus, triggers: Triggers) -> Settler:
    """The settler that the settings say."""
    retry = Retry(settings.manager_max_retries, settings.retry_delay)
    return Settler(store, bus, triggers, registry, retry, auto_restart=settings.auto_restart)


def presence_of(
    settings: Settings, store: Store, registry: Registry, clock: Clock, rng: Rng, bus: Bus, ticking: Callable[[], bool]
) -> SchedulerPresence:
    """The session of a scheduler without a worker beside it."""
    return SchedulerPresence(
        store, registry, clock, rng, bus, lease_seconds=settings.lease_seconds,
        beat_seconds=settings.heartbeat_seconds, ticking=ticking,
    )  # fmt: skip


def ticks(scheduler: Scheduler, clock: Clock) -> bool:
    """Whether it has looked within twice its longest pause."""
    return clock.monotonic() - scheduler.ticked_at < 2 * LONGEST_SLEEP_SECONDS
