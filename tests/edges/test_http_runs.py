"""Runs over HTTP: the main way, every refusal, and bodies that nobody should send."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from runwright import RunContext, RunStatus, task
from tests.edges.conftest import JSON_API, Doors, post


async def test_start_answers_202_and_the_run_is_followed_to_its_result(doors: Doors) -> None:
    answer = await doors.start("add", {"a": 2, "b": 3})
    run = answer.json()["data"]
    await doors.manager.wait(run["id"], timeout=5)
    ended = (await doors.viewer.get(answer.headers["location"])).json()["data"]

    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/vnd.api+json"
    assert ended["attributes"]["status"] == "completed"
    assert ended["attributes"]["result"] == 5
    assert ended["attributes"]["arguments"] == {"a": 2, "b": 3}
    assert ended["attributes"]["actions"] == ["restart", "delete"]


async def test_all_faults_of_the_arguments_at_once_with_pointers(doors: Doors) -> None:
    answer = await doors.start("add", {"a": "x", "c": 1})
    errors = answer.json()["errors"]

    assert answer.status_code == 422
    assert {"/data/attributes/arguments/a", "/data/attributes/arguments/c"} == {
        error["source"]["pointer"] for error in errors
    }
    assert (await doors.viewer.get("/api/run")).json()["data"] == []


@pytest.mark.parametrize("arguments", [[2, 3], {"args": [2, 3]}, {"args": [2], "b": 3}])
async def test_arguments_by_position(doors: Doors, arguments: Any) -> None:
    started = await doors.start("add", arguments)
    assert started.json()["data"]["attributes"]["arguments"] == {"a": 2, "b": 3}
    ended = await doors.operator.post("/admin/task/add/run", json=arguments)
    assert ended.json()["data"]["attributes"]["result"] == 5


async def test_too_many_arguments_by_position(doors: Doors) -> None:
    for answer in (await doors.start("add", [1, 2, 3]), await doors.start("add", {"args": [1, 2, 3]})):
        (error,) = answer.json()["errors"]
        assert answer.status_code == 422
        assert error["detail"] == "3 values are given by position, and the task takes 2"
        assert error["source"]["pointer"] == "/data/attributes/arguments"


async def test_danger_wants_to_be_confirmed(doors: Doors) -> None:
    refused = await doors.start("wipe")
    accepted = await doors.start("wipe", confirm=True)

    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["code"]) == (422, "confirm_required")
    assert "Deletes everything." in error["detail"]
    assert accepted.status_code == 202


async def test_commands_and_their_refusals(doors: Doors) -> None:
    """404 for what is not there, 409 for the wrong state, 202 and 204 for what was done."""
    run = (await doors.start("waiting")).json()["data"]["id"]
    unknown = "01a00000-0000-7000-8000-000000000000"
    codes = {
        "restart": (await doors.operator.post(f"/api/run/{run}/restart")).status_code,
        "delete": (await doors.operator.delete(f"/api/run/{run}")).status_code,
        "cancel": (await doors.operator.post(f"/api/run/{run}/cancel")).status_code,
        "unknown": (await doors.operator.post(f"/api/run/{unknown}/cancel")).status_code,
        "unknown task": (await doors.start("nothing")).status_code,
    }
    await doors.manager.wait(run, timeout=5)
    again = await doors.operator.post(f"/api/run/{run}/cancel")
    deleted = await doors.operator.delete(f"/api/run/{run}")

    assert codes == {"restart": 409, "delete": 409, "cancel": 202, "unknown": 404, "unknown task": 404}
    assert again.status_code == 409
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await doors.viewer.get(f"/api/run/{run}")).status_code == 404


async def test_the_same_idempotency_key_is_the_same_run(doors: Doors) -> None:
    def send(a: int) -> Any:
        body = {"data": {"type": "run", "attributes": {"definition": "add", "arguments": {"a": a}}}}
        return doors.operator.post("/api/run", json=body, headers={**JSON_API, "idempotency-key": "once"})

    first, second, other = await send(1), await send(1), await send(2)

    assert first.json()["data"]["id"] == second.json()["data"]["id"]
    assert other.status_code == 422


async def test_lists_go_on_from_their_cursor_and_keep_what_was_asked(doors: Doors) -> None:
    ids = [(await doors.start("add", {"a": number})).json()["data"]["id"] for number in range(7)]
    found, path = [], "/api/run?filter[definition]=add&page[size]=3"
    while path:
        page = (await doors.viewer.get(path)).json()
        found += [run["id"] for run in page["data"]]
        path = page["links"]["next"]
        assert path is None or "filter[definition]=add" in path

    assert found == ids[::-1]


@pytest.mark.parametrize("query", ["foo=1", "page[size]=0", "page[size]=1000", "page[size]=x", "filter[status]=asleep",
                                   "sort=name", "page[after]=%00", "page[size]=1&page[size]=2"])  # fmt: skip
async def test_questions_that_mean_nothing_are_refused(doors: Doors, query: str) -> None:
    answer = await doors.viewer.get(f"/api/run?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["source"]["pointer"]


async def test_restart_with_other_arguments(doors: Doors) -> None:
    run = (await doors.start("add", {"a": 1, "b": 2})).json()["data"]["id"]
    await doors.manager.wait(run, timeout=5)
    path = f"/api/run/{run}/restart"
    answer = await doors.operator.post(path, json={"arguments": {"b": 10}})
    ended = await doors.manager.wait(run, timeout=5)

    assert (answer.status_code, answer.json()["data"]["id"]) == (202, run)
    assert (ended.result, ended.arguments, ended.attempt) == (11, {"a": 1, "b": 10}, 2)
    bad = await doors.operator.post(path, json={"arguments": {"b": "ten", "c": 1}})
    assert {each["source"]["pointer"] for each in bad.json()["errors"]} == {"/arguments/b", "/arguments/c"}
    assert (await doors.operator.post(path, json={"argument": {}})).status_code == 422
    assert (await doors.operator.post("/api/run/nobody/restart", json={"arguments": {"a": 1}})).status_code == 404
    assert (await doors.viewer.post(path, json={"arguments": {"a": 1}})).status_code == 403
    assert (await doors.manager.get(run)).attempt == 2


async def test_restart_with_other_arguments_keeps_secrets_and_asks_about_danger(doors: Doors) -> None:
    run = (await doors.start("secret", {"password": "correct horse"})).json()["data"]["id"]
    await doors.manager.wait(run, timeout=5)
    for given, length in (({"password": "longer than before"}, 18), ({}, 18)):
        await doors.operator.post(f"/api/run/{run}/restart", json={"arguments": given})
        assert (await doors.manager.wait(run, timeout=5)).result == length
    mask = await doors.operator.post(f"/api/run/{run}/restart", json={"arguments": {"password": "••••••"}})
    assert mask.status_code == 422
    dangerous = (await doors.start("wipe", confirm=True)).json()["data"]["id"]
    await doors.manager.wait(dangerous, timeout=5)
    path, changes = f"/api/run/{dangerous}/restart", {"arguments": {"what": "all"}}
    assert "Deletes everything." in (await doors.operator.post(path, json=changes)).json()["errors"][0]["detail"]
    assert (await doors.operator.post(path, json={**changes, "confirm": True})).status_code == 202
    assert (await doors.manager.wait(dangerous, timeout=5)).result == "all"


async def test_bulk_answers_for_each(doors: Doors) -> None:
    run = (await doors.start("add", {"a": 1})).json()["data"]["id"]
    await doors.manager.wait(run, timeout=5)
    answer = await doors.operator.post("/api/run/bulk", json={"action": "delete", "ids": [run, "nobody"]})

    assert [(each["id"], each["meta"]["status"]) for each in answer.json()["data"]] == [(run, 200), ("nobody", 404)]


async def test_bulk_takes_ids_or_a_filter_and_not_both(doors: Doors) -> None:
    given = {"action": "delete", "ids": ["nobody"], "filter": {"status": "completed"}}
    answer = await doors.operator.post("/api/run/bulk", json=given)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["source"]["pointer"] == "/ids"


async def test_bulk_on_a_filter_answers_for_each_and_says_if_there_are_more(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = (await doors.start("add", {"a": 1})).json()["data"]["id"]
    await doors.manager.wait(done, timeout=5)
    walkers = [(await doors.start("waiting")).json()["data"]["id"] for _ in range(2)]
    for run in walkers:
        while (await doors.manager.get(run)).status is not RunStatus.RUNNING:
            await asyncio.sleep(0.005)

    async def bulk(action: str, **chosen: Any) -> tuple[dict[str, int], bool]:
        document = (await doors.operator.post("/api/run/bulk", json={"action": action, **chosen})).json()
        return {each["id"]: each["meta"]["status"] for each in document["data"]}, document["meta"]["more"]

    assert await bulk("pause", filter={}) == ({done: 409, **dict.fromkeys(walkers, 200)}, False)
    assert await bulk("resume", filter={"definition": "waiting"}) == (dict.fromkeys(walkers, 200), False)
    assert await bulk("cancel", filter={"definition": "waiting"}) == (dict.fromkeys(walkers, 200), False)
    for run in walkers:
        await doors.manager.wait(run, timeout=5)
    assert await bulk("restart", filter={"status": "completed"}) == ({done: 200}, False)
    await doors.manager.wait(done, timeout=5)
    assert (await bulk("pause", ids=["nobody"]))[0] == {"nobody": 404}
    monkeypatch.setattr("runwright.api.runs.BULK_LIMIT", 2)
    answered, more = await bulk("delete", filter={})
    assert (set(answered.values()), len(answered), more) == ({200}, 2, True)
    mistakes: list[dict[str, Any]] = [{"action": "explode", "filter": {}}, {"action": "cancel"}, {"filter": {}}]
    for wrong in mistakes:
        assert (await doors.operator.post("/api/run/bulk", json=wrong)).status_code == 422
    assert (await doors.viewer.post("/api/run/bulk", json={"action": "cancel", "filter": {}})).status_code == 403


async def test_the_log_waits_for_more_and_comes_as_text(doors: Doors) -> None:
    run = (await doors.start("chatty", {"lines": 3})).json()["data"]["id"]
    await doors.manager.wait(run, timeout=5)
    log = (await doors.viewer.get(f"/api/run/{run}/log?wait=5")).json()["data"]["attributes"]
    text = (await doors.viewer.get(f"/api/run/{run}/log?format=text")).text
    rest = (await doors.viewer.get(f"/api/run/{run}/log?after={log['last']}&wait=1")).json()["data"]["attributes"]

    assert [line["text"] for line in log["lines"]] == ["line 0", "line 1", "line 2"]
    assert text.count("\n") == 3
    assert (rest["lines"], rest["complete"]) == ([], True)


async def test_an_error_is_shown_with_its_traceback(doors: Doors) -> None:
    run = (await doors.start("failing")).json()["data"]["id"]
    await doors.manager.wait(run, timeout=5)
    error = (await doors.viewer.get(f"/api/run/{run}")).json()["data"]["attributes"]["error"]
    (attempt,) = (await doors.viewer.get(f"/api/run/{run}/attempts")).json()["data"]

    assert (error["kind"], error["message"]) == ("ValueError", "on purpose")
    assert "in failing" in error["traceback"]
    assert attempt["attributes"]["status"] == "error"


async def test_secrets_are_masked_everywhere(doors: Doors) -> None:
    run = (await doors.start("secret", {"password": "correct horse"})).json()["data"]["id"]
    await doors.manager.wait(run, timeout=5)
    paths = [f"/api/run/{run}", "/api/run", f"/api/run/{run}/log", f"/api/run/{run}/attempts", "/api/timeline",
             "/api/definition/secret"]  # fmt: skip
    answers = [(await doors.admin.get(path)).text for path in paths]

    assert not any("correct horse" in answer for answer in answers)
    assert "••••••" in answers[0]
    assert (await doors.start("secret", {"password": "••••••"})).status_code == 422


async def test_the_admin_routes_take_json_and_forms(doors: Doors) -> None:
    ran = await doors.operator.post("/admin/task/add/run", json={"a": 20, "b": 22})
    form = await doors.operator.post("/admin/task/add/run", data={"a": "1", "b": "2"})
    failed = await doors.operator.post("/admin/task/failing/run")
    started = await doors.operator.post("/admin/task/wipe/start?confirm=true", json={})
    effect = await doors.operator.get("/admin/task/add/run")

    assert (ran.status_code, ran.json()["data"]["attributes"]["result"]) == (200, 42)
    assert form.json()["data"]["attributes"]["result"] == 3
    assert (failed.status_code, failed.json()["data"]["attributes"]["status"]) == (200, "error")
    assert (started.status_code, "location" in started.headers) == (202, True)
    assert effect.status_code == 405


BAD = [
    b"", b"null", b"true", b"[]", b"{", b'{"data": 1}', b'{"data": {"type": "runs"}}', b'{"data": {"type": "run"}}',
    b'{"a": NaN}', b'{"a": 1e999}', b'{"a": 1, "a": 2}', b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b"\xff\xfe",
    b"[" * 100_000, b'{"a":' * 1000, b'{"a": ' + b"9" * 5000 + b"}", b'{"data": {"type": "run", "attributes": []}}',
    b'{"data": {"type": "run", "attributes": {"definition": 1}}}',
    b'{"data": {"type": "run", "attributes": {"definition": "add", "arguments": []}}}',
    b'{"data": {"type": "run", "attributes": {"definition": "add", "priority": "high"}}}',
    b'{"data": {"type": "run", "attributes": {"definition": "add", "priority": 1e30}}}',
    b'{"data": {"type": "run", "attributes": {"definition": "add", "run_at": "tomorrow"}}}',
    b'{"data": {"type": "run", "attributes": {"definition": "add", "as_user": "root"}}}',
]  # fmt: skip


@pytest.mark.parametrize("path", ["/api/run", "/api/task", "/api/run/bulk", "/admin/task/add/start", "/api/session"])
async def test_bad_bodies_are_refused_with_a_document(doors: Doors, path: str) -> None:
    for body in BAD:
        answer = await doors.admin.post(path, content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, (path, body[:60], answer.status_code)
        (error, *_) = answer.json()["errors"]
        assert error["detail"] and error["code"]


async def test_random_bodies_never_break_the_server(doors: Doors) -> None:
    """Fixed seed: documents with something wrong somewhere, or by chance nothing."""
    rng = random.Random(7)
    junk: list[Any] = [
        None,
        True,
        -1,
        2**63,
        1.5,
        "",
        "x" * 300,
        "@daily",
        [],
        {},
        [[]],
        {"a": 1},
        "2027-01-01T00:00:00Z",
    ]
    names = ["name", "schedule", "when", "action_name", "attributes", "is_active", "priority", "timezone", "overlap",
             "definition", "arguments", "run_at", "confirm", "misfire_grace", "jitter", "catch_up"]  # fmt: skip
    for number in range(300):
        attributes = {rng.choice(names): rng.choice(junk) for _ in range(rng.randrange(6))}
        if rng.random() < 0.5:
            attributes |= {"name": f"s{number}", "action_name": "add", "schedule": rng.choice(["@daily", "x", "* * *"])}
        kind = rng.choice(["run", "task"])
        answer = await post(doors.admin, f"/api/{kind}", kind, attributes)
        assert answer.status_code < 500, (attributes, answer.text)
        assert answer.status_code < 300 or answer.json()["errors"]


async def test_sizes_and_types(doors: Doors) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b"x" * 65536

    large = await doors.admin.post("/api/run", content=b"x" * (2 * 1024 * 1024), headers=JSON_API)
    chunked = await doors.admin.post("/api/run", content=chunks(), headers=JSON_API)
    wrong = await doors.admin.post("/api/run", content=b"<run/>", headers={"content-type": "text/xml"})

    assert [large.status_code, chunked.status_code, wrong.status_code] == [413, 413, 415]
    assert json.loads(wrong.text)["errors"][0]["code"] == "unsupported_media_type"


async def test_a_full_disk_is_503_and_goes_on_when_there_is_room(doors: Doors) -> None:
    """SQLite's own limit stands in for the disk: nothing is half-written, and nothing has to be restarted."""
    connection = doors.manager.store._connection  # type: ignore[attr-defined]  # the only way to fill a store by itself
    room = connection.pragma("max_page_count")
    connection.pragma("max_page_count", connection.pragma("page_count"))
    refused = None
    for number in range(200):
        answer = await doors.start("add", {"a": number, "b": 1}, tags=[f"{n}{'x' * 240}" for n in range(20)])
        if answer.status_code == 503:
            refused = answer
            break
    ready = await doors.anonymous.get("/health/ready")
    connection.pragma("max_page_count", room)
    accepted = await doors.start("add", {"a": 1, "b": 1})
    ended = await doors.manager.wait(accepted.json()["data"]["id"], timeout=10)

    assert refused is not None
    assert (refused.headers["retry-after"], refused.json()["errors"][0]["code"]) == ("5", "store_unavailable")
    assert ready.status_code in (200, 503)
    assert (accepted.status_code, ended.result) == (202, 2)
    assert connection.pragma("integrity_check") == "ok"


async def test_a_run_is_not_said_to_run_again_that_a_live_one_is_unique_with(doors: Doors) -> None:
    @task(unique="{a}")
    async def once(a: int, run: RunContext) -> None:
        while True:
            await run.checkpoint()
            await asyncio.sleep(0.005)

    doors.manager.register(once)
    first = (await doors.start("once", {"a": 1})).json()["data"]["id"]
    await doors.operator.post(f"/api/run/{first}/cancel")
    await doors.manager.wait(first, timeout=5)
    second = (await doors.start("once", {"a": 1})).json()["data"]["id"]
    alone = await doors.operator.post(f"/api/run/{first}/restart")
    many = await doors.operator.post("/api/run/bulk", json={"action": "restart", "ids": [first]})

    assert second != first
    assert alone.status_code == 409
    assert [each["meta"]["status"] for each in many.json()["data"]] == [409]
    assert (await doors.manager.get(first)).status == "cancelled"
