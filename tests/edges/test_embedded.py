"""Runwright within other applications: the examples as they stand, and its door mounted anywhere."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx2
import pytest
from fastapi import FastAPI

from runwright import Settings, TaskManager, task
from runwright.fastapi import Manager, lifespan
from runwright.model import Actor, Role

EXAMPLES = Path(__file__).parents[2] / "examples" / "embedded"
TOKEN = "a-token-of-somebody's-own-choice-0123"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The examples take their settings from where they are started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASK_STORE", "sqlite:///embedded.db")
    monkeypatch.setenv("TASK_ADMIN_TOKEN", TOKEN)
    monkeypatch.setenv("TASK_SHUTDOWN_GRACE", "0")
    return tmp_path


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tidy() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in ("fastapi_app", "flask_app", "django_app"):
        if name not in before:
            sys.modules.pop(name, None)


def client_of(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost")


async def test_fastapi(tidy: None) -> None:
    module = example("fastapi_app")
    app: FastAPI = module.app
    async with app.router.lifespan_context(app), client_of(app) as client:
        answer = await client.post("/orders/7", params={"address": "ada@example.com"})
        assert answer.status_code == 202
        run_id = answer.json()["receipt"].rpartition("/")[2]
        await module.manager.wait(run_id, timeout=5)
        shown = (await client.get(answer.json()["receipt"])).json()
        assert shown == {"status": "completed", "result": "receipt 7 sent to ada@example.com"}

        bearer = {"authorization": f"Bearer {TOKEN}"}
        found = await client.get(f"/jobs/api/run/{run_id}", headers=bearer)
        assert found.json()["data"]["attributes"]["status"] == "completed"
        assert (await client.get(f"/jobs/api/run/{run_id}")).status_code == 401


def test_flask(tidy: None) -> None:
    module = example("flask_app")
    client = module.app.test_client()
    try:
        answer = client.post("/reports/2026-11")
        assert answer.status_code == 202
        module.jobs().wait(answer.json["report"].rpartition("/")[2], timeout=5)
        shown = client.get(answer.json["report"]).json
        assert shown == {"status": "completed", "progress": 30, "report": {"month": "2026-11", "days": 30}}
        assert client.get("/reports/nothing").status_code == 404
    finally:
        module.jobs().close()


DRIVE_DJANGO = """
import django
from django.test import Client
django.setup()
import django_app
client = Client()
answer = client.post("/people", {"address": "ada@example.com"})
assert answer.status_code == 202, answer.content
where = answer.json()["welcome"]
run = django_app.jobs().wait(where.rpartition("/")[2], timeout=10)
shown = client.get(where).json()
assert shown == {"status": "completed", "result": "welcomed ada@example.com"}, shown
lines = [line.text for frame in django_app.jobs().follow(run.id) for line in getattr(frame, "lines", ())]
assert "Subject: Welcome" in lines, lines
print("well done")
"""


def test_django(folder: Path) -> None:
    """In a process of its own: Django can be set up once only. It also ends by itself, without a word."""
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES), "DJANGO_SETTINGS_MODULE": "django_app"}
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", DRIVE_DJANGO],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "well done\n", "")


@task
async def add(a: int, b: int = 1) -> int:
    return a + b


async def test_a_mounted_door_knows_where_it_is(folder: Path) -> None:
    """Addresses that it gives away begin with the place where it is mounted."""
    app = FastAPI(lifespan=lifespan(TaskManager(Settings.load(), tasks=[add]), mount="/some/jobs"))

    @app.get("/count")
    async def count(manager: Manager) -> int:
        return len((await manager.runs()).items)

    bearer = {"authorization": f"Bearer {TOKEN}"}
    async with app.router.lifespan_context(app), client_of(app) as client:
        started = await client.post("/some/jobs/admin/task/add/run", data={"a": "2"}, headers=bearer)
        assert started.json()["data"]["attributes"]["result"] == 3
        where = started.headers["location"]
        assert where.startswith("/some/jobs/api/run/")
        assert (await client.get(where, headers=bearer)).status_code == 200
        await client.post("/some/jobs/admin/task/add/run", data={"a": "2"}, headers=bearer)
        first = (await client.get("/some/jobs/api/run?page[size]=1", headers=bearer)).json()
        second = (await client.get(first["links"]["next"], headers=bearer)).json()
        assert {page["data"][0]["id"] for page in (first, second)} > {where.rpartition("/")[2]} - {""}
        wrong = await client.post(
            "/some/jobs/api/run", headers=bearer,
            json={"data": {"type": "run", "attributes": {"definition": "add", "arguments": {"a": "x"}}}},
        )  # fmt: skip
        assert wrong.json()["errors"][0]["source"]["pointer"] == "/data/attributes/arguments/a"
        assert (await client.get("/some/jobs/health/live")).status_code == 200
        assert (await client.get("/some/jobs/api/run")).status_code == 401
        assert (await client.get("/count")).json() == 2

        html = {"accept": "text/html"}
        sent = await client.get("/some/jobs/runs", headers=html)
        assert sent.headers["location"] == "/some/jobs/sign-in?next=%2Fruns"
        page = await client.get("/some/jobs/sign-in", headers=html)
        assert '<meta name="runwright-root" content="/some/jobs" />' in page.text
        scripts = [part.partition('"')[0] for part in page.text.split('src="')[1:]]
        assert scripts
        for script in scripts:
            assert script.startswith("/some/jobs/assets/")
            assert (await client.get(script)).status_code == 200
        entered = await client.post("/some/jobs/api/session", json={"token": TOKEN})
        assert entered.status_code == 204
        assert (await client.get("/some/jobs/api/me")).json()["data"]["attributes"]["role"] == "admin"


async def test_an_application_that_guards_the_path_itself_says_who_asks(folder: Path) -> None:
    actor = Actor("the application", Role.OPERATOR)
    app = FastAPI(lifespan=lifespan(TaskManager(Settings(), tasks=[add]), mount="/jobs", local_actor=actor))
    async with app.router.lifespan_context(app), client_of(app) as client:
        assert (await client.post("/jobs/admin/task/add/run", json={"a": 1})).json()["data"]["attributes"][
            "result"
        ] == 2


async def test_without_its_lifespan_the_dependency_says_so() -> None:
    app = FastAPI()

    @app.get("/")
    async def index(manager: Manager) -> None: ...

    with pytest.raises(Exception, match="this application has no TaskManager"):
        async with client_of(app) as client:
            await client.get("/")
