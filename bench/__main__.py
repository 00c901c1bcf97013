"""Bench: the command. It runs peers under workloads, prints a Markdown report and keeps it.

python -m bench                                                 everything, some minutes
python -m bench --only runwright --workloads throughput         quick work
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bench import machine, place
from bench.floors import EXPECTATIONS
from bench.peers import PEERS, Entry
from bench.report import HEADINGS, Result, report
from bench.speed import Speed
from tools.postgres import Postgres

RESULTS = Path(__file__).parent / "results"
SHORT = ("throughput", "default-lane", "enqueue")
"""Workloads that take seconds and are repeated; the others look at hundreds of samples in one go."""
LIMIT_SECONDS = 240
LOST_PERCENT = 30.0
"""So much slower may the processor itself have been during a measurement that counts at once."""
TRIES = 3
SERVER: dict[str, str | int] = {"shared_buffers": "512MB"}
"""As that by which the floors were set."""


def choose() -> argparse.Namespace:
    """The command line."""
    names = [entry.name for entry in PEERS]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Runwright, the machine and peers.")
    parser.add_argument("--only", nargs="+", metavar="PEER", choices=names, default=names, help=", ".join(names))
    parser.add_argument("--workloads", nargs="+", choices=list(HEADINGS), default=list(HEADINGS), metavar="WORKLOAD",
                        help=", ".join(HEADINGS))  # fmt: skip
    parser.add_argument("--reps", type=int, default=3, help=f"repetitions of {', '.join(SHORT)} (default 3)")
    parser.add_argument(
        "--keep", action="store_true", help="write bench/results/latest.* also for a partial measurement"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a binding floor does not hold")
    return parser.parse_args()


def run_child(entry: Entry, workload: str, database: str) -> dict[str, object]:
    """Measure once, in another process."""
    python = place.foreign_python() if entry.foreign else sys.executable
    environment = {**os.environ, "PYTHONPATH": str(place.REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["BENCH_POSTGRES"] = database
    try:
        done = subprocess.run(
            [python, "-m", "bench.child", entry.name, workload],
            env=environment, cwd=place.root(), capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"ok": False, "error": f"not done after {LIMIT_SECONDS} s"}
    lines = done.stdout.splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {"ok": False, "error": done.stderr.strip()[-500:] or f"ended with {done.returncode}"}
    found: dict[str, object] = json.loads(lines[-1])
    return found


def measured(entry: Entry, workload: str, server: Postgres | None, speed: Speed) -> dict[str, object]:
    """Measure while the processor has its speed: what it lost more of than LOST_PERCENT is done again, some times.

    That of several counts in which it lost least, whatever came out; one that fails counts at once.
    """
    tries: list[dict[str, object]] = []
    while len(tries) < TRIES:
        found = measured_once(entry, workload, server, speed)
        if not found.get("ok"):
            return found
        tries.append(found)
        if lost(found) <= LOST_PERCENT:
            break
    return min(tries, key=lost)


def lost(found: dict[str, object]) -> float:
    """How much slower than at best the processor was, in per cent."""
    return float(str(found["lost"]))


def measured_once(entry: Entry, workload: str, server: Postgres | None, speed: Speed) -> dict[str, object]:
    """Run the child and note what happened meanwhile: `others`, what all other processes took, in per cent of a core,
    and `lost`, how much slower the processor was than at best, in per cent."""
    database = server.database() if server and entry.postgres else ""
    busy, mine, begin = busy_seconds(), own_seconds(server), time.monotonic()
    with speed.watched() as samples:
        found = run_child(entry, workload, database)
    wall = time.monotonic() - begin
    others = busy_seconds() - busy - (own_seconds(server) - mine)
    if server and database:
        server.drop(database)
    return {**found, "others": max(0.0, others / wall * 100), "lost": speed.lost(samples)}


def own_seconds(server: Postgres | None) -> float:
    """CPU time of this process, its children that have ended, and the server."""
    total = sum(os.times()[:4])
    if server:
        postmaster = psutil.Process(server.postmaster.pid)
        total += sum(postmaster.cpu_times()[:4])
        for child in postmaster.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(child.cpu_times()[:2])
    return total


def busy_seconds() -> float:
    """CPU time of the whole machine so far, without waiting and idling."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def gather(entries: list[Entry], workloads: list[str], reps: int, server: Postgres | None) -> list[Result]:
    """Repetitions go round all peers, so that a slow minute of the machine does not hit one of them only."""
    results: dict[tuple[str, str], Result] = {}
    speed = Speed()
    for workload in workloads:
        for _ in range(reps if workload in SHORT else 1):
            for entry in entries:
                if workload in entry.workloads:
                    add(results, entry, workload, measured(entry, workload, server, speed))
    return list(results.values())


