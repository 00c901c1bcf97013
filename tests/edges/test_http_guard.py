"""Who gets in: every route, every role; hosts, origins, cookies and codes."""

from __future__ import annotations

import re

import pytest

from runwright.errors import StoreUnavailable
from runwright.model import SYSTEM
from tests.edges.conftest import HOST, JSON_API, Doors

OPEN = {("GET", "/sign-in"), ("POST", "/api/session"), ("GET", "/health/live"), ("GET", "/health/ready"),
        ("GET", "/favicon.svg"), ("GET", "/favicon.ico")}  # fmt: skip


async def routes(doors: Doors) -> list[tuple[str, str]]:
    """Method and path of every documented route, its parameters filled in."""
    paths = (await doors.admin.get("/api/openapi.json")).json()["paths"]
    return [(method.upper(), re.sub(r"{\w+}", "x", path)) for path, each in paths.items() for method in each]


async def test_every_route_is_closed_to_strangers(doors: Doors) -> None:
    """Deny by default: only the written list answers without credentials."""
    found = await routes(doors)
    assert len(found) > 30
    for method, path in found:
        answer = await doors.anonymous.request(method, path)
        if (method, path) not in OPEN:
            assert answer.status_code == 401, (method, path)
            assert answer.json()["errors"][0]["code"] == "not_signed_in"


ODD = ["/api/run/", "//api/run", "/api/run/../run", "/API/RUN", "/api/run;x", "/assets/../run", "/health/live/",
       "/api/docs", "/nothing"]  # fmt: skip


@pytest.mark.parametrize("path", ODD)
async def test_odd_paths_do_not_get_around_the_guard(doors: Doors, path: str) -> None:
    assert (await doors.anonymous.get(HOST + path)).status_code in (401, 404)
    assert (await doors.anonymous.get(HOST + path)).status_code != 200


@pytest.mark.parametrize("probe", ["live", "ready"])
async def test_a_probe_that_says_who_it_is_needs_no_store_for_that(
    doors: Doors, probe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(doors.manager.store, "credential", away)
    headers = {"authorization": "Bearer somebody"}
    assert (await doors.anonymous.get(f"/health/{probe}", headers=headers)).status_code == 200
    assert (await doors.anonymous.get("/api/me", headers=headers)).status_code == 503


async def test_viewers_look_and_touch_nothing(doors: Doors) -> None:
    run = (await doors.start("add", {"a": 1})).json()["data"]["id"]
    assert (await doors.viewer.get(f"/api/run/{run}")).status_code == 200
    start = {"data": {"type": "run", "attributes": {"definition": "add", "arguments": {"a": 1}}}}
    forbidden = [
        await doors.viewer.post("/api/run", json=start, headers=JSON_API),
        await doors.viewer.post(f"/api/run/{run}/cancel"),
        await doors.viewer.delete(f"/api/run/{run}"),
        await doors.viewer.post("/admin/task/add/start", json={"a": 1}),
        await doors.viewer.post("/api/run/bulk", json={"action": "delete", "ids": [run]}),
    ]

    assert [answer.status_code for answer in forbidden] == [403] * 5


async def test_a_sign_in_link_works_once_and_gives_a_safe_cookie(doors: Doors) -> None:
    code = await doors.manager.control.accounts.sign_in_code("ada")
    browser = doors.client()
    first = await browser.get(f"/sign-in?code={code}")
    again = await doors.client().get(f"/sign-in?code={code}")
    me = await browser.get("/api/me")
    out = await browser.delete("/api/session", headers={"origin": HOST})

    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert again.headers["location"].startswith("/sign-in?expired")
    assert me.json()["data"]["attributes"] == {"name": "ada", "role": "admin"}
    assert out.status_code == 204
    assert (await browser.get("/api/me")).status_code == 401


async def test_a_cookie_is_worth_nothing_to_other_sites(doors: Doors) -> None:
    """Forged requests are refused, on loopback too; a bearer token is no cookie and needs no origin."""
    browser = doors.client()
    await browser.get(f"/sign-in?code={await doors.manager.control.accounts.sign_in_code('ada')}")
    body = {"data": {"type": "run", "attributes": {"definition": "add", "arguments": {"a": 1}}}}
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1:6336.evil.example", ""):
        answer = await browser.post("/api/run", json=body, headers={**JSON_API, "origin": origin})
        assert answer.status_code == 403, origin
    cross = await browser.post("/api/run", json=body, headers={**JSON_API, "sec-fetch-site": "cross-site"})
    same = await browser.post("/api/run", json=body, headers={**JSON_API, "origin": HOST})

    assert cross.status_code == 403
    assert same.status_code == 202


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:6336", ""])
async def test_foreign_host_names_are_refused(doors: Doors, host: str) -> None:
    answer = await doors.admin.get("/api/me", headers={"host": host})

    assert answer.status_code == 421


@pytest.mark.parametrize("length", ["many", "-1", "²", "9" * 5000])
async def test_a_length_that_is_no_number_is_too_large(doors: Doors, length: str) -> None:
    headers = {**JSON_API, "content-length": length.encode("latin-1")}
    answer = await doors.admin.post("/api/run", content=b"{}", headers=headers)  # type: ignore[arg-type]  # raw bytes

    assert answer.status_code == 413


async def test_wrong_and_revoked_tokens(doors: Doors) -> None:
    token = await doors.manager.control.accounts.token(SYSTEM, "robot", SYSTEM.role)
    robot = doors.client(token)
    assert (await robot.get("/api/me")).status_code == 200
    assert await doors.manager.control.accounts.revoke(SYSTEM, token)
    assert (await robot.get("/api/me")).status_code == 401
    for header in ("Bearer", "Bearer ", "Basic abc", "Bearer rw_wrong", token):
        assert (await doors.client().get("/api/me", headers={"authorization": header})).status_code == 401


async def test_every_answer_carries_the_policy(doors: Doors) -> None:
    for path in ("/api/run", "/sign-in", "/nothing"):
        headers = (await doors.admin.get(path)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_browsers_are_led_to_sign_in_and_back(doors: Doors) -> None:
    answer = await doors.anonymous.get("/runs", headers={"accept": "text/html"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fruns")
