"""The page of a server without the task folder, beside a worker that has it, on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.process.commands import TOKEN, Commands

QUICK = """
from runwright import task

@task(title="Quick work")
async def quick(count: int = {default}) -> int:
    return count
"""


@pytest.fixture
def commands(postgres_url: str, tmp_path: Path) -> Iterator[Commands]:
    with Commands(postgres_url, tmp_path) as made:
        yield made


@pytest.fixture
def alone(browser: Browser, commands: Commands) -> Iterator[Page]:
    """The page of a server that has no task folder, no worker and no scheduler."""
    context = browser.new_context(base_url=commands.page(commands.folder("empty")))
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/tasks")
    yield page
    context.close()


def test_what_only_others_have_is_shown_and_what_needs_its_code_is_not_offered(alone: Page, commands: Commands) -> None:
    commands.begin(commands.folder("old", QUICK.format(default=1)), "worker")
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

    commands.begin(commands.folder("new", QUICK.format(default=2)), "scheduler")
    alone.reload()
    expect(row).to_be_visible()
    expect(row).not_to_contain_text("not fired")
    expect(alone.get_by_text("Nobody fires schedules")).to_have_count(0)
    alone.goto("/tasks/quick")
    expect(alone.get_by_text("2 versions of this task are alive")).to_be_visible()
    alone.goto("/workers")
    expect(alone.get_by_test_id("worker-row")).to_have_count(2)
