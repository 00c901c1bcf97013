"""What the tests of the doors need: a manager with a few tasks, and clients with every kind of credentials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from pydantic import SecretStr

from runwright import RunContext, Settings, TaskManager, task
from runwright.model import SYSTEM, Role
from tests.edges.project import Project, project, read_line
from tests.program import Program

HOST = "http://127.0.0.1:6336"
JSON_API = {"content-type": "application/vnd.api+json"}


@task(title="Addition", category="maths")
async def add(a: int, b: int = 1) -> int:
    return a + b


@task(danger="Deletes everything.")
async def wipe(what: Literal["all", "old"] = "old") -> str:
    return what


@task
async def waiting(run: RunContext) -> None:
    run.progress(1, 2, "half")
    while True:
        await run.checkpoint()
        await asyncio.sleep(0.005)


@task
async def failing() -> None:
    raise ValueError("on purpose")


@task
async def secret(password: SecretStr, run: RunContext) -> int:
    run.log.info("%s has a length", password)
    return len(password.get_secret_value())


@task
async def chatty(lines: int, run: RunContext) -> int:
    for number in range(lines):
        run.log.info("line %d", number)
    return lines


TASKS = [add, wipe, waiting, failing, secret, chatty]


@dataclass(frozen=True, slots=True)
class Doors:
    """The application, and clients for it: without credentials, and with a token of each role."""

    manager: TaskManager
    anonymous: httpx2.AsyncClient
    viewer: httpx2.AsyncClient
    operator: httpx2.AsyncClient
    admin: httpx2.AsyncClient
    tokens: dict[str, str]
    client: Callable[..., httpx2.AsyncClient]

    async def start(
        self, name: str, arguments: dict[str, Any] | list[Any] | None = None, **more: Any
    ) -> httpx2.Response:
        """POST /api/run as the operator."""
        attributes = {"definition": name, "arguments": arguments or {}, **more}
        return await post(self.operator, "/api/run", "run", attributes)


def post(client: httpx2.AsyncClient, path: str, kind: str, attributes: dict[str, Any]) -> Awaitable[httpx2.Response]:
    """POST a JSON:API document."""
    return client.post(path, json={"data": {"type": kind, "attributes": attributes}}, headers=JSON_API)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    settings = Settings(store=f"sqlite:///{tmp_path / 'edges.db'}", shutdown_grace=0.0)
    async with TaskManager(settings, tasks=TASKS) as manager:
        transport = httpx2.ASGITransport(app=manager.asgi())
        tokens = {r.value: await manager.control.accounts.token(SYSTEM, f"the {r.value}", r) for r in Role}
        made = []

        def client(token: str | None = None, **options: Any) -> httpx2.AsyncClient:
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            made.append(httpx2.AsyncClient(transport=transport, base_url=HOST, headers=headers, **options))
            return made[-1]

        viewer, operator, admin = (client(tokens[role.value]) for role in Role)
        yield Doors(manager, client(), viewer, operator, admin, tokens=tokens, client=client)
        for each in made:
            await each.aclose()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Project]:
    """A project with a running server."""
    made = project(tmp_path_factory.mktemp("served"), program)
    process = made.begin("serve", "--port", "0")
    try:
        assert "/sign-in?code=" in read_line(process.stdout)
        yield made
    finally:
        (made.folder / "let-go").touch()
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert not (made.folder / "runwright.db.server").exists()


@pytest.fixture
def alone(tmp_path: Path, program: Program) -> Project:
    """A project without a server."""
    return project(tmp_path, program)
