"""Services over HTTP: what is told of them, the commands, and what they refuse."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from runwright import RunContext, task
from tests.edges.conftest import JSON_API, Doors, post
from tests.edges.test_http_schedules import make

SERVICE = {"name": "kept", "action_name": "waiting", "schedule": "@always", "attributes": {}}


async def show(doors: Doors, name: str = "kept") -> dict[str, Any]:
    """The attributes of a service."""
    answer = await doors.viewer.get(f"/api/service/{name}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"]["attributes"])


async def come_to(doors: Doors, state: str, name: str = "kept") -> dict[str, Any]:
    """The attributes of a service, once it has this state."""
    async with asyncio.timeout(10):
        while (shown := await show(doors, name))["state"] != state:
            await asyncio.sleep(0.01)
    return shown


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


async def test_services_are_listed_and_shown(doors: Doors) -> None:
    assert (await doors.viewer.get("/api/service")).json()["data"] == []
    made = await make(doors, **SERVICE, label="Kept going")
    await make(doors)
    shown = await come_to(doors, "running")
    (listed,) = (await doors.viewer.get("/api/service")).json()["data"]
    by_id = (await doors.viewer.get(f"/api/service/{made['id']}")).json()["data"]

    assert (listed["type"], listed["id"], by_id["id"]) == ("service", made["id"], made["id"])
    assert listed["attributes"]["name"] == "kept"
    assert (shown["label"], shown["action_name"], shown["is_active"]) == ("Kept going", "waiting", True)
    assert (shown["restart"], shown["restarts"], shown["unbound"], shown["next_start"]) == (None, 0, None, None)
    assert (shown["run"]["status"], shown["run"]["definition"]) == ("running", "waiting")
    assert shown["run"]["schedule"] == made["id"]
    assert shown["uptime"] >= 0
    assert {"cpu_seconds", "memory_bytes", "measured_at", "run_count", "error_count", "last_error"} <= set(shown)


async def test_a_service_is_stopped_started_and_restarted(doors: Doors) -> None:
    await make(doors, **SERVICE)
    first = (await come_to(doors, "running"))["run"]["id"]
    running = await doors.operator.post("/api/service/kept/start")
    restarted = await doors.operator.post("/api/service/kept/restart")
    async with asyncio.timeout(10):
        while (second := (await come_to(doors, "running"))["run"]["id"]) == first:
            await asyncio.sleep(0.01)
    stopped = await doors.operator.post("/api/service/kept/stop")
    after = await come_to(doors, "stopped")
    again = await doors.operator.post("/api/service/kept/stop")
    started = await doors.operator.post("/api/service/kept/start")
    third = (await come_to(doors, "running"))["run"]["id"]
    statuses = [(await doors.manager.get(run)).status for run in (first, second, third)]

    assert code_of(running) == (409, "conflict")
    assert (restarted.status_code, restarted.json()["data"]["type"]) == (200, "service")
    assert (stopped.status_code, stopped.json()["data"]["attributes"]["is_active"]) == (200, False)
    assert stopped.json()["data"]["attributes"]["state"] in ("stopping", "stopped")
    assert (after["run"], after["uptime"], after["is_active"]) == (None, None, False)
    assert code_of(again) == (409, "conflict")
    assert (started.status_code, started.json()["data"]["attributes"]["is_active"]) == (200, True)
    assert statuses == ["cancelled", "cancelled", "running"]
    assert (await doors.operator.post("/api/service/kept/stop")).status_code == 200
    await come_to(doors, "stopped")
    assert (await doors.operator.post("/api/service/kept/restart")).status_code == 200
    await come_to(doors, "running")


async def test_one_that_fails_waits_and_gives_up(doors: Doors) -> None:
    policy = {"max_retries": 1, "delay": 600, "backoff": "constant"}
    await make(doors, **{**SERVICE, "action_name": "failing"}, retry=policy)
    await make(doors, **{**SERVICE, "name": "hopeless", "action_name": "failing"}, retry={"max_retries": 0})
    waits, failed = await come_to(doors, "restarting"), await come_to(doors, "failed", "hopeless")
    events = (await doors.viewer.get("/api/timeline")).json()["data"]

    assert (waits["restarts"], waits["last_error"], waits["run"]) == (1, "on purpose", None)
    assert (waits["next_start"] is not None, waits["run_count"]) == (True, 1)
    assert (failed["is_active"], failed["last_status"], failed["next_start"]) == (False, "error", None)
    assert {"service.restarting", "service.gave_up"} <= {event["attributes"]["action"] for event in events}


@pytest.mark.parametrize("name", ["nightly", "nothing"])
async def test_what_is_no_service_is_not_there(doors: Doors, name: str) -> None:
    await make(doors)
    answers = [await doors.operator.get(f"/api/service/{name}")]
    for verb in ("start", "stop", "restart"):
        answers.append(await doors.operator.post(f"/api/service/{name}/{verb}"))
    assert [code_of(answer) for answer in answers] == [(404, "not_found")] * 4


async def test_who_may_only_look_gives_no_commands(doors: Doors) -> None:
    await make(doors, **SERVICE)
    await come_to(doors, "running")
    assert (await doors.viewer.get("/api/service")).status_code == 200
    assert (await doors.anonymous.get("/api/service")).status_code == 401
    for verb in ("start", "stop", "restart"):
        assert (await doors.viewer.post(f"/api/service/kept/{verb}")).status_code == 403
        assert (await doors.anonymous.post(f"/api/service/kept/{verb}")).status_code == 401
    assert (await show(doors))["state"] == "running"


async def test_a_dangerous_service_is_started_only_when_that_is_confirmed(doors: Doors) -> None:
    dangerous = {**SERVICE, "action_name": "wipe"}
    asked = await post(doors.operator, "/api/task", "task", dangerous)
    await make(doors, **dangerous, is_active=False, confirm=True)
    refused = [await doors.operator.post(f"/api/service/kept/{verb}", json={}) for verb in ("start", "restart")]
    started = await doors.operator.post("/api/service/kept/start", json={"confirm": True})

    assert [code_of(answer) for answer in (asked, *refused)] == [(422, "confirm_required")] * 3
    assert (started.status_code, started.json()["data"]["attributes"]["is_active"]) == (200, True)


@pytest.mark.parametrize(
    ("verb", "body", "pointer"),
    [
        ("start", {"confirm": "yes"}, "/confirm"),
        ("restart", {"force": True}, "/force"),
        ("stop", {"confirm": True}, "/confirm"),
    ],
)
async def test_a_bad_body_is_refused_with_its_field(
    doors: Doors, verb: str, body: dict[str, Any], pointer: str
) -> None:
    await make(doors, **SERVICE)
    answer = await doors.operator.post(f"/api/service/kept/{verb}", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["source"]["pointer"]) == (422, pointer)
    assert (await doors.viewer.get("/api/service?colour=red")).status_code == 422


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("overlap", "allow"),
        ("overlap", "cancel_running"),
        ("catch_up", "all"),
        ("misfire_grace", 60),
        ("jitter", 5),
        ("depends_on", ["nightly"]),
        ("starts_at", "2100-01-01T00:00:00Z"),
        ("ends_at", "2100-01-01T00:00:00Z"),
        ("excluded", ["sat,sun"]),
        ("blackouts", ["sat,sun"]),
    ],
)
async def test_what_does_not_go_with_always_is_refused_by_its_field(doors: Doors, field: str, value: object) -> None:
    await make(doors)
    new = await post(doors.operator, "/api/task", "task", {**SERVICE, field: value})
    await make(doors, **SERVICE)
    body = {"data": {"type": "task", "attributes": {field: value}}}
    edited = await doors.operator.patch("/api/task/kept", json=body, headers=JSON_API)

    for answer in (new, edited):
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["source"]["pointer"]) == (422, f"/data/attributes/{field}")
        assert "@always" in error["detail"]


@pytest.mark.parametrize(
    "when",
    [{"type": "always", "restart": "sometimes"}, {"type": "always", "seconds": 5}, {"type": "always", "restart": 1}],
)
async def test_a_malformed_policy_of_restarts_is_refused(doors: Doors, when: dict[str, Any]) -> None:
    answer = await post(doors.operator, "/api/task", "task", {**SERVICE, "schedule": when})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["source"]["pointer"].startswith("/data/attributes/schedule")


async def test_a_service_is_not_fired_by_hand(doors: Doors) -> None:
    await make(doors, **SERVICE)
    fired = await doors.operator.post("/api/task/kept/fire")
    span = {"from": "2026-01-01T00:00:00Z", "until": "2026-01-01T03:00:00Z"}
    filled = await doors.operator.post("/api/task/kept/backfill", json=span)
    upcoming = await doors.viewer.get("/api/task/kept/next")
    preview = (await doors.viewer.get("/api/preview?schedule=@always")).json()["data"]["attributes"]

    for answer in (fired, filled):
        assert code_of(answer) == (409, "conflict")
        assert "start, stop or restart" in answer.json()["errors"][0]["detail"]
    assert (upcoming.status_code, upcoming.json()["data"]) == (200, [])
    assert (preview["english"], preview["next"]) == ("Always: one is kept running", [])


async def test_the_task_of_a_service_is_not_run_by_hand_and_says_that_it_is_one(doors: Doors) -> None:
    @task(schedule="@always")
    async def listener(run: RunContext) -> None: ...

    doors.manager.register(listener)
    refused = await doors.start("listener")
    timed = await post(
        doors.operator, "/api/task", "task", {**SERVICE, "action_name": "listener", "schedule": "@daily"}
    )
    always = await post(doors.operator, "/api/task", "task", {**SERVICE, "action_name": "listener"})
    body = {"data": {"type": "task", "attributes": {"schedule": "@daily"}}}
    edited = await doors.operator.patch("/api/task/kept", json=body, headers=JSON_API)
    shown = (await doors.viewer.get("/api/definition/listener")).json()["data"]["attributes"]
    other = (await doors.viewer.get("/api/definition/add")).json()["data"]["attributes"]

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["source"]["pointer"] == "/data/attributes/definition"
    assert always.status_code == 201
    for answer in (timed, edited):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["source"]["pointer"] == "/data/attributes/schedule"
    assert (shown["service"], shown["mode"], shown["timeout"], other["service"]) == (True, "async", None, False)


async def test_a_run_of_a_service_is_not_run_again_by_itself(doors: Doors) -> None:
    await make(doors, **SERVICE)
    run = (await come_to(doors, "running"))["run"]["id"]
    cancelled = await doors.operator.post(f"/api/run/{run}/cancel")
    stopped = await come_to(doors, "stopped")
    again = await doors.operator.post(f"/api/run/{run}/restart")
    other = await doors.operator.post(f"/api/run/{run}/restart", json={"arguments": {}})
    actions = (await doors.viewer.get(f"/api/run/{run}")).json()["data"]["attributes"]["actions"]

    assert cancelled.status_code in (200, 202)
    assert (stopped["is_active"], stopped["run"]) == (False, None)
    assert (again.status_code, other.status_code) == (409, 409)
    assert actions == ["delete"]


@pytest.mark.parametrize("change", [{"is_active": False}, {"schedule": "@daily"}, "file", "deletion"])
async def test_whatever_takes_its_schedule_away_tells_it_to_end(doors: Doors, change: Any) -> None:
    await make(doors, **SERVICE)
    run = (await come_to(doors, "running"))["run"]["id"]
    if change == "file":
        (kept,) = (await doors.admin.get("/api/schedule-file")).json()["data"]["attributes"]["schedules"]
        changed = await doors.admin.put("/api/schedule-file", json={"schedules": [{**kept, "is_active": False}]})
    elif change == "deletion":
        changed = await doors.operator.delete("/api/task/kept")
    else:
        body = {"data": {"type": "task", "attributes": change}}
        changed = await doors.operator.patch("/api/task/kept", json=body, headers=JSON_API)

    assert changed.status_code < 300, changed.text
    assert (await doors.manager.wait(run, timeout=10)).status == "cancelled"


async def test_an_edit_that_keeps_it_a_service_leaves_it_running(doors: Doors) -> None:
    await make(doors, **SERVICE)
    run = (await come_to(doors, "running"))["run"]["id"]
    body = {
        "data": {"type": "task", "attributes": {"schedule": {"type": "always", "restart": "never"}, "label": "Kept"}}
    }
    changed = await doors.operator.patch("/api/task/kept", json=body, headers=JSON_API)
    shown = await show(doors)

    assert changed.status_code == 200
    assert (shown["restart"], shown["label"], shown["state"]) == ("never", "Kept", "running")
    assert (shown["run"]["id"], shown["run"]["status"]) == (run, "running")


async def test_the_description_has_the_routes(doors: Doors) -> None:
    paths = (await doors.viewer.get("/api/openapi.json")).json()["paths"]
    found = {path: sorted(verbs) for path, verbs in paths.items() if path.startswith("/api/service")}
    assert found == {
        "/api/service": ["get"],
        "/api/service/{name}": ["get"],
        "/api/service/{name}/start": ["post"],
        "/api/service/{name}/stop": ["post"],
        "/api/service/{name}/restart": ["post"],
    }


async def test_a_declaration_that_says_always_no_more_tells_it_to_end(doors: Doors) -> None:
    async def listen(run: RunContext) -> None:
        while True:
            await run.checkpoint()
            await asyncio.sleep(0.005)

    doors.manager.register(task(name="listener", schedule="@always")(listen))
    async with asyncio.timeout(10):
        while not (await doors.viewer.get("/api/service")).json()["data"]:
            await asyncio.sleep(0.01)
    run = (await come_to(doors, "running", "listener"))["run"]["id"]
    doors.manager.register(task(name="listener", schedule="@daily")(listen), replace=True)
    assert (await doors.manager.wait(run, timeout=10)).status == "cancelled"
    assert (await doors.viewer.get("/api/task/listener")).json()["data"]["attributes"]["schedule"] == "@daily"
