"""Schedule: what is to be done for one schedule now: the whole way from due times to runs, as one pure function.

The scheduler reads a schedule's row, asks ``plan``, and writes the answer (ledger rows, runs, cursor, next due time) in
one transaction. Nothing here knows the store: that a due time is never fired twice rests on the cursor, which only ever
rises, and on the ledger's unique key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runwright.clock import moment_text
from runwright.schedule.limits import LimitedTrigger, Limits, earliest, opening, split
from runwright.schedule.triggers import DueTimes, Trigger, as_utc
from runwright.schedule.windows import NEVER, Windows
from runwright.when import CatchUp, FireOutcome, Overlap

MOST_CAUGHT_UP = 100
"""How many due times catch-up ``all`` runs, the newest; what is older is recorded as missed."""
DEFAULT_GRACE_SECONDS = 60.0
"""How late a due time may be and still count as on time: what a busy or restarting scheduler needs."""

_INSTANT = timedelta(microseconds=1)
_SERVICE_LOOK = timedelta(seconds=10)
"""How long a service that may not be started now waits until that is looked at again."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the scheduler has read about a schedule.

    ``cursor`` is the last due time that was considered, or what ``begin`` gave: nothing up to it is fired any more.
    ``next_due`` is what ``begin``, the last plan or the end of the last run (``after_run``) left behind.
    ``anchor`` is the epoch of an interval's grid. ``running`` tells of a live run of this schedule; a run started
    by hand counts too. ``held`` says why due times must be kept back (its task is unbound, all schedules are paused);
    None if there is no such reason. ``blackouts`` are the windows in which they may not run.
    """

    cursor: datetime
    next_due: datetime | None
    anchor: datetime | None = None
    running: bool = False
    held: str | None = None
    blackouts: Windows = NEVER


@dataclass(frozen=True, slots=True)
class Policy:
    """How a schedule wants its due times treated. ``misfire_grace_seconds`` of None means DEFAULT_GRACE_SECONDS."""

    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    misfire_grace_seconds: float | None = None
    most: int = MOST_CAUGHT_UP

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ValueError(f"the cap of catch-up must be at least 1, not {self.most}")


@dataclass(frozen=True, slots=True)
class Fire:
    """One row for the ledger: a due time and what becomes of it, or a collapsed span of ``count`` due times.

    ``due`` is the last due time of a span and ``first`` its first; of a single due time both are the same.
    """

    due: datetime
    outcome: FireOutcome
    first: datetime
    count: int = 1
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write: ``fires`` in the order of their first due times, then the new ``cursor`` and ``next_due``.

    Each due time is in one row only; a span of blocked ones may have others in between.

    ``next_due`` of None means that nothing is due again, unless ``awaits_end``: then the end of the run decides
    (``after_run``). ``finished``: the schedule has had its last due time and is to be disabled.
    ``cancel_running``: what is live is to be cancelled in favour of the one that is fired.
    """

    fires: tuple[Fire, ...]
    cursor: datetime
    next_due: datetime | None
    awaits_end: bool = False
    finished: bool = False
    cancel_running: bool = False


def begin(
    trigger: Trigger, now: datetime, *, anchor: datetime | None = None, first: bool = False
) -> tuple[datetime, datetime | None]:
    """The cursor and the next due time of a schedule that is made, edited, enabled or resumed ``now``.

    The past is never fired. ``anchor`` is the epoch of the grid: what ``opening`` gives for a new schedule, else the
    stored one. ``first`` is True for a schedule that never was active before: then a first run that is to be now, is
    due now, or as soon as the trigger's limits allow it.
    """
    start = as_utc(now)
    if not (first and trigger.first_now) and trigger.kind != "service":
        return start, trigger.next_after(start, anchor=anchor)
    if trigger.anchored_at_end:
        return start - _INSTANT, earliest(trigger, start)
    epoch = opening(trigger, start)
    return start - _INSTANT, trigger.next_after(epoch - _INSTANT, anchor=anchor or epoch)


def after_run(trigger: Trigger, ended_at: datetime, cursor: datetime) -> datetime | None:
    """The next due time of a schedule that counts from the end of its runs, when one ended; always after the cursor.

    None if its limits let nothing be due any more: it is finished.
    """
    return trigger.next_after(max(as_utc(ended_at), as_utc(cursor)))


def plan(trigger: Trigger, situation: Situation, policy: Policy, now: datetime) -> Plan:
    """Decide what happens to every due time of a schedule up to ``now``.

    Deterministic, and never looks before the cursor: a wall clock that was set back fires nothing a second time, an
    edited or enabled schedule nothing of the past. Costs no more memory than ``policy.most`` due times.
    """
    now, cursor = as_utc(now), as_utc(situation.cursor)
    dues = _due_times(trigger, situation, policy, now)
    if not dues.newest:
        return _rest(trigger, situation, cursor)
    fires = _decide(trigger, dues, situation, policy, now)
    started = any(fire.outcome.starts_run for fire in fires)
    last = dues.newest[-1]
    if not trigger.anchored_at_end:
        rest = _rest(trigger, situation, last)
    elif started or situation.running:
        rest = Plan((), last, None, awaits_end=True)
    else:
        following = _again(trigger, now)
        rest = Plan((), last, following, finished=following is None)
    cancel = started and policy.overlap is Overlap.CANCEL_RUNNING
    return replace(rest, fires=fires, cancel_running=cancel)


def without_run(trigger: Trigger, planned: Plan, now: datetime) -> Plan:
    """The plan if the run that it waits for cannot be made: no end of it will tell when the next is due."""
    following = _again(trigger, max(as_utc(now), planned.cursor))
    return replace(planned, next_due=following, awaits_end=False, finished=following is None)


def _rest(trigger: Trigger, situation: Situation, cursor: datetime) -> Plan:
    """The cursor and what follows it, without a fire."""
    if not trigger.anchored_at_end:
        following = trigger.next_after(cursor, anchor=situation.anchor)
        return Plan((), cursor, following, finished=following is None)
    if situation.next_due is None:
        return Plan((), cursor, None, awaits_end=True)
    stored = as_utc(situation.next_due)  # behind the cursor if the clock was set back
    following = stored if stored > cursor else _again(trigger, cursor)
    return Plan((), cursor, following, finished=following is None)


def _again(trigger: Trigger, moment: datetime) -> datetime | None:
    """When something that counts from the end of its runs is due again, if no run was made."""
    return moment + _SERVICE_LOOK if trigger.kind == "service" else trigger.next_after(moment)


def _due_times(trigger: Trigger, situation: Situation, policy: Policy, now: datetime) -> DueTimes:
    """The due times in (cursor, now], with one more of the newest than may be caught up: the last of those left out."""
    cursor = as_utc(situation.cursor)
    stored = None if situation.next_due is None else as_utc(situation.next_due)
    if stored is not None and not cursor < stored <= now:
        stored = None
    if trigger.anchored_at_end:  # one run at a time: the due time after it is not known yet
        return DueTimes() if stored is None else DueTimes.of([stored], 1)
    if trigger.kind == "plugin" and stored is not None:
        # it may answer otherwise when it is asked again (at random, or by what it looks at); its first answer holds
        others = trigger.due_between(stored, now, policy.most + 1)
        return DueTimes(others.count + 1, stored, (stored, *others.newest)[-policy.most - 1 :], others.complete)
    return trigger.due_between(cursor, now, policy.most + 1, anchor=situation.anchor)


def _decide(trigger: Trigger, dues: DueTimes, situation: Situation, policy: Policy, now: datetime) -> tuple[Fire, ...]:
    if situation.held is not None:
        return (_span(dues, FireOutcome.HELD, situation.held),)
    if situation.blackouts:
        return _around_blackouts(trigger, dues, situation, policy, now)
    return _allowed(trigger, dues, situation, policy, now)


def _around_blackouts(
    trigger: Trigger, dues: DueTimes, situation: Situation, policy: Policy, now: datetime
) -> tuple[Fire, ...]:
    """A due time within a blackout is blocked, and so is one that would be caught up within a blackout."""
    windows, last = situation.blackouts, dues.newest[-1]
    if dues.all_kept:
        outside, inside = _parted(dues, lambda due: windows.at(due) is None)
    else:
        outside, inside = split(
            trigger, windows, as_utc(situation.cursor), last, policy.most + 1, anchor=situation.anchor
        )
    current = windows.at(now)
    if current is not None and outside.count and outside.newest[-1] < _in_time_from(policy, now):
        return (_span(dues, FireOutcome.BLOCKED, f"a blackout: {current}"),)
    rows = (
        ()
        if not outside.count
        else _allowed(LimitedTrigger(trigger, Limits(excluded=windows)), outside, situation, policy, now)
    )
    if inside.count:
        rows = (*rows, _span(inside, FireOutcome.BLOCKED, f"a blackout: {windows.at(inside.newest[-1])}"))
    return tuple(sorted(rows, key=lambda fire: fire.first))


