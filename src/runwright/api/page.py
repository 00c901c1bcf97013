"""API: the page's files. Built by ``hatch_build.py`` into ``ui_dist``; nothing else is ever served from the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent.parent / "ui_dist"
PATHS = (
    "/", "/tasks", "/tasks/{name}", "/runs", "/runs/{name}", "/schedules", "/schedules/{name}", "/services",
    "/timeline", "/workers", "/problems",
)  # fmt: skip
PATTERNS = ("/", "/(tasks|runs|schedules)(/[^/]+)?", "/(services|timeline|workers|problems)", "/admin/task(/[^/]+)?")
MISSING = (
    "The page is not built. Run 'make run', or 'python hatch_build.py' in the checkout; the API works without it.\n"
)


class Page:
    """The built page."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def index(self, request: Request) -> Response:
        """The one HTML document, which knows where it is mounted."""
        file = self._folder / "index.html"
        if not file.is_file():
            return PlainTextResponse(MISSING)
        root = escape(str(request.scope.get("root_path", "")))
        text = file.read_text(encoding="utf-8").replace('="./', f'="{root}/')
        text = text.replace('name="runwright-root" content=""', f'name="runwright-root" content="{root}"')
        return HTMLResponse(text, headers={"Cache-Control": "no-cache"})

    def icon(self) -> Response:
        """The site's icon."""
        file = self._folder / "favicon.svg"
        return FileResponse(file) if file.is_file() else Response(status_code=404)

    def assets(self) -> StaticFiles | None:
        """The hashed files, which never change; None if the page is not built."""
        folder = self._folder / "assets"
        return Immutable(directory=folder) if folder.is_dir() else None


class Immutable(StaticFiles):
    """Files whose names change with their content."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def routes(page: Page, enter: Callable[[Request, str], Awaitable[Response]]) -> APIRouter:
    """The addresses of the page; ``enter`` exchanges a sign-in code."""
    router = APIRouter(include_in_schema=False)

    async def index(request: Request) -> Response:
        return page.index(request)

    for path in PATHS:
        router.add_api_route(path, index, methods=["GET"])

    @router.get("/sign-in")
    async def sign_in(request: Request) -> Response:
        code = request.query_params.get("code")
        return page.index(request) if code is None else await enter(request, code)

    @router.get("/favicon.svg")
    @router.get("/favicon.ico")
    async def icon() -> Response:
        return page.icon()

    return router
