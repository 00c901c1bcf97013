"""A page in a process without the task folder, beside processes that have it: what it knows, and what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from pydantic import Field

from runwright import Settings, TaskManager, task
from runwright.errors import NotHere
from runwright.model import SYSTEM, Role

JSON_API = {"content-type": "application/vnd.api+json"}


@task(title="Quick work", danger="It is quick.", tags=["fast"], priority=70, max_concurrent=2)
async def quick(count: Annotated[int, Field(ge=1, title="How many")] = 1) -> int:
    return count


changed = task(name="quick")(lambda count, more=2: None)

Beside = Callable[..., Awaitable[TaskManager]]


@pytest.fixture
async def beside(tmp_path: Path) -> AsyncIterator[Beside]:
    """Open one more process's manager on the same store."""
    async with AsyncExitStack() as stack:

        async def opened(tasks: Any = (), roles: tuple[str, ...] = ()) -> TaskManager:
            settings = Settings(store=f"sqlite:///{tmp_path / 'edges.db'}", shutdown_grace=0.0)
            return await stack.enter_async_context(TaskManager(settings, tasks=tasks, roles=roles))

        yield opened


@pytest.fixture
async def page(beside: Beside) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a process that only serves, and has no task folder."""
    manager = await beside()
    token = await manager.control.accounts.token(SYSTEM, "the admin", Role.ADMIN)
    transport = httpx2.ASGITransport(app=manager.asgi())
    headers = {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:6336", headers=headers) as client:
        yield client


async def attributes(page: httpx2.AsyncClient, path: str) -> dict[str, Any]:
    answer = await page.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]["attributes"]
    return found


async def add_schedule(page: httpx2.AsyncClient, **more: Any) -> httpx2.Response:
    given = {"name": "nightly", "action_name": "quick", "schedule": "0 2 * * *", **more}
    return await page.post("/api/task", json={"data": {"type": "task", "attributes": given}}, headers=JSON_API)


async def test_a_task_of_a_live_worker_is_shown_as_that_worker_describes_it(
    page: httpx2.AsyncClient, beside: Beside
) -> None:
    worker = await beside([quick], ("worker",))
    there = await attributes(page, "/api/definition/quick")
    (listed,) = (await page.get("/api/definition")).json()["data"]

    assert (there["here"], there["title"], there["danger"], there["tags"]) == (
        False,
        "Quick work",
        "It is quick.",
        ["fast"],
    )
    assert there["schema"]["properties"]["count"]["minimum"] == 1
    assert there["versions"] == [{"source_hash": there["source_hash"], "workers": [worker.worker.id]}]
    assert listed["attributes"] == there

    same = TaskManager(Settings(store="sqlite:///:memory:"), tasks=[quick], roles=())
    async with same:
        (here,) = await same.control.tasks.list(SYSTEM)
    assert {**here.attributes, "source_hash": here.source_hash} == {
        name: value for name, value in there.items() if name not in ("here", "versions", "stats")
    }


async def test_what_needs_the_code_is_refused_with_the_reason(page: httpx2.AsyncClient, beside: Beside) -> None:
    await beside([quick], ("worker",))
    await add_schedule(page)
    body = {"data": {"type": "run", "attributes": {"definition": "quick", "confirm": True}}}
    refused = [
        await page.post("/api/run", json=body, headers=JSON_API),
        await page.post("/admin/task/quick/start?confirm=true", json={}),
        await page.post("/api/task/nightly/fire", json={"confirm": True}),
    ]
    assert [answer.status_code for answer in refused] == [409, 409, 409]
    for answer in refused:
        (error,) = answer.json()["errors"]
        assert error["code"] == "not_here"
        assert "does not have the code of task 'quick'" in error["detail"]

    unknown = await page.post("/admin/task/nothing/start", json={})
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (404, "not_found")


async def test_in_code_it_is_an_error_of_its_own(beside: Beside) -> None:
    await beside([quick], ("worker",))
    manager = await beside()
    with pytest.raises(NotHere, match="task folder"):
        await manager.start("quick", {"count": 2})
    with pytest.raises(NotHere):
        await manager.start_many([("quick", {})])


async def test_a_schedule_is_unbound_only_while_no_live_session_has_its_task(
    page: httpx2.AsyncClient, beside: Beside
) -> None:
    alone = await add_schedule(page)
    assert "here or to a live worker" in alone.json()["meta"]["warning"]
    assert (await attributes(page, "/api/task/nightly"))["bound"] is False

    worker = await beside([quick], ("worker",))
    bound = await attributes(page, "/api/task/nightly")
    assert (bound["bound"], bound["unbound"]) == (True, None)
    assert "only workers have the code of 'quick'" in bound["left_due"]
    other = await add_schedule(page, name="other")
    assert "meta" not in other.json()

    await beside([quick], ("scheduler",))
    (first, second) = (await page.get("/api/task")).json()["data"]
    assert first["attributes"]["left_due"] is None is second["attributes"]["left_due"]
    assert second["attributes"]["bound"] is True
    assert worker.worker.id in {each["id"] for each in (await page.get("/api/worker")).json()["data"]}


async def test_versions_of_a_task_that_live_beside_each_other_are_told_apart(beside: Beside) -> None:
    worker = await beside([quick], ("worker",))
    newer = await beside([changed], ("scheduler",))
    (seen,) = await newer.control.tasks.list(SYSTEM)
    assert seen.here
    hashes = {each.session == worker.worker.id: each.source_hash for each in seen.versions}
    assert hashes[False] == seen.source_hash != hashes[True]


@pytest.mark.parametrize(
    ("options", "same"),
    [({}, True), ({"title": "Other"}, False), ({"priority": 1}, False), ({"timeout": 5}, False)],
)
def test_a_version_is_its_code_its_parameters_and_its_options(options: dict[str, Any], same: bool) -> None:
    from runwright.tasks.describe import describe

    assert (describe(quick.with_(**options)).source_hash == describe(quick).source_hash) is same


async def test_health_tells_who_fires_schedules(page: httpx2.AsyncClient, beside: Beside) -> None:
    async def health() -> tuple[int, str, int]:
        whole, bare = await page.get("/health"), await page.get("/health/ready")
        return whole.status_code, whole.json()["scheduler"], bare.status_code

    async def said() -> str:
        scheduler: str = (await attributes(page, "/api/stats"))["scheduler"]
        return scheduler

    assert await health() == (503, "none", 200)
    worker = await beside([quick], ("worker",))
    assert await health() == (503, "none", 200)
    assert await said() == "none"
    scheduler = await beside([quick], ("scheduler",))
    assert await health() == (200, "elsewhere", 200)
    assert await said() == "elsewhere"
    await scheduler.close()
    assert await health() == (503, "none", 200)
    await worker.close()
    await beside([quick], ("scheduler", "worker"))
    assert await health() == (200, "elsewhere", 200)
