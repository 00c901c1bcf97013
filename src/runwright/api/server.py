"""API: the server. uvicorn in our own event loop, the sign-in link, and the file by which the local CLI finds us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from runwright.config import Settings
from runwright.control import Control
from runwright.errors import StartRefused
from runwright.model import SYSTEM, Role

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN_CHARACTERS = 16
LOOK_SECONDS = 0.05

logger = logging.getLogger("runwright.api")


def check_host(settings: Settings) -> None:
    """Refuse to be reachable from other machines without credentials that somebody chose, and nobody guesses.

    Raises:
        StartRefused: there is no administrator's token, or one of fewer than ``TOKEN_CHARACTERS``.
    """
    if settings.host in LOOPBACK and settings.public_url is None:
        return
    token = settings.admin_token
    if token is None and settings.host not in LOOPBACK:
        raise StartRefused(
            f"host {settings.host} can be reached from other machines: set TASK_ADMIN_TOKEN to a secret of your own "
            "first, or listen on 127.0.0.1"
        )
    if token is not None and len(token.get_secret_value()) < TOKEN_CHARACTERS:
        raise StartRefused(
            "TASK_ADMIN_TOKEN is so short that other machines could guess it: give it "
            f"{TOKEN_CHARACTERS} characters or more, at random"
        )


class Server:
    """Serves the application until it is told to stop."""

    def __init__(self, app: ASGIApp, control: Control, settings: Settings) -> None:
        self._app = app
        self._control = control
        self._settings = settings
        self._server: uvicorn.Server | None = None
        self._stopped = False

    async def serve(self, announce: Callable[[str], None]) -> None:
        """Listen, announce the sign-in link, and serve until ``stop``.

        Raises:
            StartRefused: the address is taken, or unsafe without credentials.
        """
        settings = self._settings
        check_host(settings)
        listening = self._listen()
        config = uvicorn.Config(
            self._app, log_level="warning", access_log=False, lifespan="off", ws="websockets-sansio",
            ws_ping_interval=30, ws_max_size=64 * 1024, timeout_graceful_shutdown=2, server_header=False,
            forwarded_allow_ips=[str(proxy) for proxy in settings.trusted_proxies],
            proxy_headers=bool(settings.trusted_proxies),
        )  # fmt: skip
        server = self._server = Quiet(config)
        server.should_exit = self._stopped  # told so before it began
        host, port = listening.getsockname()[:2]
        url = settings.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        token = await self._control.accounts.token(SYSTEM, "local", Role.ADMIN)
        file = server_file(settings)
        serving = asyncio.ensure_future(server.serve([listening]))
        try:
            while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(LOOK_SECONDS)
            if file is not None:
                write_server_file(file, f"http://{_reachable(host)}:{port}", token)
            if settings.host in LOOPBACK and settings.admin_token is None:
                announce(f"{url}/sign-in?code={await self._control.accounts.sign_in_code('admin')}")
            else:
                announce(f"{url}/sign-in")
            await serving
        finally:
            if file is not None:
                file.unlink(missing_ok=True)
            await self._control.accounts.revoke(SYSTEM, token)
            listening.close()

    def stop(self) -> None:
        """End serving; open sockets get two seconds."""
        self._stopped = True
        if self._server is not None:
            self._server.should_exit = True

    def _listen(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            listening.close()
            raise StartRefused(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from error
        listening.set_inheritable(True)
        return listening


class Quiet(uvicorn.Server):
    """uvicorn without its own signal handlers: signals are the command's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server_file(settings: Settings) -> Path | None:
    """The file beside the store in which a running server says where it is; None without a file store."""
    file = settings.sqlite_file
    return None if file is None else file.with_name(f"{file.name}.server")


def write_server_file(file: Path, url: str, token: str) -> None:
    """Write the file for this user's eyes only, whole or not at all."""
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        json.dump({"url": url, "token": token, "pid": os.getpid()}, opened)
    beside.replace(file)


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared
