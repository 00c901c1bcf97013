"""The page of services: what it tells of each, its commands, and who sees them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from runwright import Settings, TaskManager
from runwright.model import SYSTEM, Role
from tests.ui.conftest import Served, expect_no_violation, signing_in

TASKS = '''
import time

from runwright import Retry, RunContext, task


@task(schedule="@always", title="Queue consumer")
def consumer(run: RunContext) -> None:
    """Takes messages."""
    while not run.cancelled:
        sum(range(50_000))
        time.sleep(0.01)


@task(schedule="@always", retry=Retry(0), title="Mail watcher")
def watcher() -> None:
    raise ConnectionError("mail.example.com does not answer")


@task(schedule="@always", retry=Retry(9, delay=600), title="Feed reader")
def reader() -> None:
    raise ConnectionError("feed.example.com does not answer")


@task(schedule="@always", mode="process", danger="Sends letters to customers.")
def sender(run: RunContext) -> None:
    while not run.cancelled:
        time.sleep(0.05)


@task(schedule="@daily")
async def nightly() -> None: ...
'''
PAGES = ["/services", "/schedules/consumer", "/schedules/watcher", "/schedules", "/tasks/consumer", "/timeline"]


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a store in it, and a token of somebody who may only look."""
    home = tmp_path_factory.mktemp("services")

    async def token() -> str:
        async with TaskManager(Settings(store=f"sqlite:///{home / 'ui.db'}")) as manager:
            return await manager.control.accounts.token(SYSTEM, "somebody", Role.VIEWER)

    with ThreadPoolExecutor(1) as aside:  # the browser has a loop in this thread
        return home, aside.submit(asyncio.run, token()).result()


@pytest.fixture(scope="module")
def served(viewer: tuple[Path, str]) -> Iterator[Served]:
    home, _ = viewer
    (home / "tasks").mkdir()
    (home / "tasks" / "work.py").write_text(TASKS)
    server = Served(home)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    with signing_in(browser, served) as context:
        yield context


def row(page: Page, name: str) -> Locator:
    """The row of a service."""
    return page.locator(f'[data-testid="service-row"][data-service="{name}"]')


def state(place: Locator | Page, wanted: str) -> None:
    """Wait until the service has this state, which is told by a word, not by its colour alone."""
    shown = place.get_by_test_id("service-state").first
    expect(shown).to_have_attribute("data-status", wanted, timeout=15_000)
    expect(shown).to_have_text(wanted)


def order(page: Page, name: str, verb: str) -> int:
    """Give a command as some other client does; the status of the answer."""
    url = f"/api/service/{name}/{verb}"
    status = page.evaluate("url => fetch(url, {method: 'POST'}).then(answer => answer.status)", url)
    return int(status)


def test_each_service_is_listed_with_its_state(page: Page) -> None:
    page.goto("/services")
    expect(page.get_by_test_id("service-row")).to_have_count(4)
    state(row(page, "consumer"), "running")
    state(row(page, "watcher"), "failed")
    expect(row(page, "watcher")).to_contain_text("mail.example.com does not answer")
    state(row(page, "reader"), "restarting")
    expect(row(page, "reader")).to_contain_text(re.compile("again in (9|10) minutes"))

    up = row(page, "consumer").locator("td[data-name='Up for']")
    before = up.inner_text()
    expect(up).to_have_text(re.compile(r"\d"))
    expect(up).not_to_have_text(before)
    row(page, "consumer").locator("td[data-name='Run'] a").click()
    expect(page.get_by_test_id("status").first).to_have_attribute("data-status", "running")


def test_a_service_is_stopped_started_and_restarted_by_its_buttons(page: Page) -> None:
    page.goto("/services")
    mine = row(page, "consumer")
    state(mine, "running")
    run = mine.locator("td[data-name='Run']").inner_text()
    mine.get_by_test_id("restart-service").click()
    page.get_by_test_id("confirm-button").click()
    expect(mine.locator("td[data-name='Run']")).not_to_have_text(run, timeout=15_000)
    state(mine, "running")

    mine.get_by_test_id("stop-service").click()
    dialog = page.get_by_role("dialog", name="Stop Queue consumer?")
    expect(dialog).to_contain_text("stays stopped")
    dialog.get_by_role("button", name="Go back").click()
    state(mine, "running")
    mine.get_by_test_id("stop-service").click()
    page.get_by_test_id("confirm-button").click()
    state(mine, "stopped")
    expect(mine.get_by_test_id("restart-service")).to_have_count(0)
    expect(mine.get_by_test_id("stop-service")).to_have_count(0)
    mine.get_by_test_id("start-service").click()
    state(mine, "running")


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/services")
    mine = row(page, "consumer")
    state(mine, "running")
    page.get_by_role("button", name="Restart Queue consumer").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Stop Queue consumer")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Go back")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Stop Queue consumer")).to_be_focused()
    state(mine, "running")


