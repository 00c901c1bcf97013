"""Settings files: which one is read, the three formats, what older programs wrote, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runwright.config import Settings
from runwright.config.files import without_comments
from runwright.errors import SettingsError

SEED_CONFIG = """{
"manager": {
    "tasks": {
        "directory": "./elsewhere", // where the task manager looks for tasks
        "default": "./manager/plTask.py", // Default task module (if any)
        "auto_restart": false,             // Whether to auto-restart failed tasks
        "interval": 7,                    // Interval for scanning/managing tasks
        "max_retries": 5                  // Maximum retries for a failed task
    }
}
}"""


def load(directory: Path, path: Path | None = None) -> Settings:
    return Settings.load(path, directory=directory, environ={})


def refused(directory: Path, path: Path | None = None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(directory, path)
    return caught.value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("runwright.yaml", "port: 1\nautodiscovery_namespaces: [a, b]\ntimeout: 5m\n"),
        ("runwright.yml", "port: 1\nautodiscovery_namespaces: a, b\ntimeout: 300\n"),
        ("runwright.json", '{"port": 1, "autodiscovery_namespaces": ["a", "b"], // two\n "timeout": "5m"}'),
        ("runwright.toml", 'port = 1\nautodiscovery_namespaces = ["a", "b"]\ntimeout = "5m"\n'),
    ],
)
def test_each_format_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    settings = load(tmp_path)
    assert (settings.port, settings.autodiscovery_namespaces, settings.timeout) == (1, ("a", "b"), 300)
    assert settings.origin("port") == f"file {tmp_path / name}"


def test_a_file_of_the_working_directory_is_named_shortly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runwright.yaml").write_text("port: 1\n")
    monkeypatch.chdir(tmp_path)
    assert Settings.load(environ={}).origin("port") == "file runwright.yaml"


def test_a_named_file_goes_before_the_one_that_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("port: 1\n")
    (tmp_path / "other.yaml").write_text("host: h\n")
    settings = load(tmp_path, tmp_path / "other.yaml")
    assert (settings.port, settings.host) == (6336, "h")


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("# nothing yet\n")
    assert load(tmp_path).port == 6336


def test_two_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("")
    (tmp_path / "runwright.toml").write_text("")
    assert "runwright.yaml and runwright.toml" in refused(tmp_path).message


def test_config_json_is_found_and_honoured(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SEED_CONFIG)
    settings = load(tmp_path)
    assert settings.directory == Path("elsewhere")
    assert settings.default == Path("manager/plTask.py")
    assert (settings.auto_restart, settings.interval, settings.manager_max_retries) == (False, 7, 5)
    assert settings.max_retries == 3
    assert settings.origin("interval") == f"file {tmp_path / 'config.json'}, key manager.tasks.interval"
    assert settings.warnings == ()


def test_the_other_sections_of_config_json_are_one_warning(tmp_path: Path) -> None:
    document = {
        "app": {"port": 1},
        "manager": {"log": {"file": "x"}, "tasks": {"interval": 9}},
        "redis": "redis://x//y",
    }
    (tmp_path / "config.json").write_text(json.dumps(document))
    settings = load(tmp_path)
    assert settings.interval == 9
    assert len(settings.warnings) == 1
    assert settings.warnings[0].endswith("only manager.tasks is read; passed over: app, manager.log, redis")


def test_a_wrong_key_in_config_json_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"manager": {"tasks": {"max_retires": 1}}}')
    error = refused(tmp_path)
    assert error.errors[0].pointer == "/manager.tasks.max_retires"
    assert "max_retries" in error.message


def test_a_config_json_of_another_program_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"port": 1}')
    settings = load(tmp_path)
    assert (settings.port, settings.warnings) == (6336, ())


def test_a_broken_config_json_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    assert "not well-formed" in load(tmp_path).warnings[0]


def test_config_json_beside_a_file_of_our_own_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SEED_CONFIG)
    (tmp_path / "runwright.yaml").write_text("port: 1\n")
    settings = load(tmp_path)
    assert (settings.port, settings.interval) == (1, 2)
    assert settings.warnings == ("config.json was not read, because runwright.yaml is there",)


def test_manager_tasks_may_stand_in_our_own_file(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("manager:\n  tasks:\n    max_retries: 8\nmax_retries: 1\n")
    settings = load(tmp_path)
    assert (settings.manager_max_retries, settings.max_retries) == (8, 1)


def test_other_sections_of_manager_in_our_own_file_are_errors(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("manager:\n  log: {}\n")
    assert refused(tmp_path).errors[0].pointer == "/manager.log"


def test_the_same_setting_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("interval: 1\nmanager:\n  tasks:\n    interval: 2\n")
    assert "'manager.tasks.interval' and 'interval'" in refused(tmp_path).message


def test_the_older_names_of_autodiscovery(tmp_path: Path) -> None:
    (tmp_path / "firmware.json").write_text(
        json.dumps(
            {
                "task_autodiscovery_enabled": False,
                "task_autodiscovery_namespaces": ["firmware.tasks", "firmware.tasks.community"],
                "task_autodiscovery_include_subpackages": False,
                "task_autodiscovery_ignore_modules": ["base_task", "task_manager"],
                "task_autodiscovery_override_on_conflict": True,
                "task_raise_on_missing_name": False,
            }
        )
    )
    settings = load(tmp_path, tmp_path / "firmware.json")
    assert settings.autodiscovery_enabled is False
    assert settings.autodiscovery_namespaces == ("firmware.tasks", "firmware.tasks.community")
    assert settings.autodiscovery_include_subpackages is False
    assert settings.autodiscovery_ignore_modules == ("base_task", "task_manager")
    assert settings.autodiscovery_override_on_conflict is True
    assert settings.autodiscovery_raise_on_missing_name is False


def test_a_list_of_tasks_becomes_schedules(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text(
        'Tasks:\n  - Name: daily_report\n    Schedule: "@daily"\n    Attributes: {format: pdf}\n'
        "  - Name: once\n    Schedule: 2030-01-01T00:00:00Z\n"
    )
    settings = load(tmp_path)
    assert [schedule["Name"] for schedule in settings.schedules] == ["daily_report", "once"]
    assert settings.schedules[0]["Attributes"] == {"format": "pdf"}
    assert settings.schedules[1]["Schedule"] == "2030-01-01T00:00:00Z"  # a text, as it was written


def test_unknown_keys_are_errors_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("max_conccurent: 1\nzzz: 2\nport: x\n")
    error = refused(tmp_path)
    assert [fault.pointer for fault in error.errors] == ["/max_conccurent", "/zzz"]
    assert "did you mean 'max_concurrent'?" in error.errors[0].message
    assert str(tmp_path / "runwright.yaml") in error.message


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("runwright.yaml", b"a: [", "not well-formed"),
        ("runwright.yaml", b"- port\n", "must hold settings by name, not a list"),
        ("runwright.yaml", b"port: !!python/object/apply:os.getpid []", "not well-formed"),
        ("runwright.json", b"{,}", "not well-formed"),
        ("runwright.toml", b"port = ", "not well-formed"),
        ("runwright.yaml", b"\xff\xfe\x00", "cannot be read"),
        ("settings.ini", b"[a]", "must end in"),
        ("missing.yaml", None, "no settings file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    error = refused(tmp_path, path)
    assert says in error.message
    assert str(path) in error.message


def test_a_value_in_a_file_is_refused_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("manager: {tasks: {interval: often}}\n")
    message = refused(tmp_path).errors[0].message
    assert f"file {tmp_path / 'runwright.yaml'}, key manager.tasks.interval" in message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1} // end', {"a": 1}),
        ('{"a": "http://x", // one\n "b": "\\"//"}', {"a": "http://x", "b": '"//'}),
        ("// first\n[1]", [1]),
    ],
)
def test_comments_are_taken_out_of_json_but_not_out_of_texts(text: str, value: object) -> None:
    assert json.loads(without_comments(text)) == value
