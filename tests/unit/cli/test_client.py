"""The client of the API, against a small application that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from runwright.cli.client import Answered, Client, segment
from runwright.cli.output import exit_code
from runwright.errors import InvalidInput, StoreUnavailable


class Answers:
    """An ASGI application with one prepared answer for each path and query; remembers what it was asked."""

    def __init__(self, answers: Mapping[str, tuple[int, str]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Mapping[str, str], bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        query = scope["query_string"].decode()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        target = f"{scope['path']}{'?' if query else ''}{query}"
        self.asked.append((scope["method"], target, headers, body))
        status, text = self.answers[target]
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})


def client(answers: Mapping[str, tuple[int, str]]) -> tuple[Client, Answers]:
    app = Answers(answers)
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost")
    return Client(http), app


def page(ids: list[int], following: str | None) -> tuple[int, str]:
    data = [{"type": "run", "id": str(number), "attributes": {"number": number}} for number in ids]
    return 200, json.dumps({"data": data, "links": {"next": following}, "meta": {"of": "first" if following else "x"}})


async def test_a_list_goes_on_over_its_pages_until_there_is_enough() -> None:
    answers = {
        "/api/run?page%5Bsize%5D=3&filter%5Bstatus%5D=error": page([1, 2], "/api/run?page[after]=a"),
        "/api/run?page[after]=a": page([3, 4], "/api/run?page[after]=b"),
    }
    asking, app = client(answers)
    query = {"filter[status]": "error", "filter[task]": None}
    found, meta = await asking.page("/api/run", limit=3, **query)
    assert [entry.id for entry in found] == ["1", "2", "3"]
    assert meta == {"of": "first"}
    assert len(app.asked) == 2


async def test_a_command_has_no_body_unless_it_has_something_to_say() -> None:
    answer = (202, '{"data": {"type": "run", "id": "1", "attributes": {"status": "pending"}}}')
    asking, app = client({"/api/run/1/cancel": answer, "/api/task/x/fire": answer})
    assert (await asking.order("/api/run/1/cancel"))["status"] == "pending"
    await asking.order("/api/task/x/fire", {"confirm": True})
    assert [json.loads(body) if body else None for *_, body in app.asked] == [None, {"confirm": True}]


async def test_a_new_object_is_sent_as_a_document() -> None:
    asking, app = client({"/api/run": (202, '{"data": {"type": "run", "id": "1", "attributes": {}}}')})
    assert (await asking.post("/api/run", "run", {"definition": "x"})).flat() == {"id": "1"}
    method, _, headers, body = app.asked[0]
    assert (method, headers["content-type"]) == ("POST", "application/vnd.api+json")
    assert json.loads(body) == {"data": {"type": "run", "attributes": {"definition": "x"}}}


async def test_every_fault_of_a_refusal_is_kept() -> None:
    errors = [
        {"status": "422", "code": "invalid", "detail": "is required", "source": {"pointer": "/data/attributes/a"}},
        {"status": "422", "code": "invalid", "title": "wrong", "source": {"parameter": "sort"}},
    ]
    asking, _ = client({"/api/run/1": (422, json.dumps({"errors": errors}))})
    with pytest.raises(Answered) as caught:
        await asking.get("/api/run/1")
    assert [(fault.pointer, fault.message) for fault in caught.value.errors] == [
        ("/data/attributes/a", "is required"),
        ("sort", "wrong"),
    ]
    assert caught.value.message == "a: is required; sort: wrong"
    assert exit_code(caught.value) == 2


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [(404, "<html>not here</html>", 3), (502, "bad gateway", 5), (503, "", 5), (500, "{}", 1)],
)
async def test_an_answer_without_a_document_still_counts(status: int, text: str, code: int) -> None:
    asking, _ = client({"/api/run/1": (status, text)})
    with pytest.raises(Answered) as caught:
        await asking.get("/api/run/1")
    assert exit_code(caught.value) == code
    assert str(status) in caught.value.message


@pytest.mark.parametrize("text", ["<html>hello</html>", "[]", "{}", '"data"'])
async def test_another_program_at_that_address_is_found_out(text: str) -> None:
    asking, _ = client({"/api/run/1": (200, text)})
    with pytest.raises(StoreUnavailable, match="Runwright server"):
        await asking.get("/api/run/1")


@pytest.mark.parametrize("text", ["", ".", "..", "\udcff"])
def test_what_cannot_be_a_name_never_becomes_a_path(text: str) -> None:
    with pytest.raises(InvalidInput, match="NAME: "):
        segment(text, "NAME")


async def test_a_question_that_is_no_text_is_refused() -> None:
    asking, app = client({})
    with pytest.raises(InvalidInput, match=r"filter\[status\]: '\\xff' is not UTF-8 text"):
        await asking.get("/api/run", **{"filter[status]": "\udcff"})
    assert app.asked == []
