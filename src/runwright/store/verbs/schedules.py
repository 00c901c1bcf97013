"""The store's verbs: schedules, what a look at them writes, and the consequences of their runs' ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from runwright.clock import Micros
from runwright.errors import DuplicateName
from runwright.lifecycle import RunEvent
from runwright.model import (
    EndedRun,
    FirePlan,
    Measured,
    Page,
    Pause,
    RunStatus,
    Schedule,
    ScheduleChange,
    ServiceEnd,
    Usage,
    read_json,
)
from runwright.store.actions import TASK, Action
from runwright.store.base import Guard
from runwright.store.rows import dump, ended_of, schedule_of, schedule_values
from runwright.store.transaction import Transaction, UndoError, first_value
from runwright.store.verbs import ledger
from runwright.store.verbs.claim import unpark
from runwright.store.verbs.journal import Journal
from runwright.store.verbs.runs import move, moved

_GRAPH = "runwright: which schedule depends on which"
"""The lock on the graph of dependencies, among the locks on concurrency keys."""


async def write(tx: Transaction, changes: Sequence[ScheduleChange], actor: str, guard: Guard | None) -> bool:
    """See ``Store.write_schedules``."""
    made = [change.schedule for change in changes if change.action == Action.SCHEDULE_CREATED]
    replaced = [change.schedule for change in changes if change.action != Action.SCHEDULE_CREATED]
    judged = any(change.schedule.depends_on or change.schedule.deleted for change in changes)
    if judged or replaced:  # before anything is written, so that two never wait for each other
        await tx.lock_keys([_GRAPH])
    journal = Journal(tx)
    try:
        async with tx.savepoint():
            await _insert(tx, made)
            for schedule in sorted(replaced, key=lambda schedule: schedule.id):
                judged |= await _replace(tx, schedule)
    except UndoError:
        return False
    if judged and guard is not None:
        await _check(tx, guard)
    for change in changes:
        named = change.schedule
        journal.other(TASK, change.action, named.name, actor, named.task, detail=change.detail)
    await journal.write()
    tx.topics.add("schedules")
    return True


async def _insert(tx: Transaction, schedules: Sequence[Schedule]) -> None:
    if await tx.many("schedule_insert", [_new_row(schedule) for schedule in schedules]) < len(schedules):
        freed = [schedule for schedule in schedules if await _free_name(tx, schedule)]
        await tx.many("schedule_insert", [_new_row(schedule) for schedule in freed])


def _new_row(schedule: Schedule) -> tuple[object, ...]:
    return (
        *schedule_values(schedule),
        schedule.created_by,
        schedule.created_at,
        schedule.run_count,
        schedule.error_count,
        schedule.last_run_at,
        schedule.last_status,
        schedule.last_error,
    )


async def _free_name(tx: Transaction, schedule: Schedule) -> bool:
    """Take its name from a schedule that was withdrawn; False if it has it already. Raises DuplicateName."""
    holder = await find(tx, schedule.name)
    if holder is not None and holder.id == schedule.id:
        return False
    if holder is None or not holder.deleted:
        raise DuplicateName(f"there is already a schedule named {schedule.name!r}; choose another name", schedule.name)
    if holder.edited:
        raise DuplicateName(
            f"schedule {schedule.name!r} was deleted, but {holder.origin} still declares it; "
            "reset it, or choose another name",
            schedule.name,
        )
    await tx.do("schedule_delete", holder.id)
    return True


async def _replace(tx: Transaction, schedule: Schedule) -> bool:
    """Put a schedule in its own place; its dependents follow it to a new name. Returns whether it has one."""
    if await tx.one("schedule_name_taken", schedule.name, schedule.id) is not None:
        await _free_name(tx, schedule)
    old = await find(tx, schedule.id)
    if old is None or not await tx.do("schedule_update", *schedule_values(schedule)):
        raise UndoError
    if old.name == schedule.name:
        return False
    for dependent, _, needs in await tx.all("schedule_needs"):
        names = read_json(needs, [])
        if old.name in names:
            followed = [schedule.name if name == old.name else name for name in names]
            await tx.do("schedule_follow", dependent, dump(followed))
    return True


async def _check(tx: Transaction, guard: Guard) -> None:
    """Let the guard see the whole graph as it will be; it raises if it must not be so."""
    edges: dict[str, Sequence[str]] = {name: read_json(needs, ()) for _, name, needs in await tx.all("schedule_needs")}
    asked = sorted({name for needs in edges.values() for name in needs})
    guard(edges, frozenset(row[0] for row in await tx.all("schedule_names", asked)))


async def delete(tx: Transaction, schedule_id: str, actor: str, guard: Guard | None) -> bool:
    """See ``Store.delete_schedule``."""
    await tx.lock_keys([_GRAPH])
    found = await find(tx, schedule_id)
    if found is None or found.id != schedule_id or found.deleted:
        return False
    if found.declared:
        await tx.do("schedule_bury", schedule_id, tx.now)
        await tx.do("fire_clear", schedule_id)
    else:
        await tx.do("schedule_delete", schedule_id)
    if guard is not None:
        await _check(tx, guard)
    journal = Journal(tx)
    journal.other(TASK, Action.SCHEDULE_DELETED, found.name, actor, found.task)
    await journal.write()
    tx.topics.add("schedules")
    return True


async def pause(tx: Transaction, reason: str | None, actor: str) -> bool:
    """See ``Store.pause_schedules``."""
    if reason is None:
        if not await tx.do("pause_delete"):
            return False
    else:
        await tx.do("pause_insert", reason, actor, tx.now)
    await tx.do("schedule_touch")
    journal = Journal(tx)
    action = Action.SCHEDULES_RESUMED if reason is None else Action.SCHEDULES_PAUSED
    journal.other(TASK, action, "all schedules", actor, detail={"reason": reason} if reason else None)
    await journal.write()
    tx.topics.add("schedules")
    return True


async def paused(tx: Transaction) -> Pause | None:
    """See ``Store.paused``."""
    row = await tx.one("pause_find")
    return None if row is None else Pause(row[0], row[1], row[2])


async def find(tx: Transaction, id_or_name: str) -> Schedule | None:
    """See ``Store.schedule``."""
    row = await tx.one("schedule_find", id_or_name)
    return None if row is None else schedule_of(row)


async def every(tx: Transaction, deleted: bool) -> list[Schedule]:
    """See ``Store.schedules``."""
    return [schedule_of(row) for row in await tx.all("schedule_list", 1 if deleted else 0)]


async def page(
    tx: Transaction, limit: int, after: str | None, name: str | None, task: str | None
) -> tuple[Page[Schedule], int]:
    """See ``Store.schedule_page``."""
    rows = await tx.all("schedule_page", after or "", name, task, limit + 1)
    count = await tx.one("schedule_count", name, task)
    items = tuple(schedule_of(row) for row in rows[:limit])
    return Page(items, items[-1].name if len(rows) > limit else None), 0 if count is None else count[0]


async def declared(tx: Transaction, withdrawn: bool) -> list[Schedule]:
    """See ``Store.declared_schedules``."""
    return [schedule_of(row) for row in await tx.all("schedule_declared", 1 if withdrawn else 0)]


async def of_tasks(tx: Transaction, tasks: Collection[str]) -> dict[str, list[str]]:
    """See ``Store.schedules_of``."""
    found: dict[str, list[str]] = {}
    for task, name in await tx.all("schedule_tasks", list(tasks)):
        found.setdefault(task, []).append(name)
    return found


async def due(tx: Transaction, until: Micros, limit: int) -> list[Schedule]:
    """See ``Store.due_schedules``."""
    return [schedule_of(row) for row in await tx.all("schedule_due", until, limit)]


async def busy(tx: Transaction, schedules: Collection[str]) -> set[str]:
    """See ``Store.busy_schedules``."""
    return {row[0] for row in await tx.all("schedule_busy", list(schedules))}


async def fire(tx: Transaction, plans: Sequence[FirePlan]) -> list[bool]:
    """See ``Store.fire``."""
    journal = Journal(tx)
    ending = [plan.schedule for plan in plans if not plan.enabled]
    disabled = {row[0] for row in await tx.all("schedule_enabled", ending)} if ending else set()
    places = [
        (
            *(plan.schedule, plan.version, plan.cursor_at, plan.next_due_at, int(plan.enabled), int(plan.first_done)),
            None if plan.fills else min((new.due_at for new in plan.fires), default=None),
        )
        for plan in plans
    ]
    told = {schedule: (name, task) for schedule, name, task in await tx.each("schedule_advance", sorted(places))}
    won = [plan for plan in plans if plan.schedule in told]
    freed = await _cancel_earlier(tx, journal, [plan for plan in won if plan.cancels])
    await ledger.record(tx, journal, won, told)
    decided = [row for plan in won if (row := _decided(plan, tx.now)) is not None]
    if decided:
        await tx.many("schedule_outcome", decided)
    for schedule in disabled & told.keys():
        name, task = told[schedule]
        journal.other(TASK, Action.SCHEDULE_DISABLED, name, "system", task)
    await unpark(tx, freed)
    await journal.write()
    return [plan.schedule in told for plan in plans]


async def _cancel_earlier(tx: Transaction, journal: Journal, plans: Sequence[FirePlan]) -> list[str | None]:
    """Cancel what is live of the plans' schedules: it is of earlier due times, for the new runs are not there yet.

    A run that holds the unique key of a new one stays: it is the one that the fire will find. Returns the freed keys.
    """
    new = {plan.schedule: {fire.run.unique_key for fire in plan.fires if fire.run is not None} for plan in plans}
    rows = await tx.all("schedule_live", sorted(new)) if new else []
    live = [run for schedule, run, unique in rows if new[schedule] and (unique is None or unique not in new[schedule])]
    freed: list[str | None] = []
    await moved(tx, journal, freed, live, RunEvent.CANCEL, "system", tx.now)
    return freed


def _decided(plan: FirePlan, now: Micros) -> tuple[str, str, Micros] | None:
    """How the plan's newest due time ended, if that is decided without a run."""
    newest = max(plan.fires, key=lambda fire: fire.newest_due_at, default=None)
    if newest is None or newest.run is not None or newest.outcome not in ledger.TOLD:
        return None
    return plan.schedule, newest.outcome, now


async def ended(tx: Transaction, limit: int) -> list[EndedRun]:
    """See ``Store.ended``."""
    return [ended_of(row) for row in await tx.all("ended_list", limit)]


async def settle(
    tx: Transaction,
    runs: Sequence[EndedRun],
    next_due: Mapping[str, Micros],
    services: Mapping[str, ServiceEnd] | None = None,
) -> None:
    """See ``Store.settle``."""
    settled = set()
    taken = {row[0] for row in await tx.each("ended_delete", [(run.id,) for run in runs])}
    for run in sorted(runs, key=lambda run: (run.schedule, run.id)):
        if run.id not in taken:
            continue  # another consumer was quicker
        settled.add(run.schedule)
        counted = 0 if run.status is RunStatus.SKIPPED else 1
        failed = 1 if run.status is RunStatus.ERROR else 0
        last_run_at = (run.started_at or run.completed_at) if counted else None
        error = run.error if failed else None
        status = run.status.value
        await tx.do("schedule_settle", run.schedule, counted, failed, last_run_at, status, error, run.completed_at)
    await rearm(tx, {schedule: due for schedule, due in next_due.items() if schedule in settled})
    await _settle_services(tx, {key: end for key, end in (services or {}).items() if key in settled})
    tx.topics.add("settled")


