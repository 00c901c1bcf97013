"""A real server, a real Chromium, one of each for all tests of the page."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

TASKS = '''
import asyncio
from typing import Annotated, Literal

from pydantic import Field

from runwright import Choices, RunContext, UploadedFile, task


@task(title="Database backup", category="maintenance", icon="database", danger="Replaces yesterday's backup.")
async def backup(format: Annotated[Literal["sql", "tar"], Choices({"sql": "SQL dump", "tar": "Archive"})] = "sql",
                 keep: Annotated[int, Field(ge=1, le=9)] = 3) -> dict[str, object]:
    """Copies the database."""
    return {"file": f"backup.{format}", "kept": keep}


@task(title="Folder scan", category="report")
async def scan(folders: int = 400, *, run: RunContext) -> dict[str, int]:
    """Looks through folders."""
    for number in range(folders):
        run.log.info("looking into folder %d", number)
        run.progress(number, folders, f"folder {number}")
        await run.checkpoint()
        await asyncio.sleep(0.02)
    return {"folders": folders}


@task(title="Many lines")
async def lines(count: int = 20_000, *, run: RunContext) -> int:
    for number in range(count):
        run.log.info("line %d of many", number)
    return count


@task(title="<img src=x onerror=alert(1)>", category="odd")
async def polyglot(run: RunContext) -> str:
    run.log.warning("<script>alert(1)</script>")
    return "<b onmouseover=alert(1)>bold</b>"


@task(title="Import of a table")
async def load(table: UploadedFile, more: list[UploadedFile] | None = None, note: str = "") -> list[str]:
    return [f"{file.name}: {file.read_text()}" for file in [table, *(more or [])]] + [note]


@task(schedule="@every 1s")
async def heartbeat() -> str:
    return "beat"
'''
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@dataclass(slots=True)
class Served:
    """A server on a folder of tasks; it can be killed and started again."""

    home: Path
    port: int = 0
    link: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Serve; the first time on a free port, then on the same one."""
        runwright = Path(sys.executable).with_name("runwright")
        self.process = subprocess.Popen(
            [runwright, "serve", "--port", str(self.port), "--directory", "tasks", "--store", "sqlite:///ui.db"],
            stdout=subprocess.PIPE, text=True, cwd=self.home,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().strip()
        assert "/sign-in?code=" in self.link, self.link
        self.port = int(self.link.partition("127.0.0.1:")[2].partition("/")[0])

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server in the way of this signal."""
        assert self.process is not None and self.process.stdout is not None
        self.process.send_signal(number)
        self.process.wait(timeout=20)
        self.process.stdout.close()

    @property
    def origin(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    (home / "tasks").mkdir()
    (home / "tasks" / "work.py").write_text(TASKS)
    (home / "tasks" / "broken.py").write_text("import nothing_of_that_name\n")
    server = Served(home)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "the tests of the page need Chromium: apt-get install -y --no-install-recommends chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@contextmanager
def signing_in(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser that has opened the printed link."""
    context = browser.new_context(viewport={"width": 1280, "height": 850}, base_url=served.origin)
    page = context.new_page()
    page.goto(served.link)
    page.wait_for_url("**/tasks")
    page.close()
    yield context
    context.close()


@pytest.fixture(scope="session")
def signed_in(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    with signing_in(browser, served) as context:
        yield context


def expect_no_violation(page: Page, paths: Sequence[str], scheme: str) -> None:
    """What axe finds on each of these pages, in light or dark."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # one of the two words
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        results = Axe().run(page)
        assert results.violations_count == 0, f"{path} in {scheme}: {results.generate_report()}"


@pytest.fixture
def page(signed_in: BrowserContext, served: Served) -> Iterator[Page]:
    """A page that must neither complain, nor ask other hosts, nor run what it is told by data."""
    opened, complaints = signed_in.new_page(), []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    opened.on("console", lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None)
    opened.on("request", lambda r: None if r.url.startswith((served.origin, "data:")) or served.origin[4:] in r.url
              else complaints.append(f"asked {r.url}"))  # fmt: skip
    yield opened
    opened.close()
    assert complaints == []
