"""The options of one task: made from its JSON Schema, with its own names before the program's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runwright.cli.options import Given, TaskOptions, json_object, option_of
from runwright.errors import InvalidInput

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "format": {"enum": ["sql", "tar"], "type": "string", "title": "Backup format", "default": "sql"},
        "size": {"type": "integer"},
        "share": {"type": "number"},
        "dry_run": {"type": "boolean", "default": False},
        "tags": {"type": "array", "items": {"type": "string"}},
        "levels": {"type": "array", "items": {"type": "integer"}},
        "colour": {"allOf": [{"$ref": "#/$defs/Colour"}], "x-nullable": True},
        "place": {"$ref": "#/$defs/Place"},
        "level": {"enum": [1, 2]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "price": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "x"}]},
        "password": {"type": "string", "writeOnly": True, "format": "password", "title": "Password"},
        "anything": {},
    },
    "required": ["size"],
    "$defs": {
        "Colour": {"enum": ["red", "blue"], "type": "string"},
        "Place": {"type": "object", "properties": {"x": {"type": "integer"}}},
    },
}


def parse(*words: str, schema: Mapping[str, Any] = SCHEMA) -> Given:
    return TaskOptions("backup", schema, ask=lambda title: f"typed for {title}").parse(words)


def faults(*words: str, schema: Mapping[str, Any] = SCHEMA) -> Mapping[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse(*words, schema=schema)
    return {fault.pointer: fault.message for fault in caught.value.errors}


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ([], {}),
        (["--format", "tar"], {"format": "tar"}),
        (["--format=tar"], {"format": "tar"}),
        (["--size", "-5"], {"size": -5}),
        (["--size", "many"], {"size": "many"}),  # for the API to refuse, with all the other faults
        (["--share", "0.5"], {"share": 0.5}),
        (["--share", "2"], {"share": 2}),
        (["--dry-run"], {"dry_run": True}),
        (["--dry_run"], {"dry_run": True}),
        (["--no-dry-run"], {"dry_run": False}),
        (["--tags", "a", "--tags", "b"], {"tags": ["a", "b"]}),
        (["--tags", '["a", "b"]'], {"tags": ["a", "b"]}),
        (["--levels", "1", "--levels", "2"], {"levels": [1, 2]}),
        (["--colour", "blue"], {"colour": "blue"}),
        (["--place", '{"x": 1}'], {"place": {"x": 1}}),
        (["--level", "2"], {"level": 2}),
        (["--either", "7"], {"either": 7}),
        (["--either", "seven"], {"either": "seven"}),
        (["--price", "1.10"], {"price": "1.10"}),  # a decimal keeps its digits
        (["--password", "-"], {"password": "typed for Password"}),
        (["--password", "x"], {"password": "x"}),
        (["--anything", "as it is"], {"anything": "as it is"}),
        (["--arguments", '{"size": 1, "format": "sql"}', "--format", "tar"], {"size": 1, "format": "tar"}),
    ],
)
def test_values(words: Sequence[str], arguments: Mapping[str, Any]) -> None:
    assert parse(*words).arguments == arguments


def test_the_programs_own_options_may_stand_behind_the_name() -> None:
    given = parse("--yes", "--json", "--priority", "70")
    assert given.arguments == {}
    assert given.reserved == {"yes": True, "json": True, "priority": "70"}


def test_a_tasks_own_names_go_first() -> None:
    schema = {"properties": {"json": {"type": "string"}, "yes": {"type": "integer"}, "help": {"type": "string"}}}
    given = parse("--json", "a", "--yes", "2", "--help", "me", schema=schema)
    assert given.arguments == {"json": "a", "yes": 2, "help": "me"}
    assert given.reserved == {}
    assert parse("-h", schema=schema).help


def test_no_is_left_to_a_parameter_of_that_name() -> None:
    schema = {"properties": {"cache": {"type": "boolean"}, "no_cache": {"type": "string"}}}
    assert parse("--cache", "--no-cache", "x", schema=schema).arguments == {"cache": True, "no_cache": "x"}


def test_options_are_not_abbreviated() -> None:
    assert faults("--form", "tar").keys() == {"/--form"}


def test_an_unknown_option_is_named_with_the_nearest() -> None:
    found = faults("--fromat", "tar", "--size", "1", "loose")
    assert found.keys() == {"/--fromat", "/loose"}
    assert "did you mean --format?" in found["/--fromat"]
    assert "no option" in found["/loose"]


def test_all_faults_are_reported_together() -> None:
    found = faults("--format", "zip", "--place", "{", "--level", "3")
    assert found.keys() == {"/--format", "/--place", "/--level"}
    assert "must be one of sql, tar, not 'zip'" in found["/--format"]
    assert "is not JSON" in found["/--place"]
    assert "must be one of 1, 2" in found["/--level"]


def test_an_option_without_its_value_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"--size.*expected one argument.*--help"):
        parse("--size")


def test_a_task_with_free_keywords_takes_any_option() -> None:
    schema = {"properties": {"size": {"type": "integer"}}, "additionalProperties": True}
    given = parse("--size", "1", "--host-name", "h", "--deep", "--n=2", "--o", '{"a": 1}', schema=schema)
    assert given.arguments == {"size": 1, "host_name": "h", "deep": True, "n": 2, "o": {"a": 1}}


def test_help_has_each_parameter_with_its_text() -> None:
    options = TaskOptions("backup", SCHEMA, description="Backs up 100 % of it.")
    text = options.help()
    assert text.startswith("usage: runwright run backup")
    assert "Backs up 100 % of it." in text
    assert "--dry-run" in text
    assert "Backup format; one of sql, tar; default: sql" in " ".join(text.split())
    assert "required" in text
    assert options.parse(["--help"]).help


def test_help_goes_before_faults() -> None:
    assert parse("--format", "zip", "--help").help


@pytest.mark.parametrize("text", ["{", "[1]", "3", '"a"', "@/nowhere/at/all"])
def test_arguments_must_be_an_object(text: str) -> None:
    assert faults("--arguments", text).keys() == {"/--arguments"}


def test_arguments_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "arguments.json").write_text('{"size": 3}')
    assert json_object(f"@{tmp_path / 'arguments.json'}", "--arguments") == {"size": 3}


def test_how_a_parameter_is_spelled() -> None:
    assert option_of("dry_run") == "--dry-run"


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999", "9" * 5000])
def test_what_is_no_number_in_json_is_left_for_the_api_to_name(text: str) -> None:
    assert parse("--size", "1", f"--share={text}").arguments["share"] == text


@pytest.mark.parametrize("text", ['{"x": NaN}', '{"x": [1e999]}', '{"x": -Infinity}'])
def test_json_has_no_such_numbers(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"--arguments: is not JSON: .* is not a number that JSON has"):
        json_object(text, "--arguments")
    with pytest.raises(InvalidInput, match="is not a number that JSON has"):
        parse("--size", "1", "--place", text)


@pytest.mark.parametrize(("text", "value"), [("1h30m", 5400), ("5m", 300), ("300", 300), ("PT5M", "PT5M"), ("x", "x")])
def test_lengths_of_time(text: str, value: object) -> None:
    schema = {"properties": {"since": {"type": "string", "format": "duration"}}}
    assert parse("--since", text, schema=schema).arguments == {"since": value}
