"""Following the task folders: what is added, changed and removed takes effect; what is half written does not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runwright.clock import Micros, SystemClock
from runwright.tasks.discovery import DiscoveryOptions, discover
from runwright.tasks.registry import Registry
from runwright.tasks.watch import DirectoryWatch, FolderChanges


class StepClock:
    """A clock whose sleeps take no time; ``during`` happens in them."""

    def __init__(self) -> None:
        self.during: list[Callable[[], object]] = []

    def now(self) -> Micros:
        return 0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        if self.during:
            self.during.pop(0)()
        await asyncio.sleep(0)


class Bench:
    """A folder, a registry and a watch."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.registry = folder, StepClock(), Registry()
        self.options = DiscoveryOptions(directory=folder, allowed_roots=(folder,), file_seconds=5.0)
        self.watch = DirectoryWatch(self.options, self.registry, self.clock)
        discover(self.options, self.registry)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def errors(self) -> list[str]:
        return [problem.error for problem in self.registry.problems]


def returning(value: int) -> str:
    return f"def run():\n    return {value}\n"


@pytest.fixture
def bench(tmp_path: Path, trusting: None) -> Bench:
    (tmp_path / "work.py").write_text(returning(1))
    return Bench(tmp_path)


async def test_nothing_changed_nothing_done(bench: Bench) -> None:
    before = bench.registry.version
    assert not await bench.watch.run_once()
    assert bench.registry.version == before


async def test_added_changed_and_removed_files_take_effect(bench: Bench) -> None:
    running = bench.registry.get("work")
    bench.write("work.py", returning(2))
    bench.write("more.py", returning(3))
    changes = await bench.watch.run_once()
    assert changes == FolderChanges((str(bench.folder / "more.py"),), (str(bench.folder / "work.py"),))
    assert bench.registry.names() == ("more", "work")
    assert bench.registry.get("work")() == 2
    assert bench.registry.get("work").source_hash != running.source_hash
    assert running() == 1  # a running run keeps the code that it started with
    assert running.defined_in not in sys.modules
    (bench.folder / "work.py").unlink()
    assert (await bench.watch.run_once()).removed == (str(bench.folder / "work.py"),)
    assert bench.registry.names() == ("more",)
    (bench.folder / "more.py").rename(bench.folder / "renamed.py")
    await bench.watch.run_once()
    assert bench.registry.names() == ("renamed",)


@pytest.mark.parametrize("broken", ["def run(:\n", "", "import nothing_of_that_name\n", "x = 1\n"])
async def test_a_broken_file_leaves_the_good_one_in_place(bench: Bench, broken: str) -> None:
    bench.write("work.py", broken)
    await bench.watch.run_once()
    assert bench.registry.get("work")() == 1
    assert len(bench.errors()) == 1
    bench.write("work.py", returning(2))
    await bench.watch.run_once()
    assert bench.registry.get("work")() == 2
    assert bench.errors() == []
    bench.write("work.py", broken)
    await bench.watch.run_once()
    (bench.folder / "work.py").unlink()
    await bench.watch.run_once()
    assert bench.registry.names() == ()
    assert bench.errors() == []


async def test_a_file_that_is_still_being_written_is_waited_for(bench: Bench) -> None:
    bench.write("work.py", "def run():\n    return 2")
    bench.write("other.py", returning(5))
    bench.clock.during = [
        lambda: bench.write("work.py", "def run():\n    return 20"),
        lambda: bench.write("work.py", "def run():\n    return 200\n"),
    ]
    first = await bench.watch.run_once()
    assert first.added == (str(bench.folder / "other.py"),)  # the steady one does not wait for the other
    assert bench.registry.get("work")() == 1
    await bench.watch.run_once()
    assert bench.registry.get("work")() == 200


async def test_a_file_that_is_replaced_by_renaming_is_never_gone(bench: Bench) -> None:
    seen: list[tuple[str, ...]] = []
    bench.registry.subscribe(lambda: seen.append(bench.registry.names()))
    (bench.folder / "work.py").unlink()
    bench.clock.during = [lambda: bench.write("work.py", returning(2))]
    await bench.watch.run_once()
    await bench.watch.run_once()
    assert bench.registry.get("work")() == 2
    assert seen == [("work",)]


