"""What the command line prints: the table of exit codes, tables with and without a terminal, errors, odd encodings."""

from __future__ import annotations

import inspect
import io
import json

import pytest
from rich.console import Console

from runwright import errors
from runwright.cli.client import KINDS, Answered
from runwright.cli.output import EXIT_CODES, Output, cell, clean, exit_code, local_time, seconds
from runwright.errors import FieldError, InvalidInput, NotFound, RunwrightError, StartRefused, StoreUnavailable


def made(*, as_json: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(as_json=as_json, stdout=out, stderr=err), out, err


PROMISED = {
    "RunwrightError": 1,
    "RunFailed": 1,
    "InvalidInput": 2,
    "InvalidArguments": 2,
    "ScheduleRefused": 2,
    "ConfirmRequired": 2,
    "DefinitionError": 2,
    "SettingsError": 2,
    "TooLarge": 2,
    "NotSignedIn": 2,
    "Forbidden": 2,
    "NotFound": 3,
    "Conflict": 4,
    "DuplicateName": 4,
    "NotHere": 4,
    "StoreUnavailable": 5,
    "StoreRefused": 5,
    "StartRefused": 78,
}


def classes() -> list[type[RunwrightError]]:
    found = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, RunwrightError)]
    assert len(found) > 10
    return found


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_every_error_has_the_promised_exit_code(cls: type[RunwrightError]) -> None:
    error = cls.__new__(cls)  # only the class counts
    assert exit_code(error) == PROMISED[cls.__name__]


def test_the_table_says_what_each_code_means() -> None:
    assert all(meaning for _, meaning in EXIT_CODES.values())


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 2), (401, 2), (403, 2), (404, 3), (405, 2), (409, 4), (413, 2), (422, 2), (429, 5), (503, 5), (500, 1)],
)
def test_an_answered_error_counts_as_what_its_status_stands_for(status: int, code: int) -> None:
    assert exit_code(Answered(status, [FieldError("", "no")])) == code
    assert status in KINDS or status == 500


def test_a_table_without_a_terminal_is_aligned_text() -> None:
    output, out, _ = made()
    output.table(["ID", "NAME"], [["1", "a\nb"], ["222", "c"]], "none")
    assert out.getvalue() == "ID   NAME\n1    a b\n222  c\n"


def test_a_long_cell_is_not_cut_without_a_terminal() -> None:
    output, out, _ = made()
    output.table(["TEXT"], [["x" * 500]], "none")
    assert "x" * 500 in out.getvalue()


def test_a_table_on_a_terminal_has_the_same_cells() -> None:
    output, out, _ = made()
    output.out = Console(file=out, force_terminal=True, width=60, color_system=None)
    output.table(["ID", "STATUS"], [["1", "completed"]], "none")
    assert "STATUS" in out.getvalue()
    assert "completed" in out.getvalue()


def test_an_empty_table_says_so_beside_the_result() -> None:
    output, out, err = made()
    output.table(["ID"], [], "there are no runs")
    assert (out.getvalue(), err.getvalue()) == ("", "there are no runs\n")


def test_markup_and_control_characters_are_shown_and_not_obeyed() -> None:
    output, out, _ = made()
    output.line("[red]a[/red] \x1b[2J :smile: \x9b0m")
    assert out.getvalue() == "[red]a[/red] \\x1b[2J :smile: \\x9b0m\n"


def test_tabs_and_line_ends_stay() -> None:
    assert clean("a\tb\nc\r\x07") == "a\tb\nc\\x0d\\x07"


def test_an_encoding_without_the_characters_gets_json_in_ascii() -> None:
    raw = io.BytesIO()
    output = Output(as_json=True, stdout=io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    output.document({"name": "Übersicht"})
    assert json.loads(raw.getvalue()) == {"name": "Übersicht"}


def test_an_error_is_one_line() -> None:
    output, out, err = made()
    output.error(NotFound("task", "bakcup", ["backup"]))
    assert out.getvalue() == ""
    assert err.getvalue() == "runwright: no task named 'bakcup'; did you mean 'backup'?\n"


def test_the_faults_of_an_input_have_a_line_each() -> None:
    output, _, err = made()
    output.error(InvalidInput("two", [FieldError("/--size", "is no number"), FieldError("/data/attributes/when", "x")]))
    assert err.getvalue().splitlines() == [
        "runwright: there are 2 faults in the input:",
        "  --size: is no number",
        "  when: x",
    ]


def test_an_error_is_a_document_when_json_is_asked_for() -> None:
    output, out, err = made(as_json=True)
    output.error(InvalidInput.field("/port", "is no number"))
    assert json.loads(out.getvalue()) == {"errors": [{"code": "invalid", "detail": "is no number", "pointer": "/port"}]}
    assert err.getvalue() == ""


def test_an_error_without_faults_is_a_document_too() -> None:
    output, out, _ = made(as_json=True)
    output.error(StartRefused("no"))
    assert json.loads(out.getvalue()) == {"errors": [{"code": "start_refused", "detail": "no"}]}


def test_what_was_done_is_a_sentence_or_a_document() -> None:
    output, out, _ = made()
    output.done("removed x", {"name": "x"})
    assert out.getvalue() == "removed x\n"
    output, out, _ = made(as_json=True)
    output.done("removed x", {"name": "x"})
    assert json.loads(out.getvalue()) == {"name": "x"}


def test_pairs_are_aligned_and_lines_indented() -> None:
    output, out, _ = made()
    output.pairs({"id": "1", "result": "a\nb"})
    assert out.getvalue() == "id      1\nresult  a\n        b\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.25, "0.2 s"), (59.94, "59.9 s"), (185, "3 min 5 s"), (7201, "2 h 0 min")],
)
def test_lengths_of_time(value: float | None, text: str) -> None:
    assert seconds(value) == text


def test_times_are_local_and_name_their_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert local_time("2026-07-01T12:00:00.000000Z") == "2026-07-01 14:00:00 CEST"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert local_time(None) == "-"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), ("", "-"), ([], "-"), (True, "yes"), (0, "0"), (["a", "b"], "a, b"), ({"a": 1}, '{"a": 1}')],
)
def test_cells(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_refused_store_says_what_to_do() -> None:
    output, _, err = made()
    output.error(StoreUnavailable("the disk is full", "full"))
    assert err.getvalue() == "runwright: the disk is full\n"
