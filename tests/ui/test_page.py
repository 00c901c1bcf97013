"""The main way through the page, in a real browser against a real server."""

from __future__ import annotations

import re
import signal
import time

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from tests.ui.conftest import Served, expect_no_violation

PAGES = [
    "/tasks",
    "/tasks/backup",
    "/tasks/load",
    "/runs",
    "/schedules",
    "/schedules/heartbeat",
    "/services",
    "/timeline",
    "/workers",
    "/problems",
]


def status(page: Page, wanted: str) -> None:
    """Wait until the run has this status."""
    expect(page.get_by_test_id("status").first).to_have_attribute("data-status", wanted, timeout=10_000)


def test_the_tasks_are_listed_searched_and_their_problems_shown(page: Page) -> None:
    page.goto("/tasks")
    expect(page.get_by_test_id("task-card")).to_have_count(6)
    page.get_by_test_id("search").fill("backup")
    expect(page.get_by_test_id("task-card")).to_have_count(1)
    page.goto("/problems")
    expect(page.get_by_text("nothing_of_that_name").first).to_be_visible()


def test_a_fault_is_shown_at_its_field_and_danger_is_asked_about(page: Page) -> None:
    page.goto("/tasks/backup")
    page.get_by_label("Keep").first.fill("99")
    page.get_by_test_id("run-button").first.click()
    page.get_by_role("dialog").get_by_role("button").last.click()
    expect(page.get_by_text(re.compile("less than or equal to 9|at most 9", re.IGNORECASE)).first).to_be_visible()
    page.get_by_label("Keep").first.fill("5")
    page.get_by_test_id("run-button").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Replaces yesterday's backup.")).to_be_visible()
    dialog.get_by_role("button").last.click()
    status(page, "completed")
    expect(page.get_by_test_id("result")).to_contain_text("backup.sql")


def test_files_are_chosen_and_sent(page: Page) -> None:
    page.goto("/tasks/load")
    page.get_by_test_id("run-button").first.click()
    expect(page.get_by_text("is required").first).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_label("Table").click()
    chooser.value.set_files(FilePayload(name="people.csv", mimeType="text/csv", buffer=b"Ada"))
    with page.expect_file_chooser() as chooser:
        page.get_by_label("More").click()
    chooser.value.set_files([FilePayload(name=f"{n}.csv", mimeType="text/csv", buffer=b"x") for n in (1, 2)])
    page.get_by_label("Note").fill("with three files")
    page.get_by_test_id("run-button").first.click()
    status(page, "completed")
    for said in ("people.csv: Ada", "1.csv: x", "2.csv: x", "with three files"):
        expect(page.get_by_test_id("result")).to_contain_text(said)


def test_a_run_is_watched_paused_resumed_and_cancelled(page: Page) -> None:
    page.goto("/tasks/scan")
    page.get_by_test_id("run-button").first.click()
    status(page, "running")
    expect(page.get_by_test_id("log")).to_contain_text("looking into folder 3")
    expect(page.get_by_test_id("progress").first).to_be_visible()
    page.get_by_test_id("pause-button").click()
    status(page, "paused")
    page.get_by_test_id("resume-button").click()
    status(page, "running")
    page.get_by_test_id("cancel-button").click()
    page.get_by_test_id("confirm-button").click()
    status(page, "cancelled")


def test_twenty_thousand_lines_reach_the_open_page(page: Page) -> None:
    page.goto("/tasks/lines")
    page.get_by_test_id("run-button").first.click()
    page.wait_for_url("**/runs/*")
    began = time.monotonic()
    expect(page.get_by_text(re.compile(r"20,000 lines|20000 lines")).first).to_be_visible(timeout=20_000)
    print(f"20,000 lines: {time.monotonic() - began:.2f} s from the open page to the last line")
    status(page, "completed")


def test_what_data_says_is_shown_and_never_run(page: Page) -> None:
    """Complaints of the page fixture: a dialog, an error, a report of the policy."""
    page.goto("/tasks")
    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    page.goto("/tasks/polyglot")
    page.get_by_test_id("run-button").first.click()
    status(page, "completed")
    expect(page.get_by_test_id("log")).to_contain_text("<script>alert(1)</script>")
    expect(page.get_by_test_id("result")).to_contain_text("<b onmouseover=alert(1)>bold</b>")


def test_the_schedule_has_fired_and_its_ledger_is_shown(page: Page) -> None:
    page.goto("/schedules")
    expect(page.get_by_test_id("schedule-row").first).to_contain_text("Heartbeat")
    page.goto("/schedules/heartbeat")
    expect(page.get_by_text("fired").first).to_be_visible()


def test_the_totals_over_all_schedules_are_shown(page: Page) -> None:
    page.goto("/schedules")
    totals = page.evaluate("""() => fetch("/api/stats").then(answer => answer.json())""")["data"]["attributes"]
    shown = page.get_by_test_id("totals")
    assert (totals["total_tasks"], totals["enabled_tasks"], totals["scheduler"]) == (1, 1, "ticking")
    for name in ("total_tasks", "enabled_tasks", "total_errors"):
        expect(shown.locator(f"[data-total={name}]")).to_have_text(str(totals[name]))
    expect(shown.locator("[data-total=total_runs]")).to_have_text(re.compile(r"[1-9]\d*"))
    expect(page.get_by_text("Nobody fires schedules")).to_have_count(0)


def test_a_page_without_services_says_how_to_make_one(page: Page) -> None:
    page.goto("/tasks")
    page.get_by_role("link", name="Services").first.click()
    expect(page.get_by_role("heading", name="No services yet")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text('schedule="@always"')


def test_the_pause_of_all_schedules_is_shown_with_its_reason(page: Page) -> None:
    page.goto("/schedules")
    paused = page.evaluate(
        """reason => fetch("/api/pause", {
             method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({reason}),
           }).then(answer => answer.status)""",
        "a migration",
    )
    assert paused == 200
    page.reload()
    notice = page.get_by_role("alert").filter(has_text="All schedules are paused: a migration")
    expect(notice).to_be_visible()
    notice.get_by_role("button", name="Let them go on").click()
    expect(notice).to_be_hidden()


def test_a_file_dropped_into_the_folder_is_there_without_a_restart(page: Page, served: Served) -> None:
    page.goto("/tasks")
    dropped = served.home / "tasks" / "late.py"
    dropped.write_text(
        'from runwright import task\n\n@task(title="Just dropped in")\ndef late() -> int:\n    return 42\n'
    )
    for _ in range(40):
        if page.get_by_text("Just dropped in").count():
            break
        page.wait_for_timeout(250)
        page.reload()
    page.goto("/tasks/late")
    page.get_by_test_id("run-button").first.click()
    status(page, "completed")
    expect(page.get_by_test_id("result")).to_contain_text("42")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_an_accessibility_violation(page: Page, scheme: str) -> None:
    expect_no_violation(page, PAGES, scheme)


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for path in PAGES:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{path} is {width} wide"


def test_the_result_is_there_after_the_server_was_killed(signed_in: BrowserContext, served: Served) -> None:
    """Kill -9, start again: the session, the run and its result have survived."""
    page = signed_in.new_page()
    page.goto("/tasks/lines?arguments=%7B%22count%22%3A3%7D")
    page.get_by_test_id("run-button").first.click()
    status(page, "completed")
    run = page.url
    served.stop(signal.SIGKILL)
    served.start()
    page.goto(run)
    status(page, "completed")
    expect(page.get_by_test_id("result")).to_contain_text("3")
    expect(page.get_by_test_id("log")).to_contain_text("line 2 of many")
    page.close()