def test_what_others_do_is_seen_without_a_reload(page: Page) -> None:
    page.goto("/services")
    state(row(page, "consumer"), "running")
    assert order(page, "consumer", "stop") == 200
    state(row(page, "consumer"), "stopped")
    assert order(page, "consumer", "start") == 200
    state(row(page, "consumer"), "running")


def test_a_dangerous_service_is_started_only_when_that_is_confirmed(page: Page) -> None:
    page.goto("/services")
    mine = row(page, "sender")
    state(mine, "running")
    mine.get_by_test_id("stop-service").click()
    page.get_by_test_id("confirm-button").click()
    state(mine, "stopped")
    mine.get_by_test_id("start-service").click()
    dialog = page.get_by_role("dialog", name="Start Sender?")
    expect(dialog).to_contain_text("Sends letters to customers.")
    state(mine, "stopped")
    dialog.get_by_test_id("confirm-button").click()
    state(mine, "running")


def test_a_schedule_that_is_a_service_says_so_on_its_page(page: Page) -> None:
    page.goto("/schedules")
    own = page.locator('[data-testid="schedule-row"][data-schedule="consumer"]')
    expect(own).to_contain_text("kept running")
    expect(own.get_by_role("switch")).to_have_count(0)
    expect(page.locator('[data-schedule="nightly"]').get_by_role("switch")).to_have_count(1)
    own.get_by_role("link", name="Service").click()
    page.wait_for_url("**/services")
    row(page, "consumer").get_by_role("link", name="Queue consumer").first.click()
    page.wait_for_url("**/schedules/consumer")
    card = page.get_by_test_id("service")
    state(card, "running")
    expect(page.get_by_text("Next times")).to_have_count(0)
    expect(page.get_by_test_id("fire-button")).to_have_count(0)
    expect(page.get_by_role("switch")).to_have_count(0)
    page.get_by_test_id("stop-service").click()
    page.get_by_test_id("confirm-button").click()
    state(card, "stopped")
    page.get_by_test_id("start-service").click()
    state(card, "running")
    card.get_by_role("link", name="All services").click()
    page.wait_for_url("**/services")

    page.goto("/tasks/consumer")
    expect(page.get_by_test_id("kept-running")).to_be_visible()
    expect(page.get_by_test_id("run-button")).to_have_count(0)


def test_a_service_is_made_with_the_form_of_schedules(page: Page) -> None:
    page.goto("/schedules?new=true&task=consumer")
    form = page.get_by_test_id("schedule-form")
    form.get_by_label("Name").fill("second-consumer")
    expect(form.get_by_label("After a downtime")).to_be_visible()
    form.get_by_role("button", name="@always").click()
    expect(form.get_by_label("After a downtime")).to_be_hidden()
    expect(page.get_by_test_id("schedule-preview")).to_contain_text("one is kept running")
    expect(page.get_by_test_id("schedule-preview")).not_to_contain_text("never fires")
    page.get_by_test_id("save-schedule").click()
    page.wait_for_url("**/schedules/second-consumer")
    state(page.get_by_test_id("service"), "running")
    page.get_by_test_id("stop-service").click()
    page.get_by_test_id("confirm-button").click()
    state(page.get_by_test_id("service"), "stopped")


def test_who_may_only_look_has_no_commands(browser: Browser, served: Served, viewer: tuple[Path, str]) -> None:
    context = browser.new_context(base_url=served.origin)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Access token").fill(viewer[1])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/tasks")
    for path, place in (("/services", row(page, "consumer")), ("/schedules/consumer", page.get_by_test_id("service"))):
        page.goto(path)
        state(place, "running")
        for verb in ("start", "stop", "restart"):
            expect(page.get_by_test_id(f"{verb}-service")).to_have_count(0)
    assert order(page, "consumer", "stop") == 403
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_a_service_has_an_accessibility_violation(page: Page, scheme: str) -> None:
    expect_no_violation(page, PAGES, scheme)


def test_a_phone_and_a_small_window_need_no_sideways_scrolling(page: Page) -> None:
    for width in (390, 900, 990):
        page.set_viewport_size({"width": width, "height": 800})
        for path in PAGES:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} wide in {width}"


def test_what_a_service_uses_is_shown(page: Page) -> None:
    page.goto("/services")
    cells = {name: row(page, name).locator("td") for name in ("consumer", "sender")}
    expect(cells["consumer"].nth(4)).to_have_text(re.compile(r"\d (ms|s)$"), timeout=30_000)
    expect(cells["sender"].nth(4)).to_have_text(re.compile(r"\d (ms|s)$"), timeout=30_000)
    expect(cells["sender"].nth(5)).to_have_text(re.compile(r"\d MiB$"))
    expect(cells["consumer"].nth(5)).to_have_text("–")
