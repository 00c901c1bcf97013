"""Every lifecycle event has its name on the timeline; statements and migrations are whole."""

from __future__ import annotations

from runwright.lifecycle import TRANSITIONS
from runwright.store import migrate, sql
from runwright.store.actions import Action, action_of


def test_every_change_of_a_status_has_an_action() -> None:
    named = {action_of(event, after) for (before, event), after in TRANSITIONS.items() if after is not before}
    assert all(action.startswith("run.") for action in named)
    told_otherwise = {Action.RUN_CREATED, Action.RUN_DELETED, Action.PAUSE_REQUESTED}
    assert named | told_otherwise == {action for action in Action if action.startswith("run.")}


def test_placeholders_are_numbered_for_each_dialect() -> None:
    sqlite, postgres = sql.load("sqlite"), sql.load("postgres")
    assert "?1" in sqlite["run_exists"]
    assert "$1" in postgres["run_exists"]
    assert not any("--" in statement or "\n" in statement for statement in sqlite.values())
    assert "?1" in sqlite["fire_insert"]
    assert sqlite["turn_read"].endswith("IN (SELECT value FROM json_each(?1))")
    assert postgres["turn_read"].endswith("= ANY($1::bigint[]) ORDER BY key FOR UPDATE")
    assert "schedule_advance" in sqlite


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.number for step in migrate.migrations("sqlite")] == list(
        range(1, len(migrate.migrations("sqlite")) + 1)
    )
