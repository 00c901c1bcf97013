"""API: who gets in. One ASGI layer before everything, for HTTP and WebSocket alike; what it does not know it refuses.

It checks the Host (DNS rebinding), who asks (bearer token, session cookie, or the local actor of an embedded app), the
Origin where a browser's cookie speaks (forged requests, also on loopback), and the size of bodies. It puts the Actor
into the scope; routes take it from there with ``actor_of``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runwright.api.wire import error_answer, located, plain_error, route_path
from runwright.control import Control
from runwright.errors import NotSignedIn, StoreUnavailable, TooLarge
from runwright.model import Actor

COOKIE = "runwright_session"
SAFE = ("GET", "HEAD", "OPTIONS")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PROBES = {("GET", "/health/live"), ("GET", "/health/ready")}
"""Asked by those who watch over processes. Whoever they say they are is not looked up: that needs the store."""
OPEN = PROBES | {
    ("GET", "/sign-in"),
    ("HEAD", "/sign-in"),
    ("POST", "/api/session"),
    ("GET", "/favicon.svg"),
    ("GET", "/favicon.ico"),
}
LENGTH_DIGITS = 18  # of a body's announced length; Python refuses to read a number of thousands
STARTS = re.compile(r"/api/run|/admin/task/[^/]+/(run|start)")
SCHEDULE_FILE = "/api/schedule-file"
ASSET = re.compile(r"/assets/[A-Za-z0-9_.-]+")
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


def actor_of(connection: HTTPConnection) -> Actor:
    """Who asks, as the guard has found. Raises NotSignedIn on a route that is open to all."""
    actor = connection.scope.get("runwright.actor")
    if not isinstance(actor, Actor):
        raise NotSignedIn("sign in first")
    return actor


def session_of(connection: HTTPConnection) -> str | None:
    """The session secret in the cookie, if any."""
    return _cookie(connection.headers.get("cookie", ""))


class Guard:
    """The layer. ``hosts`` are the names under which this server may be asked, besides loopback ones."""

    def __init__(
        self,
        app: ASGIApp,
        control: Control,
        *,
        hosts: Collection[str],
        body_limit: int,
        upload_limit: int = 0,
        file_limit: int = 0,
        pages: Collection[str],
        local_actor: Actor | None = None,
        open_metrics: bool = False,
    ) -> None:
        self._app = app
        self._control = control
        self._hosts = {host.lower() for host in (*hosts, *LOOPBACK)}
        self._body_limit = body_limit
        self._upload_limit = upload_limit
        self._file_limit = file_limit
        self._pages = [re.compile(page) for page in pages]
        self._local_actor = local_actor
        self._open = OPEN | ({("GET", "/health"), ("GET", "/metrics")} if open_metrics else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        if refusal is None:
            await self._app(scope, self._bounded(scope, receive), self._marked(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "not allowed"})
        else:
            await refusal(scope, receive, self._marked(send))

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if self._local_actor is None and not self._host_is_ours(headers.get("host", "")):
            return plain_error(
                421, "misdirected", "this server does not answer under that host name; see allowed_hosts"
            )
        length = headers.get("content-length", "0")
        limit, settings = self._limit(scope, headers)
        if not length.isdecimal() or len(length) > LENGTH_DIGITS or int(length) > limit:
            return error_answer(_too_large(limit, settings))
        method, path = scope.get("method", "WEBSOCKET"), route_path(scope)
        try:
            actor, by_cookie = (None, False) if (method, path) in PROBES else await self._actor(headers)
        except StoreUnavailable as unavailable:
            return error_answer(unavailable)
        if by_cookie and method not in SAFE and not self._same_origin(headers):
            return plain_error(403, "foreign_origin", "this request comes from another site")
        if actor is not None:
            scope["runwright.actor"] = actor
        elif not self._is_open(method, path):
            if method == "GET" and any(page.fullmatch(path) for page in self._pages) and wants_html(headers):
                return RedirectResponse(located(scope, f"/sign-in?{urlencode({'next': path})}"), 303)
            return error_answer(NotSignedIn("sign in, or send a token: Authorization: Bearer …"))
        if method == "POST" and path == "/api/session" and not self._same_origin(headers):
            return plain_error(403, "foreign_origin", "this request comes from another site")
        return None

    def _is_open(self, method: str, path: str) -> bool:
        return (method, path) in self._open or (method in SAFE and ASSET.fullmatch(path) is not None)

    async def _actor(self, headers: Headers) -> tuple[Actor | None, bool]:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme:
            valid = scheme.lower() == "bearer" and token
            return (await self._control.accounts.actor(token.strip(), "token") if valid else None), False
        session = _cookie(headers.get("cookie", ""))
        if session is not None:
            actor = await self._control.accounts.actor(session, "session")
            if actor is not None:
                return actor, True
        return self._local_actor, False

    def _host_is_ours(self, host: str) -> bool:
        name = host.lower().rpartition(":")[0] if re.search(r":\d+$", host) else host.lower()
        return name in self._hosts

    @staticmethod
    def _same_origin(headers: Headers) -> bool:
        """Whether a browser says that the request comes from this very site; a program says nothing of the kind."""
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        if origin is None:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == headers.get("host", "").lower()

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        if scope["type"] != "http":
            return receive
        limit, settings = self._limit(scope, Headers(scope=scope))
        left = limit

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _too_large(limit, settings)
            return message

        return bounded

    def _limit(self, scope: Scope, headers: Headers) -> tuple[int, str]:
        """How many bytes the body may have, and the settings that say so.

        Files count apart, where a run may be started with some; a file of schedules has a limit of its own.
        """
        path = route_path(scope)
        if path == SCHEDULE_FILE:
            return self._file_limit, "schedule_file_limit_bytes"
        if headers.get("content-type", "").lower().startswith("multipart/form-data") and STARTS.fullmatch(path):
            return self._body_limit + self._upload_limit, "body_limit_bytes and upload_limit_bytes"
        return self._body_limit, "body_limit_bytes"

    @staticmethod
    def _marked(send: Send) -> Send:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        return marked


def _too_large(limit: int, settings: str) -> TooLarge:
    return TooLarge(f"the request has more than {limit:,} bytes, which is the limit; see {settings} in the settings")


def wants_html(headers: Headers) -> bool:
    """Whether a browser asks for a page."""
    return "text/html" in headers.get("accept", "")


def _cookie(header: str) -> str | None:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and morsel.value else None
