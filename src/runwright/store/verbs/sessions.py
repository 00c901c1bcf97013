"""The store's verbs: worker sessions, what they know, and what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from runwright.clock import SECOND
from runwright.lifecycle import RunEvent, next_status
from runwright.model import WAITING, Claim, Control, RunStatus, TaskVersion
from runwright.store.actions import action_of
from runwright.store.base import Definition, NewWorker, Rate
from runwright.store.leases import LiveSession
from runwright.store.rows import claimed_of, dump, roles_of
from runwright.store.transaction import Row, Transaction
from runwright.store.verbs.claim import unpark
from runwright.store.verbs.journal import Journal


async def session_row(tx: Transaction, session: str) -> Row | None:
    """The key of a session, whether an exclusive run waits, and whether people want something of the session's runs;
    None if the session is fenced off."""
    return None if tx.leases.over(session) else await tx.one("session_key", session)


async def register(tx: Transaction, worker: NewWorker, lease_seconds: float) -> None:
    """See ``Store.register``."""
    values = (worker.id, worker.host, worker.pid, dump(dict(worker.lanes)), tx.now, round(lease_seconds * SECOND))
    row = await tx.one("session_insert", *values, *(int(role in worker.roles) for role in ("worker", "scheduler")))
    assert row is not None
    await _know(tx, row[0], worker.tasks, worker.rates, worker.definitions)


async def publish(
    tx: Transaction,
    session: str,
    tasks: Sequence[str],
    rates: Mapping[str, Rate],
    definitions: Mapping[str, Definition],
) -> None:
    """See ``Store.publish``."""
    row = await session_row(tx, session)
    if row is not None:
        await _forget(tx, row[0])
        await _know(tx, row[0], tasks, rates, definitions)


async def _know(
    tx: Transaction,
    key: int,
    tasks: Sequence[str],
    rates: Mapping[str, Rate],
    definitions: Mapping[str, Definition],
) -> None:
    limits = [(task, rates.get(task)) for task in tasks]
    rows = [(key, task, rate and rate.count, rate and rate.micros) for task, rate in limits]
    await tx.many("catalogue_insert", rows)
    await tx.many("definition_insert", [(key, task, told.source_hash, told.body) for task, told in definitions.items()])
    tx.topics.add("runs")


async def _forget(tx: Transaction, key: int) -> None:
    await tx.do("catalogue_clear", key)
    await tx.do("definition_clear", key)


async def hand_back(tx: Transaction, session: str, tokens: Sequence[tuple[int, int]]) -> None:
    """See ``Store.hand_back``."""
    found = await tx.one("session_find", session)
    if found is None:
        return
    journal, freed, given = Journal(tx), [], set(tokens)
    waiting: list[tuple[object, ...]] = []
    for row in await tx.all("turn_read", [key for key, _ in tokens]):
        key, token, worker, status, shared = *row[:4], row[13]
        if (key, token) not in given or worker != found[0]:
            continue
        if status in WAITING:
            waiting.append((key, token))
        elif not await _end_unbegun(tx, journal, row):
            continue
        freed.append(shared)
    await tx.many("hand_back", waiting)
    await unpark(tx, freed)
    await journal.write()
    tx.topics.add("runs")


async def _end_unbegun(tx: Transaction, journal: Journal, row: Row) -> bool:
    """A reservation was cancelled and is handed back: it is over. False if it is none."""
    key, token, _, status, run, task, schedule = row[:7]
    event = RunEvent.RELEASE
    if status != RunStatus.CANCELLING or (after := next_status(RunStatus.CANCELLING, event)) is None:
        return False
    ended = await tx.one("hand_back_cancelled", key, token, event.value, after.value, tx.now)
    if ended is None:
        return False
    journal.run(action_of(event, after), run, task)
    journal.ended(run, schedule, after, ended[0], tx.now, None)
    return True


async def end(tx: Transaction, session: str) -> None:
    """See ``Store.end_session``."""
    row = await tx.one("session_close", session)
    if row is not None:
        await tx.do("session_end", row[0], tx.now)
        await give_up_reservations(tx, [row[0]])


async def give_up_reservations(tx: Transaction, keys: Sequence[int]) -> None:
    """Sessions are over: their reservations wait again, and what they know is forgotten."""
    freed: list[str | None] = []
    for key in keys:
        freed += [name for (name,) in await tx.all("session_hand_back", key)]
        await _forget(tx, key)
    await unpark(tx, freed)
    tx.topics.add("runs")


async def live(tx: Transaction) -> list[LiveSession]:
    """The sessions that are not over."""
    return [
        LiveSession(key, session, beats, lease / SECOND, roles_of(works, fires))
        for key, session, beats, lease, works, fires in await tx.all("session_live")
    ]


async def versions(tx: Transaction, dead: Collection[int]) -> list[TaskVersion]:
    """See ``Store.versions``; ``dead`` are keys of sessions that are known to be gone."""
    return [
        TaskVersion(task, source_hash, session, roles_of(works, fires))
        for key, task, source_hash, session, works, fires in await tx.all("definition_versions")
        if key not in dead
    ]


async def definitions(tx: Transaction, tasks: Collection[str]) -> dict[str, Definition]:
    """See ``Store.definitions``."""
    return {
        task: Definition(source_hash, body)
        for task, source_hash, body in await tx.all("definition_read", sorted(tasks))
    }


async def controls(tx: Transaction, session: str) -> list[Control]:
    """See ``Store.controls``."""
    return [
        Control(key, run, token, cancel == 1, pause == 1)
        for key, run, token, cancel, pause in await tx.all("controls", session)
    ]


async def claims(tx: Transaction, session: str) -> list[Claim]:
    """See ``Store.claims``."""
    await tx.one("session_settled", session)
    return [claimed_of(row) for row in await tx.all("claims", session)]
