"""TaskManager, what a user holds: the composition root, and the verbs of the Python API.

It alone opens a store and makes the parts; they know each other only by what it passes to them. Start order: store,
registry, worker, janitor, scheduler, watch. Stop order is the reverse.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from runwright.admission import Admission
from runwright.bus import LocalBus
from runwright.clock import Clock, Rng, SharedClock, SystemClock, SystemRng
from runwright.config import Settings
from runwright.control import Control
from runwright.control.declared import declared_in
from runwright.errors import Conflict, InvalidInput, RunFailed, in_file
from runwright.events.feed import Feed, Frame
from runwright.manager.bridge import Blocking
from runwright.manager.declared import DeclaredSchedules, origin_of
from runwright.manager.files import FileSweep, spool_of, take
from runwright.manager.requests import Given, StartOptions, each_request, run_query, run_request
from runwright.manager.scheduler import presence_of, scheduler_of, settler_of, ticks
from runwright.manager.schedules import ManagerSchedules
from runwright.manager.services import ManagerServices
from runwright.manager.stores import open_sealer, open_store
from runwright.manager.worker import worker_options
from runwright.model import JSON, SYSTEM, Actor, JSONObject, NewEvent, Page, Role, Run, RunStatus
from runwright.store.base import Store
from runwright.tasks.definition import Task, to_task
from runwright.tasks.discovery import DiscoveryOptions, Report, apply, find
from runwright.tasks.hooks import Hooks
from runwright.tasks.registry import Registry
from runwright.tasks.uploads import UploadedFile
from runwright.tasks.watch import DirectoryWatch
from runwright.worker.capture import capture
from runwright.worker.hooks import HookCalls
from runwright.worker.janitor import Janitor
from runwright.worker.service import Service
from runwright.worker.session import WorkerSession
from runwright.worker.triggers import Triggers
from runwright.worker.zone_rules import ZoneRules

if TYPE_CHECKING:
    from starlette.types import ASGIApp

ROLES = ("scheduler", "worker")

logger = logging.getLogger("runwright")


class TaskManager:
    """Runs tasks, schedules them and remembers them.

    Args:
        settings: see ``Settings``; the defaults are SQLite in the working directory.
        tasks: what is registered explicitly: tasks, plain functions, or BaseTask classes.
        roles: what this process does beyond storing and asking: ``"scheduler"``, ``"worker"``, both or none.
        user_loop: run the coroutines of tasks on an event loop of their own, so that one that blocks cannot freeze
            the caller's loop. ``runwright serve`` does; an embedded manager uses the caller's loop.
        hooks: functions that are called when runs of this worker begin and end.
        clock, rng: time and chance; tests pass their own.

    Use it as an asynchronous context manager, or call ``open`` and ``close``.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        tasks: Iterable[Any] = (),
        *,
        roles: Collection[str] = ROLES,
        user_loop: bool = False,
        hooks: Hooks | None = None,
        clock: Clock | None = None,
        rng: Rng | None = None,
    ) -> None:
        if unknown := set(roles) - set(ROLES):
            raise InvalidInput.field("/roles", f"must be of {', '.join(ROLES)}, not {', '.join(sorted(unknown))}")
        self.settings = settings if settings is not None else Settings()
        self.roles = frozenset(roles)
        self.registry = Registry()
        self._user_loop = user_loop
        self._hooks = hooks
        self._clock = clock if clock is not None else SystemClock()
        self._rng = rng if rng is not None else SystemRng()
        self.bus = LocalBus()
        self._control: Control | None = None
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._grace: float | None = None
        self._watching: asyncio.Task[None] | None = None
        for item in tasks:
            self.register(item)

    # ----- life -------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the store, restore what was left behind, and begin to work in the roles that were asked for.

        Raises:
            StoreRefused, StoreUnavailable: the store cannot be opened; the message says why.
            StartRefused: another process works on the same SQLite file.
        """
        if self._control is not None:
            raise Conflict("this TaskManager is open already")
        settings = self.settings
        with in_file(settings.file or "the settings"):
            in_settings = declared_in(settings.schedules, origin_of(settings.file))
        store = self.store = await open_store(settings, self._clock, self._rng, self.bus)
        self._clock = SharedClock(self._clock, store.now)
        self._closing.append(store.close)
        try:
            spool = self.spool = spool_of(settings)
            self._closing.append(_done(spool.close))
            admission = Admission(self.registry, open_sealer(settings), self._rng, spool)
            self.feed = Feed(store, self.bus, self._clock)
            triggers = Triggers()
            self._control = Control(
                store=store, registry=self.registry, admission=admission, feed=self.feed, triggers=triggers,
                clock=self._clock, rng=self._rng, timezone=settings.timezone,
            )  # fmt: skip
            if (token := settings.admin_token) is not None:
                await self._control.accounts.admit_token(token.get_secret_value(), "admin", Role.ADMIN)
            door, file = self._control.declared, settings.file
            declared = DeclaredSchedules(store, self.registry, door, self.bus, in_settings, file)
            await self._restore(store)
            if "worker" in self.roles:
                await self._start_worker(store, admission)
            if "scheduler" in self.roles:
                self.scheduler = scheduler_of(
                    settings, store, self.registry, admission, self._clock, self.bus, triggers
                )
                settler = settler_of(settings, store, self.registry, self.bus, triggers)
                services: list[Service] = [ZoneRules(store, self.bus, triggers), self.scheduler, settler, declared]
                if "worker" not in self.roles:  # a worker's session tells of its process
                    services.append(
                        presence_of(settings, store, self.registry, self._clock, self._rng, self.bus, self._ticks)
                    )
                for service in services:
                    await service.start()
                    self._closing.append(service.stop)
            else:
                await declared.check()
        except BaseException:
            await self.close()
            raise

    async def close(self, grace: float | None = None) -> None:
        """Stop in good order and close the store: no more fires and claims, running tasks get ``shutdown_grace``.

        Args:
            grace: seconds to wait for running tasks instead of the setting.
        """
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        self._grace = grace
        while self._closing:
            step = self._closing.pop()
            try:
                await step()
            except Exception:  # the rest must be closed all the same
                logger.exception("closing: a step failed")
        self._control = None

    async def _restore(self, store: Store) -> None:
        janitor = Janitor(
            store,
            self.bus,
            sweep_seconds=self.settings.sweep_seconds,
            retention_days=self.settings.retention_days,
            aging_seconds=self.settings.aging_seconds,
        )
        if self.roles:
            while await janitor.run_once() == 0:  # orphans first: nothing acknowledged is missing from the start
                pass
            for service in (janitor, FileSweep(store, self.bus, self.spool, self._clock)):
                await service.start()
                self._closing.append(service.stop)

    async def _start_worker(self, store: Store, admission: Admission) -> None:
        options = worker_options(self.settings, self._user_loop, self.roles)
        own = () if self._hooks is None else (self._hooks,)
        hooks = HookCalls(store, self.bus, lambda: (*own, *self.registry.hooks))
        await hooks.start()
        self._closing.append(hooks.stop)
        self.worker = WorkerSession(
            store=store,
            registry=self.registry,
            admission=admission,
            clock=self._clock,
            rng=self._rng,
            bus=self.bus,
            hooks=hooks,
            options=options,
        )
        capture.install(options.limits.log_level)
        self._closing.append(_done(capture.uninstall))
        await self.worker.start()
        self._closing.append(lambda: self.worker.stop(self._grace))

    def hurry(self) -> None:
        """Make a close that waits for running tasks wait no longer."""
        if "worker" in self.roles and self._control is not None:
            self.worker.hurry()

    # ----- tasks ------------------------------------------------------------------------------------------------

    def register(self, item: Any, *, replace: bool = False) -> Task[..., Any]:
        """Register a task, a plain function or a BaseTask class.

        Raises:
            DuplicateName: its name is taken and ``replace`` is False.
            DefinitionError: it breaks a rule for tasks.
        """
        task = to_task(item)
        self.registry.register(task, "explicit", replace=replace)
        return task

    async def discover(self, *, watch: bool = False) -> Report:
        """Find tasks in all sources of the settings; with ``watch`` the directory is followed from now on."""
        options = DiscoveryOptions.of(self.settings)
        directory = DirectoryWatch(options, self.registry, self._clock, interval=self.settings.interval)
        report = apply(await asyncio.to_thread(find, options), self.registry, options)
        if watch and self._watching is None:
            self._watching = asyncio.create_task(directory.run(), name="runwright-watch")
        return report

    @property
    def tasks(self) -> Sequence[Task[..., Any]]:
        """All registered tasks by name."""
        return self.registry.tasks()

    # ----- runs -------------------------------------------------------------------------------------------------

    async def run(self, task: Any, arguments: Given | None = None, **options: Unpack[StartOptions]) -> JSON:
        """Start a run, wait for its end and return its result; options as for ``start``. Raises RunFailed."""
        run = await self.wait((await self.start(task, arguments, **options)).id)
        if run.status is not RunStatus.COMPLETED:
            raise RunFailed(run)
        return run.result

    async def start(
        self,
        task: Any,
        arguments: Given | None = None,
        *,
        connection: object | None = None,
        **options: Unpack[StartOptions],
    ) -> Run:
        """Start a run; it is stored when this returns.

        Args:
            task: a registered task or its name.
            arguments: by parameter name, or a list by position.
            connection: your own connection to the same PostgreSQL, inside a transaction: the run is part of it, and
                starts once you have committed it. asyncpg, psycopg and SQLAlchemy (asynchronous) are known.
            options: ``priority``, ``run_at`` (aware datetime), ``user``, ``entity``, ``tags``, ``idempotency_key``.

        Raises:
            NotFound, InvalidArguments, InvalidInput, Conflict: nothing was started.
        """
        return await self.control.runs.start(run_request(self.registry, task, arguments, options), connection)

    async def start_many(
        self, calls: Sequence[tuple[Any, Given]], *, connection: object | None = None, **options: Unpack[StartOptions]
    ) -> list[str]:
        """Start many runs in one transaction, all or none; their ids in the same order."""
        given = [*calls]
        return await self.control.runs.enqueue_many(each_request(self.registry, given, options), len(given), connection)

    async def upload(self, content: Path | bytes, name: str | None = None, content_type: str = "") -> UploadedFile:
        """Take in a file, to be given as an argument: ``await manager.start("load", {"table": file})``.

        Args:
            content: the bytes, or the path of a file, which is copied.
            name: what it is called; a file's own name by default.

        Raises:
            TooLarge, StoreUnavailable: it was not taken in.
        """
        return await asyncio.to_thread(take, self.spool, content, name, content_type)

    async def wait(self, run_id: str, timeout: float | None = None) -> Run:
        """Wait until the run has ended; ``timeout`` in seconds raises TimeoutError and leaves the run alone."""
        async with asyncio.timeout(timeout):
            return await self.feed.ended(run_id)

    async def get(self, run_id: str) -> Run:
        """The run as it is now. Raises NotFound."""
        return await self.control.runs.get(SYSTEM, run_id)

    async def runs(
        self,
        *,
        task: str | None = None,
        status: str | Collection[str] = (),
        schedule: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[Run]:
        """A page of runs, newest first: of a task, of a status or several, of a schedule's id, behind ``after``.

        Raises InvalidInput for anything else, and for a ``limit`` that is not from 1 to 10,000.
        """
        query = run_query(task=task, status=status, schedule=schedule, limit=limit, after=after)
        return await self.control.runs.list(SYSTEM, query)

    async def pause(self, run_id: str) -> Run:
        """Ask a run to pause at its next checkpoint. Raises Conflict if it cannot."""
        return await self.control.runs.pause(SYSTEM, run_id)

    async def resume(self, run_id: str) -> Run:
        """Let a paused run go on."""
        return await self.control.runs.resume(SYSTEM, run_id)

    async def cancel(self, run_id: str) -> Run:
        """Stop a run."""
        return await self.control.runs.cancel(SYSTEM, run_id)

    async def restart(self, run_id: str, arguments: Mapping[str, Any] | None = None) -> Run:
        """Run a terminal run again; ``arguments`` replaces those of the same names."""
        return await self.control.runs.restart(SYSTEM, run_id, arguments, confirmed=True)

    async def delete(self, run_id: str) -> None:
        """Delete a terminal run with its history."""
        await self.control.runs.delete(SYSTEM, run_id)

    def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Frame]:
        """Everything about one run until it ends: frames of ``runwright.events.feed``."""
        return self.feed.follow(run_id, after)

    # ----- schedules --------------------------------------------------------------------------------------------

    @property
    def schedules(self) -> ManagerSchedules:
        """Add, enable, disable, remove, fire and ask for schedules."""
        return ManagerSchedules(self.control)

    @property
    def services(self) -> ManagerServices:
        """Start, stop, restart and ask for services."""
        return ManagerServices(self.control)

    def in_thread(self) -> Blocking:
        """The one bridge for synchronous code: ``with manager.in_thread() as blocking: blocking.run(...)``."""
        return Blocking(self)

    # ----- doors ------------------------------------------------------------------------------------------------

    @property
    def control(self) -> Control:
        """The one door that the API uses. Raises Conflict while the manager is closed."""
        if self._control is None:
            raise Conflict("this TaskManager is closed: use 'async with manager:' or 'await manager.open()'")
        return self._control

    def asgi(self, local_actor: Actor | None = None) -> ASGIApp:
        """The whole HTTP door as an ASGI application, to be served or mounted.

        Args:
            local_actor: who requests without credentials act as; None refuses them.
        """
        from runwright.api.app import create_app  # noqa: PLC0415 - FastAPI costs half a second; a worker needs none

        return create_app(
            self.control, self.settings, feed=self.feed, spool=self.spool, clock=self._clock, local_actor=local_actor,
            scheduler_alive=lambda: self._ticks() if "scheduler" in self.roles else None,
        )  # fmt: skip

    def _ticks(self) -> bool:
        return ticks(self.scheduler, self._clock)

    async def record(self, action: str, detail: JSONObject) -> None:
        """Write an event of the whole system to the timeline."""
        await self.store.record([NewEvent("system", action, "runwright", SYSTEM.name, detail=detail)])


def _done(step: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    """A plain step of closing as one to be awaited."""

    async def do() -> None:
        step()

    return do
