"""A worker: one session in the store, with its lanes and loops, from registration to the last word.

It starts them in order and stops them in reverse; a session that was fenced is ended and followed by a new one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from runwright.admission import Admission
from runwright.bus import Bus
from runwright.clock import Clock, Rng
from runwright.errors import StoreUnavailable
from runwright.model import Lane
from runwright.store.base import NewWorker, Store
from runwright.tasks.registry import Registry
from runwright.worker.claimer import Claimer
from runwright.worker.executor import Executor
from runwright.worker.heartbeat import AGAIN_SECONDS, Heartbeat
from runwright.worker.hooks import HookCalls
from runwright.worker.lanes import AsyncLane, Endings, LaneSlots, ThreadLane, UserLoop
from runwright.worker.log_queue import LogQueue
from runwright.worker.meter import Meter
from runwright.worker.outcome import Limits
from runwright.worker.presence import Knowledge, knowledge_of
from runwright.worker.process_lane import ProcessLane
from runwright.worker.pump import Pump
from runwright.worker.service_lane import MOST_SERVICES, ServiceLane, in_own_thread

STOP_LOOK_SECONDS = 0.05
CANCEL_SECONDS = 2.0
LAST_TURNS = 3

logger = logging.getLogger("runwright.worker")


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker is made. ``user_loop`` gives the coroutines of tasks an event loop of their own.

    ``threads`` is False under simulation: no heartbeat thread, no lanes of threads and processes. Seconds throughout;
    ``shutdown_grace`` None waits for running tasks without limit; ``environment`` is that of process tasks, None for
    this process's own; ``roles`` are those of the process.
    """

    max_concurrent: int
    max_threads: int
    max_processes: int = 0
    limits: Limits = field(default_factory=Limits)
    lease_seconds: float = 30.0
    beat_seconds: float = 10.0
    poll_seconds: float = 5.0
    shutdown_grace: float | None = 30.0
    user_loop: bool = False
    threads: bool = True
    environment: Mapping[str, str] | None = None
    roles: Collection[str] = ("worker",)


