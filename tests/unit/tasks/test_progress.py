"""Which progress is taken: whatever its form, it becomes plain numbers and text, or an error at the call."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from runwright import BaseTask, InvalidInput, RunContext, TaskProgress
from runwright.tasks.base_task import TaskModel

MakeRun = Callable[..., tuple[RunContext, Any]]


class Silent:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ((1, 2, "half"), TaskProgress(1, 2, "half")),
        ((5,), TaskProgress(5, 0, "")),
        ((5, None), TaskProgress(5, 0, "")),
        ((5, None, None), TaskProgress(5, 0, "")),
        ((3, 2), TaskProgress(3, 2, "")),
        ((Decimal("0.5"), Fraction(1, 2)), TaskProgress(0.5, 0.5, "")),
        ((1, 2, Path("x")), TaskProgress(1, 2, "x")),
        ((1, 2, 5), TaskProgress(1, 2, "5")),
        ((1, 2, Silent()), TaskProgress(1, 2, "<Silent without a text: its __str__ raised RuntimeError>")),
        ((1, 2, "nul \0 half \ud800"), TaskProgress(1, 2, "nul \ufffd half ?")),
        ((1, 2, "x" * 5000), TaskProgress(1, 2, "x" * 1000)),
    ],
)
def test_it_becomes_plain(make_run: MakeRun, given: tuple[Any, ...], taken: TaskProgress) -> None:
    run, port = make_run()

    run.progress(*given)

    assert port.reported == [taken] and run.latest_progress == taken
    assert {type(taken.current), type(port.reported[0].current), type(port.reported[0].total)} <= {int, float}
    assert type(port.reported[0].current) is float and type(port.reported[0].message) is str


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((-1, -2), "progress/current: must be a finite number of 0 or more, not -1 (int)"),
        ((1, -2), "progress/total: must be a finite number of 0 or more, not -2 (int)"),
        ((None, 2), "progress/current: must be a finite number of 0 or more, not None (NoneType)"),
        (("5", 2), "progress/current: must be a finite number of 0 or more, not 5 (str)"),
        ((math.nan, 2), "progress/current: must be a finite number of 0 or more, not nan (float)"),
        ((1, math.inf), "progress/total: must be a finite number of 0 or more, not inf (float)"),
        ((Decimal("sNaN"), 1), "progress/current: must be a finite number of 0 or more, not sNaN (Decimal)"),
    ],
)
def test_what_cannot_be_taken_is_an_error_at_the_call(make_run: MakeRun, given: tuple[Any, ...], words: str) -> None:
    run, port = make_run()
    run.progress(1, 4)

    with pytest.raises(InvalidInput) as caught:
        run.progress(*given)

    assert str(caught.value) == words
    assert port.reported == [TaskProgress(1, 4)] and run.latest_progress == TaskProgress(1, 4)


@pytest.mark.parametrize("huge", [10**400, 10**5000], ids=["400", "5000"])
def test_a_number_without_end_is_refused(make_run: MakeRun, huge: int) -> None:
    run, _ = make_run()

    with pytest.raises(InvalidInput, match="progress/current: must be a finite number"):
        run.progress(huge, huge)


def test_it_may_be_reported_as_a_whole(make_run: MakeRun) -> None:
    run, port = make_run()

    run.report({"current": 1, "total": None})
    run.report(TaskProgress(2, None, 5))  # type: ignore[arg-type]  # the point of the test

    assert port.reported == [TaskProgress(1), TaskProgress(2, 0, "5")]
    for wrong in ({"currant": 1}, 5, None, (1, 2)):
        with pytest.raises(InvalidInput, match="progress: must be a TaskProgress"):
            run.report(wrong)  # type: ignore[arg-type]  # the point of the test


def test_a_class_reports_by_the_same_rules(make_run: MakeRun) -> None:
    class Scan(BaseTask):
        task_name = "scan_task"

        async def run(self) -> None: ...

    run, port = make_run()
    scan = Scan(TaskModel(run))

    scan._update_progress(1, None)  # type: ignore[arg-type]  # the point of the test
    scan._task_model.progress.message = 5  # type: ignore[assignment]  # the point of the test
    with pytest.raises(InvalidInput, match="progress/total"):
        scan._task_model.progress.total = -1

    assert port.reported == [TaskProgress(1), TaskProgress(1, 0, "5")]
