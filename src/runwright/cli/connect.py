"""Room of the command line: whom to ask. A server that was named, one that works on this store, or this process.

A running server leaves its address and a token beside its SQLite file; one that died without a word is found out.
Without a server the store is opened here, and the operating system's user acts as its administrator.
"""

from __future__ import annotations

import json
import os
import pwd
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psutil

from runwright.cli.client import Client, encodable
from runwright.cli.invocation import Invocation
from runwright.cli.output import cell
from runwright.config import Settings
from runwright.errors import InvalidInput
from runwright.model import Actor, Role

HERE = "http://localhost"
TIMEOUT = httpx2.Timeout(10.0, read=60.0)
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server that works on a store: its address and a token that its file's owner may use."""

    url: str
    token: str


@asynccontextmanager
async def connect(
    cli: Invocation, *, roles: Collection[str] = (), tasks: bool = True, settings: Settings | None = None
) -> AsyncIterator[Client]:
    """A client of whoever answers for this store.

    Args:
        roles: what an engine in this process does, if there is no server.
        tasks: whether such an engine looks for tasks first; a command about runs alone needs none.
        settings: as loaded already.
    """
    if cli.server is not None:
        async with _over_http(Running(_address(cli.server), cli.token or _token(cli))) as client:
            yield client
        return
    settings = settings or cli.settings()
    running = await find_server(settings)
    if running is not None:
        async with _over_http(Running(running.url, cli.token or running.token)) as client:
            yield client
        return
    async with _in_process(settings, roles, tasks) as client:
        yield client


async def warn_if_nobody_works(cli: Invocation, client: Client, task: str, then: str) -> None:
    """Say that no live worker takes what was just asked for, and what becomes of it."""
    if not await client.works_on(task):
        cli.output.note(f"no worker that has {cell(task)} works on this store now: {then}", "yellow")


def server_file(settings: Settings) -> Path | None:
    """The file in which a server that works on this SQLite store leaves its address."""
    file = settings.sqlite_file
    return None if file is None else file.with_name(f"{file.name}.server")


async def find_server(settings: Settings) -> Running | None:
    """The server that works on this store now, if its file says so and it is alive."""
    path = server_file(settings)
    if path is None:
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        running, pid = Running(_address(content["url"]), content["token"]), int(content["pid"])
    except (OSError, ValueError, KeyError, TypeError, InvalidInput):
        return None  # not there, not ours to read, or half a file of one that is just starting or stopping
    if not psutil.pid_exists(pid):
        return None
    try:
        async with _http(running.url, timeout=LOOK_SECONDS) as http:
            await http.get("/health/live")
    except httpx2.TransportError:
        return None  # another process has its number now
    return running


def local_actor() -> Actor:
    """The operating system's user, as administrator: who can open the store can do everything with it."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    return Actor(name, Role.ADMIN)


@asynccontextmanager
async def _over_http(server: Running) -> AsyncIterator[Client]:
    if not server.token.isascii() or not server.token.isprintable():
        raise InvalidInput.field("/--token", "has characters that no token has")
    headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
    async with _http(server.url, headers=headers, timeout=TIMEOUT) as http:
        yield Client(http)


def _http(url: str, **options: Any) -> httpx2.AsyncClient:
    """A client of this address.

    On this machine no proxy stands between, and without TLS no certificates are read, which takes 50 ms.
    """
    parts = urlsplit(url)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if local and parts.scheme == "http" else True
    return httpx2.AsyncClient(base_url=url, trust_env=not local, verify=verify, **options)


@asynccontextmanager
async def _in_process(settings: Settings, roles: Collection[str], tasks: bool) -> AsyncIterator[Client]:
    from runwright.manager import TaskManager  # noqa: PLC0415 - the engine costs half a second that a server saves

    async with TaskManager(settings, roles=roles) as manager:
        if tasks:
            await manager.discover()
        transport = httpx2.ASGITransport(app=manager.asgi(local_actor=local_actor()))
        async with httpx2.AsyncClient(transport=transport, base_url=HERE, timeout=TIMEOUT) as http:
            yield Client(http)


def _address(text: str) -> str:
    encodable(text, "--server")
    address = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(address)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        good = False
    if not good:
        raise InvalidInput.field("/--server", f"{text!r} is no address such as http://127.0.0.1:6336")
    return address.rstrip("/")


def _token(cli: Invocation) -> str:
    token = cli.settings().admin_token
    return "" if token is None else token.get_secret_value()
