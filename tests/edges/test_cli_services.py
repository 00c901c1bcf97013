"""Services on the command line, beside a running server and alone with a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edges.project import Done, Project, project, read_line, until
from tests.program import Program

TASKS = """
import time

from runwright import Retry, RunContext, task


@task(schedule="@always", title="Queue consumer")
def consumer(run: RunContext) -> None:
    while not run.cancelled:
        time.sleep(0.01)


@task(schedule="@always", retry=Retry(0))
def broken() -> None:
    raise ConnectionError("no answer")


@task(schedule="@always", danger="Sends letters to customers.")
def sender(run: RunContext) -> None:
    while not run.cancelled:
        time.sleep(0.01)


@task(schedule="@daily")
async def nightly() -> None: ...
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Project]:
    """A project whose server keeps its services running, and ends them when it ends."""
    made = project(tmp_path_factory.mktemp("services"), program, TASKS)
    process = made.begin("serve", "--port", "0")
    try:
        assert "/sign-in?code=" in read_line(process.stdout)
        yield made
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err


def show(here: Project, name: str) -> dict[str, Any]:
    return dict(here("services", "show", name, "--json").json)


def wait_for(here: Project, name: str, state: str) -> None:
    until(lambda: show(here, name)["state"] == state)


def line_of(done: Done, name: str) -> list[str]:
    (found,) = (line for line in done.out.splitlines() if line.startswith(name))
    return found.split()


def test_services_are_listed_and_shown(served: Project) -> None:
    wait_for(served, "consumer", "running")
    wait_for(served, "broken", "failed")
    listed, document = served("services", "list"), served("services", "list", "--json").json
    shown, failed = served("services", "show", "consumer"), served("services", "show", "broken")

    assert line_of(listed, "NAME")[:3] == ["NAME", "TASK", "STATE"]
    assert line_of(listed, "consumer")[:3] == ["consumer", "consumer", "running"]
    assert line_of(listed, "broken")[2] == "failed"
    assert [each["name"] for each in document] == ["broken", "consumer", "sender"]
    assert (line_of(shown, "label")[1:], line_of(shown, "state")[1:]) == (["Queue", "consumer"], ["running"])
    assert line_of(shown, "run ")[1] == document[1]["run"]["id"]
    assert line_of(failed, "last error")[2:] == ["no", "answer"]
    assert "run " not in failed.out.splitlines()[4]


def test_a_service_is_stopped_started_and_restarted(served: Project) -> None:
    wait_for(served, "consumer", "running")
    stopped = served("services", "stop", "consumer")
    assert (stopped.code, stopped.out.split()[0]) == (0, "consumer")
    wait_for(served, "consumer", "stopped")
    assert served("services", "stop", "consumer").code == 4
    assert served("services", "start", "consumer").code == 0
    wait_for(served, "consumer", "running")
    again = served("services", "start", "consumer")
    assert (again.code, "to run already" in again.err) == (4, True)
    before = show(served, "consumer")["run"]["id"]
    restarted = served("services", "restart", "consumer", "--json")
    assert (restarted.code, restarted.json["name"]) == (0, "consumer")
    until(lambda: (show(served, "consumer")["run"] or {}).get("id") != before)
    wait_for(served, "consumer", "running")


def test_a_dangerous_service_wants_yes(served: Project) -> None:
    wait_for(served, "sender", "running")
    refused = served("services", "restart", "sender")
    assert (refused.code, "Sends letters to customers. Add --yes to confirm." in refused.err) == (2, True)
    assert served("services", "restart", "sender", "--yes").code == 0


@pytest.mark.parametrize("verb", ["show", "start", "stop", "restart"])
@pytest.mark.parametrize("name", ["nothing", "nightly"])
def test_what_is_no_service_is_not_found(served: Project, verb: str, name: str) -> None:
    done = served("services", verb, name)
    assert (done.code, done.out) == (3, "")
    assert f"'{name}'" in done.err


def test_without_a_server_the_switch_is_kept_and_the_rest_is_told(tmp_path: Path, program: Program) -> None:
    alone = project(tmp_path, program, TASKS)
    assert alone("services", "list").err == "there are no services\n"
    added = alone("schedules", "add", "kept", "--task", "consumer", "--when", "@always")
    assert (added.code, added.out.startswith("added kept: Always: one is kept running")) == (0, True)
    stopped = alone("services", "stop", "kept")
    assert (stopped.code, stopped.out) == (0, "kept is stopped\n")
    assert line_of(alone("services", "list"), "kept")[2] == "stopped"
    started = alone("services", "start", "kept")
    assert (started.code, started.out) == (0, "kept is starting\n")
    assert "no worker that has consumer works on this store now: the service runs once one does" in started.err
