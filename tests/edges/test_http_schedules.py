"""Schedules, the timeline and the rest over HTTP, in S4's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
        ({"timezone": "Mars/Olympus"}, "/data/attributes/schedule"),
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
