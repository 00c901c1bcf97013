"""In which orders three operations meet: A goes so far, B so far, C to its end, then B, then A."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from itertools import count, permutations

from tests.interleavings.stepper import END, Execution, Plan

_GOLDEN = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
"""Multiples of these fill a cube evenly, however many are taken (the R3 sequence)."""


def plan(names: tuple[str, str, str], first: int, second: int) -> Plan:
    """One order of three operations."""
    a, b, c = names
    return ((a, first), (b, second), (c, END), (b, END), (a, END))


def sample(lengths: Mapping[str, int], number: int) -> Iterator[Plan]:
    """So many orders, spread evenly over the triples and over the points where one operation gives way."""
    triples = list(permutations(lengths, 3))
    for place in range(1, number + 1):
        which, first, second = (place * step % 1 for step in _GOLDEN)
        a, b, c = triples[int(which * len(triples))]
        yield plan((a, b, c), int(first * lengths[a]), int(second * lengths[b]))


async def every(operations: tuple[str, ...], play: Callable[[Plan], Awaitable[Execution]]) -> AsyncIterator[Execution]:
    """All orders: A and B give way after each of their statements, however many there turn out to be.

    The point behind BEGIN is left out: nothing is different from the one before it.
    """
    for names in permutations(operations, 3):
        for first in count():
            if first == 1:
                continue
            short = False
            for second in count():
                if second == 1:
                    continue
                execution = await play(plan(names, first, second))
                short = names[0] in execution.short
                if short or names[1] in execution.short:
                    break
                yield execution
            if short:
                break
