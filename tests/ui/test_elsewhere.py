"""The page of a server without the task folder, beside a worker that has it, on PostgreSQL."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

TOKEN = "a-token-of-somebody's-own-choice-0123"
QUICK = """
from runwright import task

@task(title="Quick work")
async def quick(count: int = {default}) -> int:
    return count
"""

Begin = Callable[..., None]


@pytest.fixture
def begin(postgres_url: str, tmp_path: Path) -> Iterator[Begin]:
    """Start the command in a folder of its own, with this version of the task or without."""
    with ExitStack() as stack:

        def begun(*command: str, default: int | None = None) -> None:
            home = tmp_path / f"home-{len(list(tmp_path.iterdir()))}"
            (home / "backgroundtask").mkdir(parents=True)
            if default is not None:
                (home / "backgroundtask" / "work.py").write_text(QUICK.format(default=default))
            process = subprocess.Popen(
                [Path(sys.executable).with_name("runwright"), *command], cwd=home, stdout=subprocess.PIPE, text=True,
                env={**os.environ, "TASK_STORE": postgres_url, "TASK_ADMIN_TOKEN": TOKEN},
            )  # fmt: skip
            stack.callback(process.wait, timeout=20)
            stack.callback(process.terminate)
            assert process.stdout is not None
            stack.enter_context(process.stdout)
            assert process.stdout.readline()

        yield begun


@pytest.fixture
def alone(browser: Browser, begin: Begin) -> Iterator[Page]:
    """The page of a server that has no task folder, no worker and no scheduler."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    begin("serve", "--page-only", "--port", port)
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/tasks")
    yield page
    context.close()


def test_what_only_others_have_is_shown_and_what_needs_its_code_is_not_offered(alone: Page, begin: Begin) -> None:
    begin("worker", default=1)
    alone.goto("/tasks")
    expect(alone.get_by_test_id("task-card")).to_contain_text("elsewhere")
    alone.goto("/tasks/quick")
    expect(alone.get_by_text("This server does not have the code of this task")).to_be_visible()
    expect(alone.get_by_test_id("run-button")).to_be_disabled()
    expect(alone.get_by_label("Count").first).to_have_value("1")
    assert Axe().run(alone).violations_count == 0

    given = {"name": "often", "action_name": "quick", "schedule": "@hourly"}
    made = alone.evaluate(
        """body => fetch("/api/task", {method: "POST", headers: {"content-type": "application/json"}, body})
           .then(answer => answer.status)""",
        json.dumps({"data": {"type": "task", "attributes": given}}),
    )
    assert made == 201
    alone.goto("/schedules")
    expect(alone.get_by_role("alert").filter(has_text="Nobody fires schedules")).to_be_visible()
    row = alone.get_by_test_id("schedule-row")
    expect(row).to_contain_text("not fired")
    expect(row).not_to_contain_text("unbound")

    begin("scheduler", default=2)
    alone.reload()
    expect(row).to_be_visible()
    expect(row).not_to_contain_text("not fired")
    expect(alone.get_by_text("Nobody fires schedules")).to_have_count(0)
    alone.goto("/tasks/quick")
    expect(alone.get_by_text("2 versions of this task are alive")).to_be_visible()
    alone.goto("/workers")
    expect(alone.get_by_test_id("worker-row")).to_have_count(2)
