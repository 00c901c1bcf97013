"""Every example of the task scheduling document (004): its YAML, its requests over HTTP, its timeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from runwright import Settings, TaskManager, task
from tests.edges.conftest import JSON_API, Doors, doors, post  # noqa: F401 - the fixture

DEFINING = """
Tasks:
  - Name: daily_report
    Label: Generate Daily Report
    Schedule: "@daily"
    ActionName: generate_report
    EntityName: report
    AsUserEmail: admin@example.com
    Attributes:
      report_type: daily
      format: pdf

  - Name: hourly_sync
    Label: Sync External Data
    Schedule: "@every 1h"
    ActionName: sync_external_data
    EntityName: integration
"""
USE_CASES = """
Tasks:
  - Name: mail_sync
    Schedule: "@every 1h"
    ActionName: mail_servers_sync
    EntityName: mail_server
    Label: Sync Mail Servers
  - Name: daily_backup
    Schedule: "0 2 * * *"  # 2 AM daily
    ActionName: export_data
    EntityName: world
    Attributes:
      format: json
      destination: backup_store
  - Name: storage_sync
    Schedule: "@every 6h"
    ActionName: site_sync_storage
    EntityName: site
    Attributes:
      site_id: SITE_ID
  - Name: weekly_report
    Schedule: "0 8 * * 1"  # Monday 8 AM
    ActionName: generate_report
    EntityName: analytics
    AsUserEmail: reports@example.com
    Attributes:
      type: weekly
      recipients: ["manager@example.com"]
  - Name: cleanup_sessions
    Schedule: "@daily"
    ActionName: cleanup_old_sessions
    EntityName: session
    Attributes:
      max_age_days: 7
"""


@task(name="generate_report")
async def generate_report(**attributes: Any) -> dict[str, Any]:
    return attributes


@pytest.mark.parametrize("text", [DEFINING, USE_CASES])
async def test_tasks_in_a_yaml_file(tmp_path: Path, text: str) -> None:
    """Each is there as it is written; one whose action is not here is unbound, and stays."""
    file = tmp_path / "runwright.yaml"
    file.write_text(f"store: 'sqlite:///:memory:'\n{text}")
    async with TaskManager(Settings.load(file, environ={}), tasks=[generate_report]) as manager:
        found = {each.name: each for each in await manager.schedules.list()}
        for entry in yaml.safe_load(text)["Tasks"]:
            schedule = found.pop(entry["Name"])
            assert schedule.label == entry.get("Label", "")
            assert schedule.task == entry["ActionName"]
            assert schedule.entity == entry["EntityName"]
            assert schedule.as_user == entry.get("AsUserEmail")
            assert json.loads(schedule.arguments) == entry.get("Attributes", {})
            assert manager.control.schedules.shown(schedule)[0] == entry["Schedule"]
            assert schedule.enabled and schedule.next_due_at is not None
            unbound = manager.control.schedules.unbound(schedule)
            assert (unbound is None) == (entry["ActionName"] == "generate_report")
        assert found == {}


async def test_the_requests_of_the_document(doors: Doors) -> None:  # noqa: F811 - the fixture
    """List, create, update, disable, look, and ask the timeline, word for word."""
    assert (await doors.operator.get("/api/task")).json()["data"] == []
    created = await post(doors.operator, "/api/task", "task", {
        "name": "cleanup_old_data", "label": "Cleanup Old Data", "schedule": "@daily", "action_name": "cleanup",
        "entity_name": "temp_data", "as_user_email": "system@example.com", "is_active": True,
        "attributes": {"days_old": 30},
    })  # fmt: skip
    document = created.json()
    identity, shown = document["data"]["id"], document["data"]["attributes"]
    words = ("name", "label", "schedule", "action_name", "entity_name", "as_user_email", "attributes", "is_active")
    assert created.status_code == 201
    assert created.headers["content-type"] == "application/vnd.api+json"
    assert created.headers["location"] == f"/api/task/{identity}"
    assert document["data"]["type"] == "task"
    assert [shown[word] for word in words] == [
        "cleanup_old_data", "Cleanup Old Data", "@daily", "cleanup", "temp_data", "system@example.com",
        {"days_old": 30}, True,
    ]  # fmt: skip
    assert "cleanup" in document["meta"]["warning"]

    def update(**attributes: Any) -> Any:
        body = {"data": {"type": "task", "id": identity, "attributes": attributes}}
        return doors.operator.patch(f"/api/task/{identity}", json=body, headers=JSON_API)

    updated = await update(schedule="@every 2h", is_active=True)
    disabled = await update(is_active=False)
    assert updated.json()["data"]["attributes"]["schedule"] == "@every 2h"
    assert disabled.json()["data"]["attributes"]["is_active"] is False
    assert disabled.json()["data"]["attributes"]["next_run"] is None

    status = (await doors.operator.get(f"/api/task/{identity}")).json()["data"]["attributes"]
    assert {"last_run", "next_run", "last_status", "run_count", "error_count", "last_error"} <= status.keys()

    query = '[{"column":"event_type","operator":"is","value":"task"}]'
    history = (await doors.operator.get("/api/timeline", params={"query": query})).json()["data"]
    assert [each["attributes"]["action"] for each in history] == [
        "schedule.disabled",
        "schedule.updated",
        "schedule.created",
    ]
    assert {each["attributes"]["user"] for each in history} == {"the operator"}


async def test_attributes_may_be_json_text_and_active_means_is_active(doors: Doors) -> None:  # noqa: F811
    made = await post(doors.operator, "/api/task", "task", {
        "name": "a", "schedule": "@daily", "action_name": "add", "attributes": '{"a": 1}', "active": False,
    })  # fmt: skip
    shown = made.json()["data"]["attributes"]
    assert (shown["attributes"], shown["is_active"]) == ({"a": 1, "b": 1}, False)


async def test_the_attributes_of_one_run_do_not_leak_into_the_next(doors: Doors) -> None:  # noqa: F811
    await post(doors.operator, "/api/task", "task", {
        "name": "a", "schedule": "@daily", "action_name": "add", "attributes": {"a": 1},
    })  # fmt: skip
    results = []
    for _ in range(2):
        fired = (await doors.operator.post("/api/task/a/fire")).json()["data"]
        results.append((await doors.manager.wait(fired["id"], timeout=5)).arguments)
    assert results == [{"a": 1, "b": 1}] * 2


async def test_failed_tasks_are_in_the_timeline_and_disturb_no_other(doors: Doors) -> None:  # noqa: F811
    for name, action in (("bad", "failing"), ("good", "chatty")):
        attributes = {} if name == "bad" else {"lines": 1}
        await post(doors.operator, "/api/task", "task", {
            "name": name, "schedule": "@daily", "action_name": action, "attributes": attributes,
            "retry": {"max_retries": 0},
        })  # fmt: skip
    runs = [(await doors.operator.post(f"/api/task/{name}/fire")).json()["data"]["id"] for name in ("bad", "good")]
    ended = [await doors.manager.wait(run, timeout=5) for run in runs]
    query = json.dumps([{"column": "action", "operator": "is", "value": "run.failed"}])
    failed = (await doors.viewer.get("/api/timeline", params={"query": query})).json()["data"]
    assert [run.status for run in ended] == ["error", "completed"]
    assert [each["attributes"]["run"] for each in failed] == [runs[0]]
