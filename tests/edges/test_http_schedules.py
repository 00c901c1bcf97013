"""Schedules, the timeline and the rest over HTTP, in S4's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runwright import task
from runwright.api.wire import time_text
from runwright.clock import SECOND
from runwright.model import FirePlan, NewFire
from tests.edges.conftest import JSON_API, Doors, post


async def make(doors: Doors, **attributes: Any) -> dict[str, Any]:
    """POST a schedule; its resource."""
    given = {"name": "nightly", "action_name": "add", "schedule": "@daily", "attributes": {"a": 1}, **attributes}
    answer = await post(doors.operator, "/api/task", "task", given)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def test_the_life_of_a_schedule(doors: Doors) -> None:
    made = await make(doors, label="Every night")
    identity, shown = made["id"], made["attributes"]

    def patch(**attributes: Any) -> Any:
        body = {"data": {"type": "task", "id": identity, "attributes": attributes}}
        return doors.operator.patch(f"/api/task/{identity}", json=body, headers=JSON_API)

    changed = (await patch(schedule="@every 2h", is_active=True)).json()["data"]["attributes"]
    off = (await patch(is_active=False)).json()["data"]["attributes"]
    by_name = (await doors.viewer.get("/api/task/nightly")).json()["data"]
    upcoming = (await doors.viewer.get("/api/task/nightly/next?count=3")).json()["data"]
    fired = await doors.operator.post("/api/task/nightly/fire")
    await doors.manager.wait(fired.json()["data"]["id"], timeout=5)
    gone = await doors.operator.delete("/api/task/nightly")

    assert (shown["schedule"], shown["attributes"], shown["is_active"]) == ("@daily", {"a": 1, "b": 1}, True)
    assert shown["next_run"] and shown["english"]
    assert (changed["schedule"], changed["attributes"]) == ("@every 2h", {"a": 1, "b": 1})
    assert (off["is_active"], off["next_run"]) == (False, None)
    assert by_name["id"] == identity
    assert len(upcoming) == 3
    assert fired.status_code == 202
    assert gone.status_code == 204
    assert (await doors.viewer.get(f"/api/task/{identity}")).status_code == 404


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"schedule": "0 0 30 2 *"}, "/data/attributes/schedule"),
        ({"schedule": "61 * * * *"}, "/data/attributes/schedule"),
        ({"schedule": "2001-01-01T00:00:00Z"}, "/data/attributes/schedule"),
        ({"timezone": "Mars/Olympus"}, "/data/attributes/timezone"),
        ({"attributes": {"a": "x"}}, "/data/attributes/attributes/a"),
        ({"overlap": "sometimes"}, "/data/attributes/overlap"),
        ({"name": "Not A Slug"}, "/data/attributes/name"),
        ({"colour": "red"}, "/data/attributes/colour"),
        ({"depends_on": ["other"]}, "/data/attributes/depends_on"),
    ],
)
async def test_faults_are_named_and_nothing_is_made(doors: Doors, attributes: dict[str, Any], pointer: str) -> None:
    given = {"name": "nightly", "action_name": "add", "schedule": "@daily", "attributes": {"a": 1}, **attributes}
    answer = await post(doors.operator, "/api/task", "task", given)

    assert answer.status_code == 422, answer.text
    assert pointer in {error["source"]["pointer"] for error in answer.json()["errors"]}
    assert (await doors.viewer.get("/api/task")).json()["data"] == []


async def test_a_taken_name_and_an_unknown_task(doors: Doors) -> None:
    await make(doors)
    given = {"name": "nightly", "action_name": "add", "schedule": "@daily", "attributes": {"a": 1}}
    taken = await post(doors.operator, "/api/task", "task", given)
    unbound = await post(doors.operator, "/api/task", "task", {**given, "name": "later", "action_name": "not_here"})

    assert taken.status_code == 409
    assert unbound.status_code == 201
    assert "not_here" in unbound.json()["meta"]["warning"]
    assert unbound.json()["data"]["attributes"]["bound"] is False


async def test_a_preview_says_it_in_english(doors: Doors) -> None:
    good = (await doors.viewer.get("/api/preview?schedule=*/15 9-17 * * mon-fri&timezone=Europe/Berlin")).json()
    bad = await doors.viewer.get("/api/preview?schedule=* * * *")

    assert len(good["data"]["attributes"]["next"]) == 10
    assert "15" in good["data"]["attributes"]["english"]
    assert bad.status_code == 422


async def test_the_timeline_answers_s4s_question(doors: Doors) -> None:
    run = (await doors.start("failing")).json()["data"]["id"]
    await doors.manager.wait(run, timeout=5)
    query = json.dumps([{"column": "event_type", "operator": "is", "value": "task"},
                        {"column": "run", "operator": "is", "value": run}])  # fmt: skip
    events = (await doors.viewer.get("/api/timeline", params={"query": query})).json()["data"]
    bad = await doors.viewer.get("/api/timeline", params={"query": '[{"column": "password", "operator": "is"}]'})

    assert [event["attributes"]["action"] for event in reversed(events)] == ["run.created", "run.started", "run.failed"]
    assert events[-1]["attributes"]["user"] == "the operator"
    assert bad.status_code == 422


async def test_overviews(doors: Doors) -> None:
    definitions = (await doors.viewer.get("/api/definition")).json()
    (worker,) = (await doors.viewer.get("/api/worker")).json()["data"]
    stats = (await doors.viewer.get("/api/stats")).json()["data"]["attributes"]
    metrics = (await doors.viewer.get("/metrics")).text
    health = (await doors.viewer.get("/health")).json()

    assert {"add", "wipe"} <= {each["id"] for each in definitions["data"]}
    assert definitions["meta"]["problems"] == []
    assert worker["attributes"]["lanes"]["async"] >= 1
    assert set(stats) >= {"total_tasks", "enabled_tasks", "running_tasks", "total_runs", "total_errors"}
    assert 'runwright_runs{status="completed"}' in metrics
    assert health == {"status": "ok", "live": True, "store": "ok", "scheduler": "ticking"}


async def test_dependencies_over_http(doors: Doors) -> None:
    await make(doors, name="prepare")
    await make(doors, name="process", depends_on=["prepare"])
    body = {"data": {"type": "task", "attributes": {"depends_on": ["process"]}}}
    cycle = await doors.operator.patch("/api/task/prepare", json=body, headers=JSON_API)
    needed = await doors.operator.delete("/api/task/prepare")

    assert cycle.status_code == 422
    assert cycle.json()["errors"][0]["source"]["pointer"] == "/data/attributes/depends_on"
    assert needed.status_code == 409
    assert "process" in needed.json()["errors"][0]["detail"]


async def test_limits_in_s4s_document(doors: Doors) -> None:
    made = await make(
        doors, misfire_grace="5m", jitter=2, retry={"max_retries": 1, "backoff": "constant"}, excluded=["12-25"],
        blackouts=["sat,sun"], starts_at="2027-01-01T00:00:00+01:00", ends_at="2028-01-01T00:00:00Z",
        schedule={"type": "cron", "cron": "0 2 * * *", "dst_gap": "skip", "dst_fold": "twice"},
    )  # fmt: skip
    shown = made["attributes"]
    bad = await post(doors.operator, "/api/task", "task", {
        "name": "bad", "action_name": "add", "schedule": "@daily", "attributes": {"a": 1}, "excluded": ["never"],
    })  # fmt: skip
    worse = await post(doors.operator, "/api/task", "task", {
        "name": 3, "action_name": "add", "schedule": "@daily", "misfire_grace": "soon", "retry": {"tries": 1},
    })  # fmt: skip

    assert (shown["misfire_grace"], shown["jitter"], shown["retry"]["max_retries"]) == (300, 2, 1)
    assert (shown["starts_at"], shown["ends_at"]) == ("2026-12-31T23:00:00.000000Z", "2028-01-01T00:00:00.000000Z")
    assert (shown["excluded"], shown["blackouts"]) == (["12-25"], ["sat,sun"])
    assert (shown["when"]["dst_gap"], shown["when"]["dst_fold"]) == ("skip", "twice")
    assert [each["source"]["pointer"] for each in bad.json()["errors"]] == ["/data/attributes/excluded/0"]
    pointers = {each["source"]["pointer"].rpartition("/")[2] for each in worse.json()["errors"]}
    assert pointers == {"name", "misfire_grace", "retry"}


async def test_a_range_is_shown_and_backfilled(doors: Doors) -> None:
    await make(doors, schedule="0 * * * *")
    await make(doors, name="dangerous", action_name="wipe", schedule="0 * * * *", attributes={}, confirm=True)
    span = {"from": "2026-01-01T00:00:00Z", "until": "2026-01-01T03:00:00Z"}
    shown = (await doors.viewer.get("/api/task/nightly/next", params=span)).json()["data"]
    half = await doors.viewer.get("/api/task/nightly/next?from=2026-01-01T00:00:00Z")
    plus = await doors.viewer.get("/api/task/nightly/next?from=2026-01-01T00:00:00+00:00&until=2026-01-01T01:00:00Z")
    refused = await doors.viewer.post("/api/task/nightly/backfill", json=span)
    asked = await doors.operator.post("/api/task/dangerous/backfill", json=span)
    many = await doors.operator.post("/api/task/nightly/backfill", json={**span, "until": "2026-03-01T03:00:00Z"})
    missing = await doors.operator.post("/api/task/nightly/backfill", json={"from": span["from"]})
    done = await doors.operator.post("/api/task/nightly/backfill", json=span)
    for run in done.json()["data"]["attributes"]["runs"]:
        await doors.manager.wait(run, timeout=5)
    ledger = (await doors.viewer.get("/api/task/nightly/fires")).json()["data"]

    assert len(shown) == 4
    assert (half.status_code, plus.status_code) == (422, 200)
    assert refused.status_code == 403
    assert (asked.status_code, asked.json()["errors"][0]["code"]) == (422, "confirm_required")
    assert (many.status_code, "1420 due times" in many.json()["errors"][0]["detail"]) == (422, True)
    assert missing.json()["errors"][0]["source"]["pointer"] == "/until"
    assert (done.status_code, done.json()["data"]["attributes"]["due"]) == (202, 4)
    assert [each["attributes"]["outcome"] for each in ledger] == ["late"] * 4


async def test_the_pause_of_all_is_shown_at_every_door(doors: Doors) -> None:
    await make(doors)
    viewer = await doors.viewer.post("/api/pause", json={"reason": "no"})
    bare = await doors.operator.post("/api/pause", json={})
    paused = (await doors.operator.post("/api/pause", json={"reason": "migration"})).json()
    answers = [(await doors.viewer.get(path)).json() for path in ("/api/pause", "/api/task", "/api/stats")]
    metrics = (await doors.viewer.get("/metrics")).text
    resumed = await doors.operator.delete("/api/pause")
    again = await doors.operator.delete("/api/pause")

    assert (viewer.status_code, bare.status_code) == (403, 422)
    found = paused["data"]["attributes"]["paused"]
    assert (found["reason"], found["by"]) == ("migration", "the operator")
    assert answers[0]["data"]["attributes"]["paused"] == found
    assert answers[1]["meta"]["paused"] == found
    assert answers[2]["data"]["attributes"]["paused"] == found
    assert "runwright_schedules_paused 1.0" in metrics
    assert (resumed.status_code, again.status_code) == (204, 409)


async def test_the_file_over_http_is_for_administrators_and_all_or_nothing(doors: Doors) -> None:
    await make(doors)
    forbidden = await doors.operator.get("/api/schedule-file")
    saved = (await doors.admin.get("/api/schedule-file")).json()["data"]["attributes"]["schedules"]
    good, bad = {**saved[0], "label": "new"}, {**saved[0], "name": "bad", "schedule": "nonsense"}
    refused = await doors.admin.put("/api/schedule-file", json={"schedules": [good, bad]})
    kept = (await doors.viewer.get("/api/task/nightly")).json()["data"]["attributes"]["label"]
    loaded = await doors.admin.put("/api/schedule-file", json={"schedules": [good]})

    assert forbidden.status_code == 403
    assert (refused.status_code, kept) == (422, "")
    assert [each["attributes"]["label"] for each in loaded.json()["data"]] == ["new"]


async def test_reset_of_what_people_made_is_a_conflict(doors: Doors) -> None:
    await make(doors)
    assert (await doors.operator.post("/api/task/nightly/reset")).status_code == 409
    assert (await doors.operator.post("/api/task/nothing/reset")).status_code == 404


async def test_a_fire_asks_for_the_confirmation_of_a_dangerous_task(doors: Doors) -> None:
    await make(doors, action_name="wipe", attributes={}, confirm=True)
    asked = await doors.operator.post("/api/task/nightly/fire")
    fired = await doors.operator.post("/api/task/nightly/fire", json={"confirm": True})
    enable = {"data": {"type": "task", "attributes": {"is_active": True}}}
    off = {"data": {"type": "task", "attributes": {"is_active": False}}}
    await doors.operator.patch("/api/task/nightly", json=off, headers=JSON_API)
    unconfirmed = await doors.operator.patch("/api/task/nightly", json=enable, headers=JSON_API)

    assert (asked.status_code, "Deletes everything." in asked.text, fired.status_code) == (422, True, 202)
    assert unconfirmed.status_code == 422


async def test_the_entity_is_the_one_that_the_task_works_on(doors: Doors) -> None:
    @task(entity="report")
    async def on_reports() -> None: ...

    doors.manager.register(on_reports)
    given = {"name": "a", "action_name": "on_reports", "schedule": "@daily"}
    wrong = await post(doors.operator, "/api/task", "task", {**given, "entity_name": "world"})
    right = await post(doors.operator, "/api/task", "task", {**given, "entity_name": "report"})

    assert (wrong.status_code, right.status_code) == (422, 201)
    assert wrong.json()["errors"][0]["source"]["pointer"] == "/data/attributes/entity_name"


async def test_a_span_of_the_ledger_tells_its_first_its_last_and_its_number(doors: Doors) -> None:
    made = await make(doors)
    store = doors.manager.control.schedules._store
    schedule = await store.schedule(made["id"])
    assert schedule is not None
    for number in range(3):
        due = schedule.cursor_at + (number + 1) * SECOND
        fires = (NewFire(due, "held", "paused"),)
        plan = FirePlan(schedule.id, schedule.version + number, fires, due, schedule.next_due_at)
        assert await store.fire([plan]) == [True]
    ((ledger,), (event,)) = [
        (await doors.viewer.get(path)).json()["data"]
        for path in (
            "/api/task/nightly/fires",
            '/api/timeline?query=[{"column":"action","operator":"is","value":"schedule.held"}]',
        )
    ]
    first, last = time_text(schedule.cursor_at + SECOND), time_text(schedule.cursor_at + 3 * SECOND)
    shown, detail = ledger["attributes"], event["attributes"]["detail"]
    assert (shown["outcome"], shown["count"], shown["due_at"], shown["last_due_at"]) == ("held", 3, first, last)
    assert detail == {"reason": "paused", "count": 3, "due_at": first, "last_due_at": last}
