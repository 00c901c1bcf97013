"""What `make test` runs: the system parts, then every suite under tests/ by itself, then a table of results and times.

Two suites run at a time, the longest first: most of them wait for other processes half of their time.

Nothing is left out silently: a missing system part, a missing suite, an empty suite and a skipped test all fail.
With arguments (`make test PYTEST="tests/unit -k cron"`) they go to pytest: paths choose what is run, in one go;
without a path every suite is run with them, and suites in which nothing is selected are fine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tools.system_parts import provide

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "tests"
SUITES = (
    "unit", "docs", "story", "seeds", "contract", "plans", "worker", "simulation", "interleavings", "edges", "process",
    "ui",
)  # fmt: skip
LIMIT_SECONDS = 480
NOTHING_SELECTED = 5
AT_ONCE = 2
LONGEST = ("edges", "ui", "process", "simulation")  # they begin, in this order


@dataclass(frozen=True, slots=True)
class Result:
    """How one suite went. ``fault`` says what is wrong in a few words, empty if nothing is."""

    suite: str
    seconds: float
    passed: int
    fault: str


def main(arguments: list[str]) -> int:
    """Run the suites. Returns the exit code."""
    if any(argument.startswith("tests") for argument in arguments):
        return subprocess.run(pytest(*arguments), cwd=ROOT, check=False).returncode
    # A shell that runs us in the background ignores Ctrl-C for us, and so for every program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    provide()
    REPORTS.mkdir(parents=True, exist_ok=True)
    found = sorted({path.relative_to(ROOT / "tests").parts[0] for path in ROOT.glob("tests/*/**/test_*.py")})
    suites = [*SUITES, *(suite for suite in found if suite not in SUITES)]
    began = time.monotonic()
    order = [*LONGEST, *(suite for suite in suites if suite not in LONGEST)]
    with ThreadPoolExecutor(AT_ONCE) as lanes:
        results = dict(zip(order, lanes.map(lambda suite: run_suite(suite, arguments), order), strict=True))
    print_table([results[suite] for suite in suites], time.monotonic() - began)
    return 1 if any(result.fault for result in results.values()) else 0


def pytest(*arguments: str) -> list[str]:
    """The command that runs pytest with ``arguments``."""
    return [sys.executable, "-m", "pytest", *arguments]


def run_suite(suite: str, arguments: list[str]) -> Result:
    """Run one suite and judge it by its report, not only by pytest's exit code."""
    started = time.monotonic()
    report = REPORTS / f"{suite}.xml"
    report.unlink(missing_ok=True)
    if not any((ROOT / "tests" / suite).rglob("test_*.py")):
        return Result(suite, 0.0, 0, "the suite is missing")
    command = pytest(f"tests/{suite}", "-q", "-rs", f"--junitxml={report}", *arguments)
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(), check=False, timeout=LIMIT_SECONDS,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        code, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as stopped:
        show(suite, stopped.stdout or b"")
        return Result(suite, time.monotonic() - started, 0, f"stopped after {LIMIT_SECONDS} s")
    show(suite, output)
    seconds = time.monotonic() - started
    if code == NOTHING_SELECTED:
        return Result(suite, seconds, 0, "" if arguments else "no test in it")
    if not report.is_file():
        return Result(suite, seconds, 0, f"pytest ended with code {code}")
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for element in ET.parse(report).iter("testsuite"):  # noqa: S314  # the report that pytest just wrote
        counts = {name: total + int(element.get(name, "0")) for name, total in counts.items()}
    bad = {name: counts[name] for name in ("failures", "errors", "skipped") if counts[name]}
    fault = ", ".join(f"{count} {name}" for name, count in bad.items())
    return Result(suite, seconds, counts["tests"] - sum(bad.values()), fault or (f"exit code {code}" if code else ""))


def environment() -> dict[str, str]:
    """Ours, but with compiled modules kept: the tests start hundreds of programs, and compiling is half of a start."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {"PYTHONPYCACHEPREFIX": str(REPORTS.parent / "compiled"), **kept}


def show(suite: str, output: bytes) -> None:
    """A suite's own words, together."""
    print(f"\n== tests/{suite}\n{output.decode(errors='replace')}", flush=True)


def print_table(results: list[Result], seconds: float) -> None:
    """One line for each suite, the sum, and the time that all took."""
    print(f"\n{'suite':13} {'passed':>7} {'seconds':>8}")
    for result in results:
        print(f"{result.suite:13} {result.passed:7} {result.seconds:8.1f}  {result.fault or 'ok'}")
    print(f"{'together':13} {sum(result.passed for result in results):7} {seconds:8.1f}")
    if seconds > LIMIT_SECONDS:
        print(f"That took more than the {LIMIT_SECONDS} s that it may take on two cores.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
