"""The log of an attempt: complete while it is short, its head and its end when it is long, numbered without doubles."""

from __future__ import annotations

import json
import logging
import tracemalloc
from typing import Any

import pytest

from runwright.model import SEQ_PER_ATTEMPT, Claim, Lane, LogChunk
from runwright.worker.log import LINE_CHARACTERS, TAIL_BYTES, RunLog

CLAIM = Claim(
    key=1, token=2, run_id="r", task="t", lane=Lane.ASYNC, arguments="{}", attempt=3, failures=0, crashes=0, due_at=0,
    priority=50, exclusive=False, reserved=False,
)  # fmt: skip


def lines(chunks: list[LogChunk]) -> list[Any]:
    return [line for chunk in chunks for line in json.loads(chunk.lines)]


def texts(log: RunLog) -> list[str]:
    """All lines of a closed log; their numbers rise."""
    found = lines(log.chunks(9, final=True))
    numbers = [line[0] for line in found]
    assert numbers == sorted(set(numbers))
    return [line[3] for line in found]


def test_lines_have_number_time_level_and_text() -> None:
    log = RunLog(CLAIM, 1000)
    log.add(logging.WARNING, "one\ntwo", 5)
    log.write("three", 6)
    assert not log.write(" and", 6)
    assert log.write(" more\nfour", 7)
    first = 3 * SEQ_PER_ATTEMPT + 1

    assert lines(log.chunks(8)) == [
        [first, 5, "WARNING", "one"],
        [first + 1, 5, "WARNING", "two"],
        [first + 2, 7, "INFO", "three and more"],
    ]
    assert lines(log.chunks(8, final=True)) == [[first + 3, 8, "INFO", "four"]]
    assert not log.add(logging.INFO, "too late", 9)


def test_what_waits_is_counted() -> None:
    log = RunLog(CLAIM, 1000)
    assert log.backlog == 0
    log.add(logging.INFO, "x" * 100, 1)
    assert 100 <= log.backlog <= 200
    log.chunks(1)
    assert log.backlog == 0


@pytest.mark.parametrize("way", ["add", "write"])
@pytest.mark.parametrize("line", ["", "line", "x" * 200])
def test_a_long_log_keeps_head_and_end(way: str, line: str) -> None:
    log, count = RunLog(CLAIM, 10_000), 60_000
    for number in range(count // 100):
        text = "\n".join(f"{number * 100 + n} {line}" if line else "" for n in range(100))
        if way == "add":
            log.add(logging.INFO, text, number)
        else:
            log.write(text + "\n", number)
    found = texts(log)
    left_out = next(int(text.split()[1]) for text in found if text.endswith("lines left out …"))

    assert "the log is long" in "".join(found)
    assert len(found) - 2 + left_out == count
    assert sum(len(text) + 40 for text in found) <= 10_000 + TAIL_BYTES + 10_000
    if line:
        assert found[0] == f"0 {line}" and found[-1] == f"{count - 1} {line}"
        tail = [int(text.split()[0]) for text in found[found.index(f"… {left_out} lines left out …") + 1 :]]
        assert tail == list(range(tail[0], count))


def test_one_text_that_is_larger_than_everything() -> None:
    log = RunLog(CLAIM, 1000)
    log.add(logging.INFO, "\n".join(str(number) for number in range(500_000)), 1)
    found = texts(log)

    assert found[0] == "0" and found[-1] == "499999"
    assert len(found) < 30_000
    assert log.backlog == 0


@pytest.mark.parametrize("portion", [1_000, 16 * 1024, 70_000])
def test_a_long_line_is_cut_and_says_by_how_much(portion: int) -> None:
    log = RunLog(CLAIM, 1_000_000)
    length = 700_000
    for start in range(0, length, portion):
        log.write("z" * min(portion, length - start), 1)
    log.write("\nnext\n", 1)
    long, after = texts(log)

    assert long == "z" * LINE_CHARACTERS + f" … ({length - LINE_CHARACTERS} characters left out)"
    assert after == "next"


@pytest.mark.parametrize("way", ["add", "write"])
@pytest.mark.parametrize(
    "text", ["a\n" * 5_000_000, "ä\n" * 2_500_000, "b" * 10_000_000], ids=["lines", "letters", "line"]
)
def test_what_is_not_kept_costs_nothing(way: str, text: str) -> None:
    log = RunLog(CLAIM, 1000)
    tracemalloc.start()
    try:
        if way == "add":
            log.add(logging.INFO, text, 1)
        else:
            log.write(text, 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000
    assert len(texts(log)) < 30_000


@pytest.mark.parametrize("size", [0, 1, 5])
def test_a_print_larger_than_a_slice_has_all_its_lines(size: int) -> None:
    log = RunLog(CLAIM, 100_000_000)
    lines = [f"{number} {'x' * size}" for number in range(100_000)]

    assert log.write("\n".join(lines), 1)
    assert log.write(" and the rest\n", 1)

    assert texts(log) == [*lines[:-1], f"{lines[-1]} and the rest"]


def test_text_that_no_page_can_hold_is_mended() -> None:
    log = RunLog(CLAIM, 1000)
    log.add(logging.INFO, "nul \0 surrogate \ud800", 1)

    assert texts(log) == ["nul \ufffd surrogate ?"]
