"""The graph of dependencies, edited by several processes on one PostgreSQL at once: no race lets a cycle in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from runwright import Settings, TaskManager
from runwright.errors import RunwrightError
from runwright.schedule import refuse_cycle


async def test_edits_of_several_processes_at_once_never_make_a_cycle(postgres_url: str) -> None:
    """Two edits that make a cycle together, three that do, and a removal beside an edit that depends on it."""
    settings = Settings(store=postgres_url)
    rounds = 12
    async with (
        TaskManager(settings, roles=()) as one,
        TaskManager(settings, roles=()) as two,
        TaskManager(settings, roles=()) as three,
    ):
        managers = (one, two, three)

        async def refused(*edits: Awaitable[object]) -> int:
            """How many of these were refused, when all are made at once; each in the product's own words."""
            answers = await asyncio.gather(*edits, return_exceptions=True)
            faults = [answer for answer in answers if isinstance(answer, BaseException)]
            assert all(isinstance(fault, RunwrightError) for fault in faults), faults
            return len(faults)

        for number in range(rounds):
            ring = [f"{letter}{number}" for letter in "abc"]
            await one.schedules.add_many({"name": each, "task": "t", "when": "@yearly"} for each in ring)
            pair = [(ring[0], ring[1]), (ring[1], ring[0])]
            edits = [who.schedules.edit(name, depends_on=[on]) for who, (name, on) in zip(managers, pair, strict=False)]
            assert await refused(*edits) == 1
            for each in ring:
                await one.schedules.edit(each, depends_on=[])
            edits = [
                who.schedules.edit(name, depends_on=[ring[(place + 1) % 3]])
                for place, (who, name) in enumerate(zip(managers, ring, strict=True))
            ]
            assert await refused(*edits) == 1
            await one.schedules.add(f"z{number}", task="t", when="@yearly")
            added = two.schedules.add(f"w{number}", task="t", when="@yearly", depends_on=[f"z{number}"])
            assert await refused(one.schedules.remove(f"z{number}"), added) == 1
            same = [who.schedules.add(f"d{number}", task="t", when="@yearly") for who in managers]
            assert await refused(*same) == 2
        graph = {each.name: each.depends_on for each in await one.schedules.list()}
    refuse_cycle(graph)
    assert {name for needs in graph.values() for name in needs} <= graph.keys()
    assert sum(map(len, graph.values())) >= 2 * rounds
