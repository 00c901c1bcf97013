"""Files that are sent with the arguments of a run: over HTTP, from code, to retries, and to nobody else."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from runwright import Retry, RunContext, Settings, TaskManager, UploadedFile, task
from runwright.errors import TooLarge
from runwright.model import SYSTEM, Role
from runwright.testing import drain

HOST = "http://127.0.0.1:6336"
CONTENT = b"id,name\n1,Ada\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
AS_JSON = {"name": "people.csv", "content_type": "text/csv", "size": len(CONTENT), "sha256": DIGEST}


@task
async def load(table: UploadedFile, limit: int = 10) -> dict[str, Any]:
    assert table.path.is_file()
    with table.open() as file:
        first = file.readline().decode()
    return {"first": first, "text": table.read_text(), "limit": limit, **table.to_json()}


@task
def merge(tables: list[UploadedFile], note: UploadedFile | None = None) -> list[str]:
    return [f"{table.name}:{len(table.read_bytes())}" for table in tables] + ([note.name] if note else [])


@task(retry=Retry(max_retries=1, delay=0))
def stubborn(table: UploadedFile, run: RunContext) -> str:
    if run.attempt == 1:
        raise OSError("not yet")
    return table.read_text()


@task
async def parent(table: UploadedFile, run: RunContext) -> str:
    return await run.start("load", {"table": table})


@task(mode="process")
def apart(table: UploadedFile, more: list[UploadedFile] | None = None) -> dict[str, Any]:
    return {"pid": os.getpid(), "text": table.read_text(), "more": [each.name for each in more or []]}


TASKS = [load, merge, stubborn, parent, apart]


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[TaskManager]:
    settings = Settings(
        store=f"sqlite:///{tmp_path / 'up.db'}", shutdown_grace=0.0, body_limit_bytes=10_000,
        upload_limit_bytes=2_000_000, upload_limit_files=3,
    )  # fmt: skip
    async with TaskManager(settings, tasks=TASKS) as manager:
        yield manager


@pytest.fixture
async def client(manager: TaskManager) -> AsyncIterator[httpx2.AsyncClient]:
    token = await manager.control.accounts.token(SYSTEM, "operator", Role.OPERATOR)
    headers = {"authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(app=manager.asgi())
    async with httpx2.AsyncClient(transport=transport, base_url=HOST, headers=headers) as client:
        yield client


def spooled(manager: TaskManager) -> list[str]:
    """All files in the spool, as paths below it."""
    folder = manager.spool.folder
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def document(name: str, arguments: dict[str, Any] | None = None) -> dict[str, str]:
    run = {"type": "run", "attributes": {"definition": name, "arguments": arguments or {}}}
    return {"document": json.dumps({"data": run})}


async def test_a_file_in_a_form_is_an_argument(manager: TaskManager, client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/admin/task/load/run", files={"table": ("people.csv", CONTENT, "text/csv")}, data={"limit": "3"}
    )

    attributes = answer.json()["data"]["attributes"]
    assert answer.status_code == 200
    assert attributes["arguments"] == {"table": AS_JSON, "limit": 3}
    assert attributes["result"] == {"first": "id,name\n", "text": CONTENT.decode(), "limit": 3, **AS_JSON}
    assert spooled(manager) == [f"{answer.json()['data']['id']}/{DIGEST}"]
    assert (manager.spool.folder.parent.name, manager.spool.folder.name) == (
        manager.settings.sqlite_file.parent.name,  # type: ignore[union-attr]  # there is one
        "up.db.uploads",
    )


async def test_a_document_may_bring_files_too(manager: TaskManager, client: httpx2.AsyncClient) -> None:
    files = [("tables", ("a.csv", b"a", "text/csv")), ("tables", ("b.csv", b"bb", "")), ("note", ("n.txt", b"", ""))]
    answer = await client.post("/api/run", files=files, data=document("merge"))
    assert answer.status_code == 202, answer.text
    run = await manager.wait(answer.json()["data"]["id"], timeout=5)

    assert run.result == ["a.csv:1", "b.csv:2", "n.txt"]
    one = await client.post("/api/run", files=[("tables", ("a.csv", b"a", ""))], data=document("merge"))
    assert (await manager.wait(one.json()["data"]["id"], timeout=5)).result == ["a.csv:1"]


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "..\\..\\boot.ini", "/etc/shadow", "..", "a/../../b", "a\x00b"]
)
async def test_the_senders_name_is_never_a_path(manager: TaskManager, client: httpx2.AsyncClient, name: str) -> None:
    before = set(manager.spool.folder.parent.iterdir())
    answer = await client.post("/admin/task/load/run", files={"table": (name, CONTENT, "text/csv")})

    (shown, run) = (answer.json()["data"]["attributes"]["arguments"]["table"]["name"], answer.json()["data"]["id"])
    assert "/" not in shown
    assert "\\" not in shown
    assert shown not in ("", "..")
    assert spooled(manager) == [f"{run}/{DIGEST}"]
    assert set(manager.spool.folder.parent.iterdir()) - before <= {manager.spool.folder}


async def test_retries_and_restarts_have_the_same_file(manager: TaskManager, client: httpx2.AsyncClient) -> None:
    answer = await client.post("/admin/task/stubborn/run", files={"table": ("people.csv", CONTENT)})
    run_id = answer.json()["data"]["id"]
    assert answer.json()["data"]["attributes"]["result"] == CONTENT.decode()

    await manager.restart(run_id)
    await drain(manager)
    run = await manager.get(run_id)
    assert (run.result, run.attempt) == (CONTENT.decode(), 3)


async def test_a_restart_with_changes_keeps_the_file_or_takes_another(
    manager: TaskManager, client: httpx2.AsyncClient
) -> None:
    answer = await client.post("/admin/task/load/run", files={"table": ("people.csv", CONTENT)})
    run_id = answer.json()["data"]["id"]
    await manager.restart(run_id, {"limit": 3})
    kept = await manager.wait(run_id, timeout=5)
    await manager.restart(run_id, {"table": await manager.upload(b"other", "other.csv")})
    changed = await manager.wait(run_id, timeout=5)

    assert isinstance(kept.result, dict)
    assert isinstance(changed.result, dict)
    assert (kept.result["limit"], kept.result["text"]) == (3, CONTENT.decode())
    assert (changed.result["limit"], changed.result["text"]) == (3, "other")


async def test_a_task_in_a_process_gets_its_files(manager: TaskManager, client: httpx2.AsyncClient) -> None:
    files = [("table", ("people.csv", CONTENT)), ("more", ("a", b"a")), ("more", ("b", b"b"))]
    answer = await client.post("/admin/task/apart/run", files=files)
    result = answer.json()["data"]["attributes"]["result"]
    assert (result["text"], result["more"]) == (CONTENT.decode(), ["a", "b"])
    assert result["pid"] != os.getpid()


async def test_a_child_gets_the_file_of_its_parent(manager: TaskManager) -> None:
    file = await manager.upload(CONTENT, "people.csv", "text/csv")
    child = await manager.run(parent, {"table": file})
    await drain(manager)
    await manager.delete((await manager.runs(task="parent")).items[0].id)

    run = await manager.wait(str(child), timeout=5)
    assert run.result == {"first": "id,name\n", "text": CONTENT.decode(), "limit": 10, **AS_JSON}
    assert f"{child}/{DIGEST}" in spooled(manager)


async def test_the_file_goes_with_its_run(manager: TaskManager, client: httpx2.AsyncClient) -> None:
    answers = [await client.post("/admin/task/load/run", files={"table": ("a.csv", CONTENT)}) for _ in range(2)]
    first, second = (answer.json()["data"]["id"] for answer in answers)
    assert (await client.delete(f"/api/run/{first}")).status_code == 204
    await client.post("/api/run/bulk", json={"action": "delete", "ids": [second]})

    assert spooled(manager) == []


async def test_what_belongs_to_no_run_is_swept_away(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path / 'up.db'}", upload_dir=tmp_path / "spool")
    async with TaskManager(settings, tasks=TASKS) as manager:
        kept = await manager.upload(CONTENT, "kept.csv")
        await manager.run(load, {"table": kept})
        folder = manager.spool.folder
    pruned = folder / "01890000-0000-7000-8000-000000000000"
    foreign = folder / "somebody-else"
    for path in (pruned, foreign):
        path.mkdir()
        (path / DIGEST).write_bytes(CONTENT)
    for path in [*folder.rglob("*"), *folder.iterdir()]:
        os.utime(path, (1, 1))
    async with TaskManager(settings, tasks=TASKS) as manager, asyncio.timeout(5):
        while pruned.exists():
            await asyncio.sleep(0.01)
        run = (await manager.runs()).items[0].id
        assert spooled(manager) == sorted([f"{run}/{DIGEST}", f"somebody-else/{DIGEST}"])


async def test_no_json_value_becomes_a_file(manager: TaskManager, client: httpx2.AsyncClient) -> None:
    for forged in (AS_JSON, "people.csv", {"sha256": "../../../etc/passwd"}, {"path": "/etc/passwd"}, None):
        answer = await client.post("/admin/task/load/start", json={"table": forged})
        assert answer.status_code == 422, forged
        (error,) = answer.json()["errors"]
        assert error["source"] == {"pointer": "/table"}
        assert "must be sent as a file" in error["detail"]


async def test_a_refused_request_leaves_nothing_behind(manager: TaskManager, client: httpx2.AsyncClient) -> None:
    file = ("people.csv", CONTENT)
    wrong: list[tuple[str, dict[str, Any], int]] = [
        ("/admin/task/load/start", {"files": {"tabel": file}}, 422),
        ("/admin/task/load/start", {"files": {"table": file}, "data": {"limit": "many"}}, 422),
        ("/admin/task/load/start", {"files": [("table", file), ("table", file)]}, 422),
        ("/admin/task/load/start", {"files": [("table", file)] * 4}, 422),
        ("/admin/task/gone/start", {"files": {"table": file}}, 404),
        ("/api/run", {"files": {"table": file}}, 422),
        ("/api/run", {"files": {"table": file}, "data": {"document": "{"}}, 422),
        ("/api/run", {"files": {"table": file}, "data": {"document": "[]"}}, 422),
        ("/api/run", {"files": {"table": file}, "data": {**document("load"), "limit": "3"}}, 422),
        ("/api/run", {"files": {"table": file}, "data": document("gone")}, 404),
        ("/admin/task/load/start", {"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, 422),
        ("/admin/task/load/start", {"files": {"table": ("big", bytes(2_000_001))}}, 413),
        ("/admin/task/load/start", {"files": {"table": ("big", bytes(2_100_000))}}, 413),
        ("/api/session", {"files": {"table": ("big", bytes(20_000))}}, 413),
    ]
    for path, request, status in wrong:
        answer = await client.post(path, **request)
        assert answer.status_code == status, (path, request.keys(), answer.text)
        assert answer.json()["errors"]

    twice = await client.post("/admin/task/load/start", files=[("table", file), ("table", file)])
    assert [(e["detail"], e["source"]["pointer"]) for e in twice.json()["errors"]] == [
        ("takes one file, and 2 were sent", "/table")
    ]

    assert spooled(manager) == []
    assert (await manager.runs()).items == ()


async def test_folders_are_for_their_owner_alone(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path / 'own.db'}", upload_dir=tmp_path / "far" / "spool")
    async with TaskManager(settings, tasks=TASKS) as manager:
        await manager.upload(CONTENT, "kept.csv")
        folders = (tmp_path / "own.db.sessions", manager.spool.folder, manager.spool.folder / "incoming")
        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 3


async def test_an_upload_without_a_stated_length_is_bounded_while_it_comes(
    manager: TaskManager, client: httpx2.AsyncClient
) -> None:
    begun = b'--x\r\nContent-Disposition: form-data; name="table"; filename="a"\r\n\r\n'

    async def endless(chunks: int) -> AsyncIterator[bytes]:
        yield begun
        for _ in range(chunks):
            yield bytes(100_000)
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    big = await client.post("/admin/task/load/start", content=endless(1000), headers=headers)
    assert big.status_code == 413
    small = await client.post("/admin/task/apart/start", content=endless(3), headers=headers)
    assert small.status_code == 202
    gc.collect()  # what was left open would be complained of here


async def test_a_repeated_request_keeps_one_file(manager: TaskManager, client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = [
        await client.post("/admin/task/load/start", files={"table": ("people.csv", CONTENT)}, headers=headers)
        for _ in range(2)
    ]
    other = await client.post("/admin/task/load/start", files={"table": ("people.csv", b"else")}, headers=headers)

    assert {answer.json()["data"]["id"] for answer in answers} == {spooled(manager)[0].partition("/")[0]}
    assert other.status_code == 422
    assert len(spooled(manager)) == 1


async def test_a_viewer_sends_no_files(manager: TaskManager) -> None:
    token = await manager.control.accounts.token(SYSTEM, "viewer", Role.VIEWER)
    transport = httpx2.ASGITransport(app=manager.asgi())
    async with httpx2.AsyncClient(transport=transport, base_url=HOST) as client:
        answer = await client.post(
            "/admin/task/load/start", files={"table": ("a.csv", CONTENT)}, headers={"authorization": f"Bearer {token}"}
        )
    assert answer.status_code == 403


async def test_code_gives_a_file_by_its_path(manager: TaskManager, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(CONTENT)
    file = await manager.upload(tmp_path / "people.csv", content_type="text/csv; charset=utf-8")
    assert file.to_json() == AS_JSON
    result = await manager.run(load, {"table": file})
    assert isinstance(result, dict)
    assert result["sha256"] == DIGEST
    with pytest.raises(TooLarge):
        await manager.upload(bytes(2_000_001))
