"""Whatever is sent about schedules is taken or refused with the field's name: never a fault of the server."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from runwright.control.schedule_words import WORDS
from runwright.errors import InvalidInput
from tests.edges.conftest import JSON_API, Doors, post
from tests.edges.test_http_schedules import make

NASTY: list[Any] = [
    None, 5, -1, True, "", "x" * 20_001, [], {}, ["a"] * 2000, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00",
    ["0001-01-01T00:00Z"], "\u0000", -(2**70), 2**70, 0.1, "CRON_TZ=/etc/passwd * * * * *",
]  # fmt: skip


class Broken:
    """A trigger that cannot answer."""

    def __init__(self, good: int = 0) -> None:
        self.good = good

    def next_after(self, moment: datetime) -> datetime | None:
        if self.good:
            self.good -= 1
            return moment.replace(year=moment.year + 1)
        raise ZeroDivisionError("on purpose")


@pytest.mark.parametrize("word", sorted(WORDS))
async def test_no_value_of_an_attribute_is_a_fault_of_the_server(doors: Doors, word: str) -> None:
    await make(doors, name="kept")
    for value in NASTY:
        given = {"name": "tried", "action_name": "add", "schedule": "@daily", "attributes": {"a": 1}, word: value}
        if word == "when":
            del given["schedule"]
        answer = await post(doors.operator, "/api/task", "task", given)
        assert answer.status_code in (201, 422), (value, answer.text)
        body = {"data": {"type": "task", "attributes": {word: value}}}
        changed = await doors.operator.patch("/api/task/kept", json=body, headers=JSON_API)
        assert changed.status_code in (200, 422), (value, changed.text)
        for path in ("/api/task", "/api/task/kept/next"):
            assert (await doors.viewer.get(path)).status_code == 200, value
        assert (await doors.admin.get("/api/schedule-file")).status_code == 200, value
        await doors.operator.delete("/api/task/tried")


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/api/task/nightly/next?from=0001-01-01T00:00:00Z&until=0001-01-02T00:00:00Z", "/from"),
        ("/api/task/nightly/next?from=2030-01-01T00:00:00Z&until=9999-12-31T23:59:00Z", "/until"),
        ("/api/task/nightly/fires?page[after]=99999999999999999999999999", "/page/after"),
        ("/api/task/nightly/fires?page[after]=x", "/page/after"),
        ("/api/run?page[after]=99999999999999999999999999", "/page/after"),
        ("/api/run?page[after]=1_0", "/page/after"),
        ("/api/timeline?page[after]=99999999999999999999999999", "/page/after"),
        ('/api/timeline?query=[{"column":"time","operator":"after","value":99999999999999999999}]', "/query/0/value"),
    ],
)
async def test_moments_and_cursors_are_bounded(doors: Doors, path: str, pointer: str) -> None:
    await make(doors)
    answer = await doors.viewer.get(path)
    assert answer.status_code == 422, answer.text
    source = answer.json()["errors"][0]["source"]
    assert source == {"pointer": pointer}


async def test_a_backfill_of_the_year_one_is_refused(doors: Doors) -> None:
    await make(doors)
    answer = await doors.operator.post(
        "/api/task/nightly/backfill", json={"from": "0001-01-01T00:00Z", "until": "0001-01-05T00:00Z"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["source"]["pointer"]) == (422, "/from")


async def test_a_plug_in_that_raises_is_told(doors: Doors) -> None:
    with pytest.raises(InvalidInput, match="Broken raised ZeroDivisionError: on purpose"):
        await doors.manager.schedules.add("broken", task="add", when=Broken(), arguments={"a": 1})
    await doors.manager.schedules.add("broken", task="add", when=Broken(good=1), arguments={"a": 1})
    answer = await doors.viewer.get("/api/task/broken/next")
    assert answer.status_code == 422
    assert "Broken raised ZeroDivisionError" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("query", "status"), [("sort=name", 200), ("sort=-bogus", 422), ("page[after]=%00", 422), ("filter[name]=%00", 422)]
)
async def test_a_list_takes_what_it_can_do(doors: Doors, query: str, status: int) -> None:
    assert (await doors.viewer.get(f"/api/task?{query}")).status_code == status


async def test_what_is_exported_can_be_imported_and_other_bodies_have_their_limit(doors: Doors) -> None:
    await make(doors)
    (entry,) = (await doors.admin.get("/api/schedule-file")).json()["data"]["attributes"]["schedules"]
    many = [{**entry, "name": f"s-{number}", "description": "x" * 9_000} for number in range(150)]
    loaded = await doors.admin.put("/api/schedule-file", json={"schedules": many})
    assert loaded.status_code == 200, loaded.text
    assert (await doors.operator.put("/api/schedule-file", json={"schedules": many})).status_code == 403
    refused = await post(doors.operator, "/api/task", "task", {"description": "x" * 2_000_000})
    assert refused.status_code == 413
    assert "see body_limit_bytes in the settings" in refused.json()["errors"][0]["detail"]
