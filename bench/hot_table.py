"""Bench: which layout of live and finished runs is quicker, on SQLite and on PostgreSQL.

    python -m bench.hot_table [--reps 3] [--history 0 200000] [--stores sqlite postgres]

Every layout does the same verbs (enqueue; turn = finish and claim) with attempts and events stored, in batches of
1, 10, 50 and 100. It prints Markdown tables and writes the raw figures as JSON beside the work files.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import asyncpg

from bench.hot_layouts import LAYOUTS, Layout
from bench.hot_postgres import PostgresTable
from bench.hot_sqlite import Claimed, Row, SqliteTable
from tools.postgres import Postgres

RUNS = {1: 1_000, 10: 3_000, 50: 6_000, 100: 10_000}
"""How many runs are measured for each batch size."""
PAGES = 30
Figures = dict[tuple[str, ...], list[float]]


def make_rows(count: int) -> list[Row]:
    """Runs of twenty tasks with small arguments and time-ordered ids."""
    now = time.time_ns() // 1000
    rows: list[Row] = []
    for n in range(count):
        tail = f"{random.getrandbits(76):019x}"
        stamp = f"{(now + n) // 1000:012x}"
        key = f"{stamp[:8]}-{stamp[8:]}-7{n % 4096:03x}-{tail[:4]}-{tail[4:16]}"
        rows.append((key, f"task_{n % 20:02d}", f'{{"number": {n}}}', 50, now + n, now + n, "async"))
    return rows


class Store:
    """The two stores behind one asynchronous face, so that the measuring is written once."""

    def __init__(self, table: SqliteTable | PostgresTable) -> None:
        self.table = table

    async def enqueue(self, rows: list[Row]) -> None:
        """One verb, one commit."""
        if isinstance(self.table, SqliteTable):
            self.table.enqueue(rows)
        else:
            await self.table.enqueue(rows)

    async def turn(self, finished: list[Claimed], wanted: int, now: int) -> list[Claimed]:
        """One verb, one commit."""
        if isinstance(self.table, SqliteTable):
            return self.table.turn(finished, wanted, now)
        return await self.table.turn(finished, wanted, now)

    async def listing(self, kind: str, value: str) -> int:
        """One page of fifty."""
        return (
            self.table.listing(kind, value)
            if isinstance(self.table, SqliteTable)
            else await self.table.listing(kind, value)
        )

    async def checkpoint(self) -> None:
        """Pay for the past."""
        if isinstance(self.table, SqliteTable):
            self.table.checkpoint()
        else:
            await self.table.checkpoint()


async def drain(store: Store, batch: int, count: int) -> float:
    """Turn until nothing is left; runs a second. Fails when a run was lost or came twice."""
    seen: list[int] = []
    started = time.perf_counter()
    claimed = await store.turn([], batch, time.time_ns() // 1000)
    while claimed:
        seen += [run[0] for run in claimed]
        claimed = await store.turn(claimed, batch, time.time_ns() // 1000)
    elapsed = time.perf_counter() - started
    if len(seen) != count or len(set(seen)) != count:
        raise RuntimeError(f"{len(seen)} runs claimed, {len(set(seen))} different, {count} stored")
    return count / elapsed


async def measure(store: Store, name: tuple[str, str, str], figures: Figures) -> None:
    """All batch sizes and the listings once."""
    for batch, count in RUNS.items():
        rows = make_rows(count)
        await store.checkpoint()
        started = time.perf_counter()
        for start in range(0, count, batch):
            await store.enqueue(rows[start : start + batch])
        figures[(*name, "enqueue", str(batch))].append(count / (time.perf_counter() - started))
        if batch == 100:
            await listings(store, name, figures)
        figures[(*name, "turn", str(batch))].append(await drain(store, batch, count))


async def listings(store: Store, name: tuple[str, str, str], figures: Figures) -> None:
    """Median milliseconds of a page, with a backlog present."""
    for label, kind, value in (
        ("task", "task", "task_07"),
        ("pending", "live", "pending"),
        ("completed", "done", "completed"),
    ):
        times = []
        for _ in range(PAGES):
            started = time.perf_counter()
            found = await store.listing(kind, value)
            times.append((time.perf_counter() - started) * 1000)
            if found != 50:
                raise RuntimeError(f"{name}: page {label} has {found} rows")
        figures[(*name, "page", label)].append(statistics.median(times))


async def sqlite_all(folder: Path, reps: int, histories: list[int], figures: Figures) -> None:
    """SQLite: one fresh file for each layout, history and repetition."""
    for history in histories:
        for layout in LAYOUTS:
            master = SqliteTable(layout, folder / f"{layout.name}-{history}.db")
            master.history(make_rows(history))
            figures[("sqlite", layout.name, str(history), "file MB", "before")].append(master.size() / 1e6)
            master.close()
    for rep in range(reps):
        for history in histories:
            for layout in LAYOUTS:
                path = folder / "work.db"
                for leftover in folder.glob("work.db*"):
                    leftover.unlink()
                shutil.copyfile(folder / f"{layout.name}-{history}.db", path)
                table = SqliteTable(layout, path)
                await measure(Store(table), ("sqlite", layout.name, str(history)), figures)
                table.close()
        print(f"sqlite repetition {rep + 1} done", flush=True)


async def postgres_all(url: str, reps: int, histories: list[int], figures: Figures) -> None:
    """PostgreSQL: the same server for all; vacuumed between the figures."""
    for history in histories:
        for layout in LAYOUTS:
            db = await asyncpg.connect(url)
            table = PostgresTable(layout, db)
            await table.create()
            await table.history(make_rows(history))
            await db.close()
        for rep in range(reps):
            for layout in LAYOUTS:
                db = await asyncpg.connect(url)
                table = PostgresTable(layout, db)
                await db.execute(f"set search_path to bench_{layout.name}")
                await measure(Store(table), ("postgres", layout.name, str(history)), figures)
                await db.close()
            print(f"postgres repetition {rep + 1} with history {history} done", flush=True)


async def growth(url: str, layout: Layout, long_transaction: bool, runs: int = 50_000) -> dict[str, object]:
    """Dead rows after many runs with autovacuum off, optionally while another session holds an old snapshot."""
    db = await asyncpg.connect(url)
    other = await asyncpg.connect(url)
    table = PostgresTable(layout, db)
    await table.create(autovacuum=False)
    if long_transaction:
        await other.execute("begin isolation level repeatable read; select count(*) from pg_class")
    part = runs // 10
    rates = []
    for _ in range(10):
        rows = make_rows(part)
        for start in range(0, part, 1000):
            await table.enqueue(rows[start : start + 1000])
        rates.append(round(await drain(Store(table), 100, part)))
    found = await table.growth()
    await other.close()
    started = time.perf_counter()
    for name in await table.tables():
        await db.execute(f"vacuum {name}")
    vacuum = time.perf_counter() - started
    await db.close()
    return {"rates": rates, "tables": found, "vacuum_seconds": round(vacuum, 2)}


def grid(figures: Figures, store: str, verb: str, columns: list[str], digits: int) -> str:
    """One Markdown table: layouts and histories down, batch sizes or pages across; median (lowest to highest)."""
    lines = [f"| layout | history | {' | '.join(columns)} |", "|---|---:|" + "---:|" * len(columns)]
    names = sorted(
        {key[1:3] for key in figures if key[0] == store}, key=lambda pair: (int(pair[1]), pair[0] != "one", pair[0])
    )
    for layout, history in names:
        cells = []
        for column in columns:
            values = figures.get((store, layout, history, verb, column), [])
            middle = statistics.median(values) if values else 0.0
            cells.append(
                f"{middle:,.{digits}f} ({min(values, default=0):,.{digits}f}–{max(values, default=0):,.{digits}f})"
            )
        lines.append(f"| {layout} | {int(history):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


async def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--history", type=int, nargs="*", default=[0, 200_000])
    parser.add_argument("--stores", nargs="*", default=["sqlite", "postgres"])
    chosen = parser.parse_args()
    root = Path(os.environ.get("BENCH_ROOT") or Path(tempfile.gettempdir()) / "runwright-bench")
    folder = root / "hot"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root.chmod(0o755)
    figures: Figures = defaultdict(list)
    grown: dict[str, object] = {}
    if "sqlite" in chosen.stores:
        await sqlite_all(folder, chosen.reps, chosen.history, figures)
    if "postgres" in chosen.stores:
        with Postgres(settings={"shared_buffers": "256MB"}) as server:
            url = server.url("postgres")
            await postgres_all(url, chosen.reps, chosen.history, figures)
            for layout in LAYOUTS:
                for held in (False, True):
                    grown[f"{layout.name}{', old snapshot held' if held else ''}"] = await growth(url, layout, held)
    for store in chosen.stores:
        batches = [str(batch) for batch in RUNS]
        print(f"\n## {store}: enqueue, runs/s by batch\n\n{grid(figures, store, 'enqueue', batches, 0)}")
        print(f"\n## {store}: turn, runs/s by batch\n\n{grid(figures, store, 'turn', batches, 0)}")
        print(f"\n## {store}: page of fifty, ms\n\n{grid(figures, store, 'page', ['task', 'pending', 'completed'], 2)}")
    for name, value in grown.items():
        print(f"\n{name}: {json.dumps(value)}")
    raw = {"/".join(key): values for key, values in figures.items()}
    (root / "hot-table.json").write_text(json.dumps({"figures": raw, "growth": grown}, indent=1))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
