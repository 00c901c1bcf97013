"""The triggers and dependency rules that seed document 003 writes down, in the forms that its files and code have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runwright.errors import ScheduleRefused
from runwright.model import JSON, RunStatus
from runwright.schedule import (
    Dependency,
    Policy,
    Situation,
    Trigger,
    after_run,
    begin,
    compile_when,
    next_fires,
    parse_when,
    plan,
    readiness,
    refuse_cycle,
    refuse_past,
    refuse_unknown,
    when_to_json,
)
from runwright.when import At, Cron, Every

NOW = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("schedule", "when"),
    [  # as its persistence writes them
        ({"type": "interval", "interval": "5m0s"}, Every(minutes=5)),
        ({"type": "interval", "interval": "1h0m0s"}, Every(hours=1)),
        ({"type": "interval", "interval": "10m0s"}, Every(minutes=10)),
        ({"type": "cron", "cron_spec": "0 0 * * *"}, Cron("0 0 * * *")),
        ({"type": "cron", "cron": "0 0 * * *"}, Cron("0 0 * * *")),
        (
            {"type": "once", "times": ["2026-11-20T13:07:00.123456789Z"]},
            At(NOW + HOUR + timedelta(microseconds=123456)),
        ),
        ({"type": "once", "times": ["2026-11-21T14:07:00+02:00"]}, At(NOW + 24 * HOUR)),
    ],
)
def test_the_schedules_of_its_files_are_read(schedule: JSON, when: Every | Cron | At) -> None:
    assert parse_when(schedule) == when
    assert parse_when(when_to_json(when)) == when


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"type": "interval", "interval": ""}, "interval"),
        ({"type": "interval", "interval": "0s"}, "interval"),
        ({"type": "interval", "interval": "-5m0s"}, "interval"),
        ({"type": "interval", "interval": 300}, "interval"),
        ({"type": "interval", "interval": "5m0s", "seconds": 300}, "interval"),
        ({"type": "cron", "cron_spec": ""}, "cron"),
        ({"type": "cron", "cron_spec": "0 0 31 2 *"}, "day-of-month"),
        ({"type": "cron", "cron_spec": "0 0 * * *", "cron": "0 0 * * *"}, "cron_spec"),
        ({"type": "once", "times": None}, "times"),
        ({"type": "daily"}, "type"),
    ],
)
def test_what_is_empty_or_said_twice_is_refused(schedule: JSON, field: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        parse_when(schedule)
    assert refused.value.field_name == field


def test_an_interval_runs_at_once_and_then_counts_from_the_end_of_each_run() -> None:
    """ "Tasks run immediately upon registration", "Next run calculated after task completion"."""
    trigger = compile_when(parse_when({"type": "interval", "interval": "5m0s"}))
    cursor, due = begin(trigger, NOW, first=True)
    assert due == NOW
    fired = plan(trigger, Situation(cursor, due), Policy(), NOW)
    assert [fire.due for fire in fired.fires] == [NOW]
    ended = NOW + 3 * MINUTE
    assert after_run(trigger, ended, fired.cursor) == ended + 5 * MINUTE


def test_while_a_run_is_live_there_is_no_second_one_and_nothing_is_lost() -> None:
    """ "Collision prevention: tasks mark next run as far future while executing" — and stayed there after a crash."""
    trigger = compile_when(parse_when({"type": "interval", "interval": "5m0s"}))
    fired = plan(trigger, Situation(NOW - MINUTE, NOW), Policy(), NOW)
    later = plan(trigger, Situation(fired.cursor, fired.next_due, running=True), Policy(), NOW + HOUR)
    assert (later.fires, later.awaits_end) == ((), True)
    assert after_run(trigger, NOW + 2 * HOUR, later.cursor) == NOW + 2 * HOUR + 5 * MINUTE


def test_a_task_that_runs_once_is_finished_then() -> None:
    """The one-time task an hour from now, and the backup a day from now."""
    for wait in (HOUR, 24 * HOUR):
        when = At(NOW + wait)
        refuse_past(when, NOW)
        trigger = compile_when(when)
        cursor, due = begin(trigger, NOW, first=True)
        assert due == NOW + wait
        fired = plan(trigger, Situation(cursor, due), Policy(), NOW + wait)
        assert (len(fired.fires), fired.next_due, fired.finished) == (1, None, True)
        with pytest.raises(ScheduleRefused, match="lies in the past"):  # enabled again, it needs a new time
            refuse_past(when, NOW + wait)


def test_disabled_past_its_time_and_enabled_again_it_does_not_fire_at_once() -> None:
    for when in (Every(minutes=5), Cron("*/5 * * * *")):
        trigger: Trigger = compile_when(when)
        cursor, due = begin(trigger, NOW)
        assert due is not None
        assert due > NOW
        assert plan(trigger, Situation(cursor, due), Policy(), NOW).fires == ()


# ----- dependencies: "prepare-data" every ten minutes, "process-data" after it -------------------------------------


def process(prepare: Dependency, last_start: datetime | None = None, last_skip: datetime | None = None) -> str:
    return readiness([prepare], due_at=NOW, last_start=last_start, last_skip=last_skip).verdict


def test_tasks_only_run_after_all_dependencies_complete_successfully() -> None:
    assert process(Dependency("prepare-data", live=True)) == "wait"
    assert process(Dependency("prepare-data", RunStatus.COMPLETED, NOW + MINUTE)) == "go"
    ready = Dependency("a", RunStatus.COMPLETED, NOW + MINUTE)
    assert readiness([ready, Dependency("b", live=True)], due_at=NOW).verdict == "wait"
    assert readiness([ready, ready], due_at=NOW).verdict == "go"


def test_both_due_in_the_next_cycle_do_not_start_together() -> None:
    started = NOW - 9 * MINUTE
    before = Dependency("prepare-data", RunStatus.COMPLETED, started - MINUTE, live=True)
    assert process(before, last_start=started) == "wait"
    after = Dependency("prepare-data", RunStatus.COMPLETED, NOW + MINUTE)
    assert process(after, last_start=started) == "go"


def test_if_a_dependency_fails_dependents_are_skipped_for_that_cycle() -> None:
    failed = Dependency("prepare-data", RunStatus.ERROR, NOW + MINUTE)
    assert process(failed, last_start=NOW - 9 * MINUTE) == "skip"
    next_cycle = readiness([failed], due_at=NOW + 10 * MINUTE, last_start=NOW - 9 * MINUTE, last_skip=NOW + MINUTE)
    assert next_cycle.verdict == "wait"  # for the run of that cycle, whatever became of the one before


def test_circular_dependencies_are_detected_and_rejected() -> None:
    with pytest.raises(ScheduleRefused, match="prepare-data → process-data → prepare-data"):
        refuse_cycle({"prepare-data": ["process-data"], "process-data": ["prepare-data"]})


def test_dependencies_are_validated_when_adding_tasks() -> None:
    with pytest.raises(ScheduleRefused, match="no schedule 'prepare-data'") as refused:
        refuse_unknown("process-data", ["prepare-data"], ["cleanup-task"])
    assert refused.value.field_name == "depends_on"


def test_three_times_are_three_fires_in_order() -> None:
    times: JSON = ["2026-11-20T15:07:00Z", "2026-11-20T13:07:00Z", "2026-11-20T14:07:00Z"]
    assert next_fires(parse_when({"type": "once", "times": times}), NOW, 9) == [NOW + n * HOUR for n in (1, 2, 3)]