def _allowed(trigger: Trigger, dues: DueTimes, situation: Situation, policy: Policy, now: datetime) -> tuple[Fire, ...]:
    """What becomes of due times that nothing forbids: overlap first, then catch-up."""
    if trigger.kind == "service":  # it is to run, however late
        return (_run(dues.newest[-1], _in_time_from(policy, now)),)
    if situation.running and policy.overlap is Overlap.SKIP:
        return (_span(dues, FireOutcome.SKIPPED, "the previous run had not ended"),)
    in_time = _in_time_from(policy, now)
    if policy.catch_up is CatchUp.ALL and policy.overlap is not Overlap.CANCEL_RUNNING:
        return _each(dues, policy, in_time)
    if policy.catch_up is CatchUp.SKIP:
        return _in_time(trigger, dues, situation, in_time)
    return _newest(dues, in_time)


def _in_time_from(policy: Policy, now: datetime) -> datetime:
    """The earliest due time that is still on time ``now``."""
    grace = DEFAULT_GRACE_SECONDS if policy.misfire_grace_seconds is None else policy.misfire_grace_seconds
    return now - timedelta(seconds=grace)


def _newest(dues: DueTimes, in_time: datetime) -> tuple[Fire, ...]:
    """One run for the newest, and one row for those that it stands for."""
    run = _run(dues.newest[-1], in_time)
    if dues.count == 1:
        return (run,)
    reason = f"one run stands for all, due at {moment_text(run.due)}"
    return (_span(_without_newest(dues, 1), FireOutcome.MERGED, reason), run)


def _each(dues: DueTimes, policy: Policy, in_time: datetime) -> tuple[Fire, ...]:
    """A run for each of the newest; one row for what is beyond the cap."""
    caught_up = dues.newest[-policy.most :]
    runs = tuple(_run(due, in_time) for due in caught_up)
    if dues.count == len(caught_up):
        return runs
    reason = f"more than {policy.most} due times had passed; only the newest are caught up"
    return (_span(_without_newest(dues, len(caught_up)), FireOutcome.MISSED, reason), *runs)


def _in_time(trigger: Trigger, dues: DueTimes, situation: Situation, in_time: datetime) -> tuple[Fire, ...]:
    """One run for what is still within the grace; what is beyond it is missed."""
    cursor, last = as_utc(situation.cursor), dues.newest[-1]
    reason = "nobody was there in time, and the schedule does not catch up"
    if last < in_time:
        return (_span(dues, FireOutcome.MISSED, reason),)
    if dues.all_kept:
        recent, missed = _parted(dues, lambda due: due >= in_time)
    else:
        border = max(cursor, in_time - _INSTANT)
        recent = trigger.due_between(border, last, 2, anchor=situation.anchor)
        missed = trigger.due_between(cursor, border, 1, anchor=situation.anchor)
    runs = _newest(recent, in_time)
    return (_span(missed, FireOutcome.MISSED, reason), *runs) if missed.count else runs


def _run(due: datetime, in_time: datetime) -> Fire:
    if due >= in_time:
        return Fire(due, FireOutcome.FIRED, due)
    return Fire(due, FireOutcome.LATE, due, reason="started after its time")


def _span(dues: DueTimes, outcome: FireOutcome, reason: str) -> Fire:
    assert dues.first is not None
    return Fire(dues.newest[-1], outcome, dues.first, dues.count, reason)


def _parted(dues: DueTimes, test: Callable[[datetime], bool]) -> tuple[DueTimes, DueTimes]:
    """Those that pass and those that do not, of due times that are all kept."""
    passed = [due for due in dues.newest if test(due)]
    failed = [due for due in dues.newest if not test(due)]
    return DueTimes.of(passed, dues.count), DueTimes.of(failed, dues.count)


def _without_newest(dues: DueTimes, number: int) -> DueTimes:
    return DueTimes(dues.count - number, dues.first, dues.newest[:-number])