async def _settle_services(tx: Transaction, services: Mapping[str, ServiceEnd]) -> None:
    journal = Journal(tx)
    for key, end in sorted(services.items()):
        again = end.next_due_at is not None
        restarts = end.restarts if again else 0
        if not await tx.do("service_settle", key, end.version, end.next_due_at, int(again), restarts):
            continue  # somebody has started or stopped it since: that is what counts
        schedule = await find(tx, key)
        assert schedule is not None
        stopped = Action.SERVICE_GAVE_UP if end.gave_up else Action.SERVICE_STOPPED
        action = Action.SERVICE_RESTARTING if again else stopped
        detail: dict[str, object] = {"reason": end.reason, "restarts": end.restarts}
        journal.other(TASK, action, schedule.name, "system", schedule.task, detail=detail)
        tx.topics.add("schedules")
    await journal.write()


async def services(tx: Transaction) -> list[Schedule]:
    """See ``Store.services``."""
    return [schedule_of(row) for row in await tx.all("schedule_services")]


async def usage(tx: Transaction) -> list[Usage]:
    """See ``Store.usage``."""
    return [Usage(*row) for row in await tx.all("usage_list")]


async def keep_usage(tx: Transaction, measured: Sequence[Measured]) -> None:
    """See ``Store.keep_usage``."""
    for one in sorted(measured, key=lambda one: one.key):
        await tx.do("usage_keep", one.key, one.token, one.cpu_seconds, one.memory_bytes, tx.now)


async def rearm(tx: Transaction, next_due: Mapping[str, Micros]) -> None:
    """See ``Store.rearm``."""
    for schedule, due in sorted(next_due.items()):
        await tx.do("schedule_rearm", schedule, due)
        tx.topics.add("schedules")


async def withdraw(tx: Transaction, schedule: str | None, actor: str, limit: int) -> int:
    """See ``Store.withdraw``."""
    if schedule is None:
        rows = await tx.all("run_early", tx.now, limit)
    else:
        rows = await tx.all("run_early_of", tx.now, limit, schedule)
    if rows:
        await move(tx, [row[0] for row in rows], RunEvent.CANCEL, actor, tx.now)
    return len(rows)


async def stranded(tx: Transaction, limit: int) -> list[tuple[Schedule, Micros | None]]:
    """See ``Store.stranded_schedules``."""
    found = [schedule_of(row) for row in await tx.all("schedule_stranded", limit)]
    return [(schedule, await first_value(tx, "fire_ended", schedule.id)) for schedule in found]