class WorkerSession:
    """Executes runs until it is stopped."""

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        admission: Admission,
        clock: Clock,
        rng: Rng,
        bus: Bus,
        options: WorkerOptions,
        hooks: HookCalls | None = None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._admission = admission
        self._clock = clock
        self._rng = rng
        self._bus = bus
        self._options = options
        self._hooks = hooks
        self._user_loop: UserLoop | None = None
        self._stopped = False
        self._hurried = False
        self._told: Knowledge | None = None
        self._replacing: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], object] = lambda: None
        self._publishing: asyncio.Task[None] | None = None
        self._telling = asyncio.Lock()
        """Held while the session's knowledge is told, so that ``_told`` is what the store has."""

    async def start(self) -> None:
        """Register and begin to claim."""
        options = self._options
        if options.user_loop:
            self._user_loop = UserLoop()
            self._user_loop.start()
        self._unsubscribe = self._registry.subscribe(self._registry_changed)
        await self._begin()

    async def _begin(self) -> None:
        options = self._options
        home = asyncio.get_running_loop()
        self.id = self._rng.run_id(self._clock.now())
        self.executor = executor = Executor(
            session=self.id,
            store=self._store,
            registry=self._registry,
            admission=self._admission,
            clock=self._clock,
            rng=self._rng,
            bus=self._bus,
            limits=options.limits,
        )
        endings = Endings(home, executor.collect)
        loop = self._user_loop.loop if self._user_loop else home
        executor.add_lane(Lane.ASYNC, AsyncLane(options.max_concurrent, loop, executor.code.run_async, endings))
        self._threads: ThreadLane | None = None
        if options.threads:
            self._threads = ThreadLane(options.max_threads, executor.code.run_thread, endings)
            executor.add_lane(Lane.THREAD, self._threads)
        self._processes: ProcessLane | None = None
        if options.threads and options.max_processes:
            self._processes = ProcessLane(
                options.max_processes, executor.code, executor.requests, endings, clock=self._clock, rng=self._rng,
                environment=options.environment,
            )  # fmt: skip
            executor.add_lane(Lane.PROCESS, self._processes)
        services: dict[str, LaneSlots] = {"async": AsyncLane(MOST_SERVICES, loop, executor.code.run_async, endings)}
        if options.threads:
            services["thread"] = ThreadLane(MOST_SERVICES, in_own_thread(executor.code), endings, name="service")
        if self._processes is not None:
            services["process"] = ProcessLane(
                MOST_SERVICES, executor.code, executor.requests, endings, clock=self._clock, rng=self._rng,
                environment=options.environment,
            )  # fmt: skip
        self._services = ServiceLane(services)
        executor.add_lane(Lane.SERVICE, self._services)
        self._meter = Meter(self._store, executor, self._bus)
        logs = LogQueue(self._store, self.id)
        self.claimer = Claimer(self._store, executor, logs, self._clock, self._bus, options.poll_seconds)
        if self._hooks is not None:
            self.claimer.committed = self._hooks.committed
        self._pump = Pump(self._store, executor, logs, self._clock, self._bus)
        async with self._telling:
            known = knowledge_of(self._registry)
            worker = NewWorker(
                self.id, socket.gethostname(), os.getpid(), executor.capacities(), known.tasks, known.rates,
                known.definitions, options.roles,
            )  # fmt: skip
            await self._store.register(worker, options.lease_seconds)
            self._told = known
        self.heartbeat = Heartbeat(
            self._store,
            self.id,
            self._clock,
            lease_seconds=options.lease_seconds,
            beat_seconds=options.beat_seconds,
            lost=self.fenced,
            user_loop=self._user_loop.loop if self._user_loop else None,
        )
        if options.threads:
            self.heartbeat.start()
        await self._pump.start()
        await self._meter.start()
        await self.claimer.start()

    def fenced(self) -> None:
        """The lease is lost: stop everything of this session and, unless this worker stops, begin a new one."""
        if self._replacing is not None:
            return
        logger.error("session %s could not keep its lease; its runs are stopped", self.id)
        self.claimer.fenced = True
        self.executor.fence()
        if not self._stopped:
            self._replacing = asyncio.create_task(self._replace())

    async def _replace(self) -> None:
        await self._halt()
        await self._insist("a new session", self._begin)
        self._replacing = None

    async def _halt(self) -> None:
        await self.claimer.stop()
        await self._pump.stop()
        await self._meter.stop()
        if self._options.threads:
            await asyncio.to_thread(self.heartbeat.stop)
        if self._threads is not None:
            self._threads.close()
        if self._options.threads:
            await asyncio.to_thread(self._services.close)
        if self._processes is not None:
            await asyncio.to_thread(self._processes.close)

    def hurry(self) -> None:
        """Make a stop that waits for running tasks wait no longer."""
        self._hurried = True

    async def stop(self, grace: float | None = None) -> None:
        """Stop in good order: no more claims, wait for what runs, interrupt the rest, end the session.

        Args:
            grace: seconds to wait for running tasks; None takes the option.
        """
        self._stopped = True
        self._unsubscribe()
        for task in (self._replacing, self._publishing):
            if task is not None:
                await task
        executor, clock = self.executor, self._clock
        self.claimer.claiming = False
        executor.give_up()
        executor.release({Lane.SERVICE})  # they do not end by themselves
        patience = self._options.shutdown_grace if grace is None else grace
        deadline = float("inf") if patience is None else clock.monotonic() + patience
        while executor.busy and clock.monotonic() < deadline and not self._hurried:
            await clock.sleep(STOP_LOOK_SECONDS)
        deadline = clock.monotonic() + CANCEL_SECONDS
        while executor.busy and clock.monotonic() < deadline:
            executor.release()
            await clock.sleep(STOP_LOOK_SECONDS)
        await self._halt()
        try:
            await self._last_words()
            if executor.busy:
                logger.warning("%d runs did not stop; they are left to the next worker", executor.busy)
            await self._store.end_session(self.id)
        finally:
            executor.fence()  # its claims are anybody's now: nobody waits for the store's leave any more
            if self._user_loop is not None:
                await asyncio.to_thread(self._user_loop.stop)

    async def _last_words(self) -> None:
        """Tell the store what it does not know yet; more than once, if it refuses a part and the rest comes alone."""
        for _ in range(LAST_TURNS):
            if not self.executor.outbox:
                return
            try:
                await self.claimer.run_once()
            except StoreUnavailable as unavailable:
                logger.warning("what is not told yet is left to the next worker: %s", unavailable)
                return
            except Exception:
                logger.exception("closing: the store refuses a turn")

    def _registry_changed(self) -> None:
        if self._publishing is None and not self._stopped:
            self._publishing = asyncio.create_task(self._publish())

    async def _publish(self) -> None:
        """Tell the store what the registry has now."""
        try:
            await self._insist("the catalogue", self._tell)
        finally:
            self._publishing = None
        self.claimer.wake()

    async def _tell(self) -> None:
        async with self._telling:
            while not self._stopped and (known := knowledge_of(self._registry)) != self._told:
                await self._store.publish(self.id, known.tasks, known.rates, known.definitions)
                self._told = known

    async def _insist(self, what: str, attempt: Callable[[], Awaitable[None]]) -> None:
        """Try it until it is done, or this worker stops."""
        while not self._stopped:
            try:
                await attempt()
                return
            except StoreUnavailable as unavailable:
                logger.warning("%s must wait: %s", what, unavailable)
            except Exception:  # whatever it is: nobody else would do it, as long as this process lives
                logger.exception("%s must wait", what)
            await self._clock.sleep(AGAIN_SECONDS)