async def test_the_next_claimant_of_a_name_takes_over(bench: Bench) -> None:
    bench.write("z_later.py", "from runwright import task\n@task(name='work')\ndef later():\n    return 9\n")
    await bench.watch.run_once()
    assert "is taken by the task at" in bench.errors()[0]
    (bench.folder / "work.py").unlink()
    await bench.watch.run_once()
    assert bench.registry.get("work")() == 9


async def test_links_are_followed_to_their_content(bench: Bench, tmp_path: Path) -> None:
    target = tmp_path / "plugin"
    target.mkdir()
    (target / "real.py").write_text(returning(1))
    (bench.folder / "linked.py").symlink_to(target / "real.py")
    await bench.watch.run_once()
    assert bench.registry.get("linked")() == 1
    (target / "real.py").write_text(returning(22))
    await bench.watch.run_once()
    assert bench.registry.get("linked")() == 22
    (target / "real.py").unlink()
    await bench.watch.run_once()
    assert bench.registry.get("linked")() == 22  # its content is away: the link itself is still there
    assert bench.errors() == ["is a link to nothing"]


async def test_a_folder_opened_to_everybody_loses_its_tasks(bench: Bench) -> None:
    bench.folder.chmod(0o777)
    await bench.watch.run_once()
    assert bench.registry.names() == ()
    assert "chmod o-w" in bench.errors()[0]
    bench.folder.chmod(0o755)
    await bench.watch.run_once()
    assert bench.registry.names() == ("work",)
    assert bench.errors() == []


async def test_a_changed_file_is_tried_out_before_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(returning(1))
    bench = Bench(tmp_path)
    bench.write("work.py", "import os\nos._exit(1)\n")
    await bench.watch.run_once()
    assert bench.registry.get("work")() == 1
    assert "ends the whole process" in bench.errors()[0]


async def test_many_edits_in_a_row_never_show_a_half_file(bench: Bench) -> None:
    good = "def run():\n    value = {0}\n    return value, {0}\n"
    shown = []
    for number in range(50):
        text = good.format(number)
        bench.write("work.py", text[: len(text) // 2])
        if number % 2:
            await bench.watch.run_once()
            shown.append(bench.registry.get("work")())
        bench.write("work.py", text)
        await bench.watch.run_once()
        assert bench.registry.get("work")() == (number, number)
    assert shown == [(n, n) for n in range(0, 50, 2)]


async def test_the_watch_notices_by_itself_and_ends_when_cancelled(tmp_path: Path) -> None:
    registry, changed = Registry(), asyncio.Event()
    options = DiscoveryOptions(directory=tmp_path, allowed_roots=(tmp_path,))
    watch = DirectoryWatch(options, registry, SystemClock(), interval=0.05)
    registry.subscribe(changed.set)
    task = asyncio.create_task(watch.run())
    (tmp_path / "work.py").write_text(returning(1))
    async with asyncio.timeout(20):
        await changed.wait()
    assert registry.get("work")() == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [other for other in asyncio.all_tasks() if "watch" in other.get_name()] == []


async def test_nothing_that_goes_wrong_ends_the_watch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry, failed, changed = Registry(), asyncio.Event(), asyncio.Event()
    options = DiscoveryOptions(directory=tmp_path, allowed_roots=(tmp_path,))

    def fail_once() -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("nobody expected this")
        if registry.names() == ("first", "second"):
            changed.set()

    watch = DirectoryWatch(options, registry, SystemClock(), interval=0.05)
    registry.subscribe(fail_once)
    task = asyncio.create_task(watch.run())
    try:
        (tmp_path / "first.py").write_text(returning(1))
        async with asyncio.timeout(30):
            while "nobody expected this" not in caplog.text:
                await asyncio.sleep(0.01)
            (tmp_path / "second.py").write_text(returning(2))
            await changed.wait()
        assert registry.names() == ("first", "second")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
