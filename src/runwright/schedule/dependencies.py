"""Schedule: which schedules wait for which, and the refusal of what can never be satisfied. Pure: names only.

The caller checks the whole graph inside the transaction that changes it: two edits, each sound by itself, may make a
cycle together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from runwright.errors import ScheduleRefused


def find_cycle(edges: Mapping[str, Collection[str]]) -> list[str] | None:
    """A cycle as a path that ends where it begins, ``["a", "b", "a"]``; None if there is none.

    ``edges`` gives the names that each name depends on. The answer is the same for the same graph, whatever its order.
    """
    finished: set[str] = set()
    for root in sorted(edges):
        if root in finished:
            continue
        path: dict[str, Iterator[str]] = {root: iter(sorted(edges[root]))}  # in the order of the visit
        while path:
            name = next(reversed(path))
            following = next(path[name], None)
            if following is None:
                finished.add(name)
                del path[name]
            elif following in path:
                names = list(path)
                return [*names[names.index(following) :], following]
            elif following not in finished:
                path[following] = iter(sorted(edges.get(following, ())))
    return None


def refuse_cycle(edges: Mapping[str, Collection[str]]) -> None:
    """Raise ScheduleRefused for ``depends_on``, with the path in its reason, if the graph has a cycle."""
    cycle = find_cycle(edges)
    if cycle is None:
        return
    if len(cycle) == 2:
        raise ScheduleRefused("depends_on", f"{cycle[0]} cannot wait for itself")
    raise ScheduleRefused("depends_on", f"each would wait for the other: {' → '.join(cycle)}")


def refuse_unknown(name: str, depends_on: Collection[str], known: Collection[str]) -> None:
    """Raise ScheduleRefused for ``depends_on`` if schedule ``name`` depends on schedules that are not there."""
    missing = sorted(set(depends_on) - set(known) - {name})
    if missing:
        raise ScheduleRefused("depends_on", f"there is no schedule {' or '.join(repr(one) for one in missing)}")


def dependents(name: str, edges: Mapping[str, Collection[str]]) -> list[str]:
    """The names that depend directly on ``name``, sorted: while there are any, it cannot be removed."""
    return sorted(other for other, needs in edges.items() if name in needs and other != name)
