"""The requests on the guide's page about HTTP are sent as they stand there, one after the other, and are taken."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import httpx2

from runwright import Settings, TaskManager, task
from runwright.model import SYSTEM

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "http.md"


def requests() -> list[list[str]]:
    """The words of each curl command."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    text = "\n".join(blocks).replace("\\\n", " ")
    return [shlex.split(f"curl {each}") for each in re.split(r"^curl ", text, flags=re.MULTILINE) if each.strip()]


async def test_each_request_is_taken() -> None:
    @task
    async def report(kind: str) -> str:
        return kind

    statuses = []
    async with TaskManager(Settings(store="sqlite:///:memory:"), tasks=[report]) as manager:
        transport = httpx2.ASGITransport(manager.asgi(local_actor=SYSTEM))
        async with httpx2.AsyncClient(transport=transport) as client:
            for words in requests():
                options = dict(pairwise(words))
                (url,) = (word for word in words if word.startswith("http://"))
                given = [words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H"]
                headers = {name: value for name, value in given if name != "Authorization"}
                body = options.get("-d")
                answer = await client.request(options.get("-X", "GET"), url, content=body, headers=headers)
                assert answer.status_code < 400, (url, answer.text)
                statuses.append(answer.status_code)
        assert len([run for run in (await manager.runs(task="report")).items if run.schedule]) == 1
    of_runs, of_schedules = [202, 200, 200, 200], [201, 200, 200, 200, 200, 200, 200, 202, 200, 200, 204]
    assert statuses == of_runs + of_schedules
