"""The page below a path of another application: the FastAPI example, as it stands, in a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

EXAMPLES = Path(__file__).parents[2] / "examples" / "embedded"
TOKEN = "a-token-of-somebody's-own-choice-0123"


@pytest.fixture
def application(tmp_path: Path) -> Iterator[str]:
    """Where the example is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", str(port), "fastapi_app:app"],
        cwd=tmp_path, env={**os.environ, "TASK_ADMIN_TOKEN": TOKEN, "TASK_STORE": "sqlite:///example.db"},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_the_page_works_where_it_is_mounted(browser: Browser, application: str) -> None:
    context = browser.new_context(base_url=application)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda answer: complaints.append(answer.url) if answer.status == 404 else None)
    try:
        page.goto("/jobs/tasks/send_receipt")
        page.wait_for_url("**/jobs/sign-in?next=*")
        page.get_by_label("Access token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/jobs/tasks/send_receipt")
        page.get_by_label("Order").fill("7")
        page.get_by_label("Address").fill("ada@example.com")
        page.get_by_test_id("run-button").first.click()
        page.wait_for_url("**/jobs/runs/*")
        expect(page.get_by_test_id("status").first).to_have_attribute("data-status", "completed", timeout=10_000)
        expect(page.get_by_test_id("log")).to_contain_text("order 7 goes to ada@example.com")
        page.reload()
        expect(page.get_by_test_id("result")).to_contain_text("receipt 7 sent")
        page.get_by_role("link", name="Schedules").first.click()
        page.wait_for_url("**/jobs/schedules")
        page.goto("/jobs/")
        page.wait_for_url("**/jobs/tasks")
        expect(page.get_by_test_id("task-card")).to_have_count(1)
        assert complaints == []
    finally:
        context.close()