def add(results: dict[tuple[str, str], Result], entry: Entry, workload: str, found: dict[str, object]) -> None:
    """Put one repetition to the others and say so on the terminal."""
    settings, durability, versions = (str(found.get(name, "")) for name in ("settings", "durability", "versions"))
    fresh = Result(entry.name, workload, settings=settings, durability=durability, versions=versions)
    result = results.setdefault((entry.name, workload), fresh)
    result.others.append(float(str(found["others"])))
    result.lost.append(lost(found))
    figures = found.get("figures")
    if found.get("ok") and isinstance(figures, dict):
        for name, value in figures.items():
            result.figures.setdefault(name, []).append(float(value))
        text = ", ".join(f"{name} {value:,.4g}" for name, value in figures.items())
    else:
        text = f"FAILED: {found.get('error')}"
        result.errors.append(str(found.get("error")))
    print(
        f"{workload:13}{entry.name:33}{text}; others {result.others[-1]:.0f} %, {result.lost[-1]:.0f} % slower",
        file=sys.stderr,
        flush=True,
    )


def below(results: list[Result]) -> bool:
    """Whether a binding floor was measured and does not hold."""
    by_name = {(result.peer, result.workload): result for result in results}
    for each in EXPECTATIONS:
        if each.binding and (each.peer, each.workload) in by_name:
            values = sorted(by_name[each.peer, each.workload].figures.get(each.figure, []))
            if not values or not each.holds(values[len(values) // 2]):
                return True
    return False


def main() -> int:
    """Measure, print, keep."""
    chosen = choose()
    entries = [entry for entry in PEERS if entry.name in chosen.only]
    whole = len(entries) == len(PEERS) and len(chosen.workloads) == len(HEADINGS)
    with place.alone(), contextlib.ExitStack() as stack:
        load = os.getloadavg()[0]
        limits = machine.limits(place.root()) if whole else {}
        server = stack.enter_context(Postgres(settings=SERVER)) if any(entry.postgres for entry in entries) else None
        database = f", PostgreSQL {server.admin('show server_version')[0][0].split()[0]}" if server else ""
        results = gather(entries, chosen.workloads, chosen.reps, server)
    now = dt.datetime.now(dt.UTC)
    others = sorted(value for result in results for value in result.others)
    slower = sorted(value for result in results for value in result.lost)
    head = (
        f"{now:%Y-%m-%d %H:%M} UTC, commit {place.commit()}. {place.machine()}{database}, load {load:.1f} before."
        f" Other processes took {others[len(others) // 2]:.0f} % of a core meanwhile (median),"
        f" {others[-1]:.0f} % at worst. A fixed piece of work took {slower[len(slower) // 2]:.0f} % longer than at best"
        f" (median), {slower[-1]:.0f} % at worst; where it took more than {LOST_PERCENT:.0f} % longer, it was measured"
        f" again, up to {TRIES} times in all."
        " Medians, lowest and highest in brackets; differences under 15 % are noise. A job that is missing"
        " or ran twice makes a measurement fail."
    )
    page = report(results, limits, head)
    print(page)
    if whole or chosen.keep:
        RESULTS.mkdir(exist_ok=True)
        rows = [{name: getattr(result, name) for name in Result.__dataclass_fields__} for result in results]
        data = {
            "date": now.isoformat(),
            "commit": place.commit(),
            "machine": place.machine(),
            "limits": limits,
            "results": rows,
        }
        (RESULTS / "latest.json").write_text(json.dumps(data, indent=1) + "\n")
        (RESULTS / "latest.md").write_text(page)
    return 1 if chosen.check and below(results) else 0


if __name__ == "__main__":
    sys.exit(main())
