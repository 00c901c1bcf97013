"""Kill -9 under load, with real processes: what was acknowledged is there, and every orphan finishes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from runwright import RunStatus, Settings, TaskManager

APP = Path(__file__).parent / "app.py"


@contextmanager
def program(store: Path, ledger: Path) -> Iterator[subprocess.Popen[str]]:
    """The program, ready to take numbers."""
    process = subprocess.Popen(
        [sys.executable, str(APP), str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "LEDGER": str(ledger)},
    )  # fmt: skip
    assert process.stdout is not None and process.stdin is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def feed(process: subprocess.Popen[str], numbers: range) -> dict[str, int]:
    """Start runs one by one; what was acknowledged before the process died."""
    assert process.stdout is not None and process.stdin is not None
    acknowledged = {}
    for number in numbers:
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        if number == numbers[-1]:
            process.send_signal(signal.SIGKILL)  # with this one under way, acknowledged or not
        answer = process.stdout.readline().split()
        if len(answer) == 2:
            acknowledged[answer[0]] = int(answer[1])
    return acknowledged


async def rounds(tmp_path: Path, kills: int, load: int) -> None:
    """Kill the program so many times under load, then let it finish, then compare the ledgers."""
    store, ledger = tmp_path / "kill.db", tmp_path / "ledger"
    acknowledged: dict[str, int] = {}
    for kill in range(kills):
        with program(store, ledger) as process:
            acknowledged |= feed(process, range(kill * load, (kill + 1) * load))
    assert len(acknowledged) >= kills * (load - 1)

    with program(store, ledger) as process:
        settings = Settings(store=f"sqlite:///{store}")
        async with TaskManager(settings, roles=()) as manager:
            for run_id in acknowledged:
                run = await manager.wait(run_id, timeout=45)
                assert run.status is RunStatus.COMPLETED, run
                assert run.result == acknowledged[run_id]
            runs, after = 0, None
            while True:
                page = await manager.runs(limit=100, after=after)
                assert all(run.status is RunStatus.COMPLETED for run in page.items)
                runs += len(page.items)
                after = page.after
                if after is None:
                    break

    began = Counter(int(line.split()[1]) for line in ledger.read_text().splitlines() if line.startswith("began"))
    ended = Counter(int(line.split()[1]) for line in ledger.read_text().splitlines() if line.startswith("ended"))
    assert set(acknowledged.values()) <= set(ended), "an acknowledged run was never executed to its end"
    assert len(acknowledged) <= runs <= kills * load
    again = {number: times for number, times in began.items() if times > 1}
    assert max(began.values()) <= kills + 1
    assert len(again) <= kills * 60, f"{len(again)} runs were executed again: more than were in flight"
    connection = apsw.Connection(str(store))
    assert connection.pragma("integrity_check") == "ok"
    connection.close()


async def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    await rounds(tmp_path, kills=3, load=120)


@pytest.mark.soak
async def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    await rounds(tmp_path, kills=100, load=120)


async def test_a_run_that_is_held_waits_for_a_person(tmp_path: Path) -> None:
    """Killed in the middle it is ``interrupted`` and stays so; a restart by hand goes on from its state."""
    store, ledger = tmp_path / "hold.db", tmp_path / "ledger"
    with program(store, ledger) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdin.write("-1\n")
        process.stdin.flush()
        held = process.stdout.readline().split()[0]
        while "saved -1" not in (ledger.read_text() if ledger.exists() else ""):
            await asyncio.sleep(0.01)
        process.kill()

    with program(store, ledger) as process:
        async with TaskManager(Settings(store=f"sqlite:///{store}"), roles=()) as manager:
            run = await manager.wait(held, timeout=45)
            assert (run.status, run.crashes, run.attempt) == (RunStatus.INTERRUPTED, 1, 1)
            assert [attempt.status for attempt in await manager.store.attempts(held)] == ["interrupted"]
            feed(process, range(1, 4))  # others run, and end with the program
    with program(store, ledger) as process:
        async with TaskManager(Settings(store=f"sqlite:///{store}"), roles=()) as manager:
            assert (await manager.get(held)).status is RunStatus.INTERRUPTED
            assert ledger.read_text().count("began -1") == 1
            await manager.restart(held)
            run = await manager.wait(held, timeout=45)
            assert (run.status, run.result) == (RunStatus.COMPLETED, "attempt 2, was here")


async def test_sigterm_lets_runs_finish_and_the_next_start_goes_on(tmp_path: Path) -> None:
    """``runwright serve`` ends with code 0 within its grace, and leaves nothing but the store behind."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "hello.py").write_text(
        "from runwright import task\n\n@task\nasync def hello() -> str:\n    return 'hi'\n"
    )
    runwright = Path(sys.executable).with_name("runwright")
    serve = subprocess.Popen(
        [runwright, "serve", "--port", "0", "--directory", str(folder), "--store", f"sqlite:///{tmp_path / 's.db'}"],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert serve.stdout is not None
    link = serve.stdout.readline()
    answer = subprocess.run(
        [runwright, "run", "hello", "--json"], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "TASK_STORE": f"sqlite:///{tmp_path / 's.db'}"},
    )  # fmt: skip
    serve.terminate()
    code = serve.wait(timeout=20)
    serve.stdout.close()

    assert "/sign-in?code=" in link
    assert answer.returncode == 0, answer.stderr
    assert '"hi"' in answer.stdout
    assert code == 0
    assert not (tmp_path / "s.db.server").exists()
    assert list((tmp_path / "s.db.sessions").iterdir()) == []
