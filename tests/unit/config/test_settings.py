"""Settings: defaults, precedence of the four sources, origins, and one error for each bad value."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runwright.config import Settings
from runwright.errors import SettingsError

CPUS = os.cpu_count() or 1

DEFAULTS = {
    "store": "sqlite:///runwright.db",
    "store_direct": None,
    "max_concurrent": CPUS,
    "max_threads": CPUS + 4,
    "max_processes": CPUS,
    "process_environment": (),
    "max_total": None,
    "timeout": 300,
    "shutdown_grace": 30,
    "cancel_grace": 10,
    "max_retries": 3,
    "retry_delay": 5,
    "websocket_enabled": True,
    "buffer_size": 1000,
    "log_level": "INFO",
    "retention_days": 30,
    "autodiscovery_enabled": True,
    "autodiscovery_namespaces": (),
    "autodiscovery_include_subpackages": True,
    "autodiscovery_ignore_modules": (),
    "autodiscovery_override_on_conflict": False,
    "autodiscovery_raise_on_missing_name": True,
    "required_tasks": (),
    "community_dir": None,
    "directory": Path("./backgroundtask"),
    "default": None,
    "auto_restart": True,
    "interval": 2,
    "manager_max_retries": 3,
    "allowed_roots": (),
    "host": "127.0.0.1",
    "port": 6336,
    "timezone": "UTC",
    "admin_token": None,
    "secret_key": None,
    "secret_key_file": None,
    "public_url": None,
    "allowed_hosts": (),
    "trusted_proxies": (),
    "metrics_public": False,
    "lease_seconds": 30,
    "heartbeat_seconds": 10,
    "sweep_seconds": 5,
    "aging_seconds": 900,
    "poll_seconds": 5,
    "log_limit_bytes": 10 * 1024 * 1024,
    "result_limit_bytes": 1024 * 1024,
    "body_limit_bytes": 1024 * 1024,
    "schedule_file_limit_bytes": 64 * 1024 * 1024,
    "catch_up_cap": 100,
    "catch_up_rate": 50,
    "import_seconds": 5.0,
    "upload_dir": None,
    "upload_limit_bytes": 100 * 1024 * 1024,
    "upload_limit_files": 20,
    "schedules": (),
}

OTHER: Mapping[str, tuple[str, object]] = {
    "store": ("postgresql://h/d", "postgresql://h/d"),
    "max_concurrent": ("7", 7),
    "max_threads": ("7", 7),
    "max_processes": ("7", 7),
    "process_environment": ("PATH,LANG", ("PATH", "LANG")),
    "max_total": ("7", 7),
    "timeout": ("1h30m", 5400.0),
    "shutdown_grace": ("none", None),
    "cancel_grace": ("500ms", 0.5),
    "max_retries": ("0", 0),
    "retry_delay": ("0", 0.0),
    "websocket_enabled": ("false", False),
    "buffer_size": ("5", 5),
    "log_level": ("debug", "DEBUG"),
    "retention_days": ("none", None),
    "autodiscovery_enabled": ("no", False),
    "autodiscovery_namespaces": ("app.tasks, app.more", ("app.tasks", "app.more")),
    "autodiscovery_include_subpackages": ("0", False),
    "autodiscovery_ignore_modules": ('["base_task", "a,b"]', ("base_task", "a,b")),
    "autodiscovery_override_on_conflict": ("true", True),
    "autodiscovery_raise_on_missing_name": ("false", False),
    "required_tasks": ("backup", ("backup",)),
    "community_dir": ("/srv/tasks", Path("/srv/tasks")),
    "directory": ("/srv/mine", Path("/srv/mine")),
    "default": ("./manager/plTask.py", Path("manager/plTask.py")),
    "auto_restart": ("off", False),
    "interval": ("0.5", 0.5),
    "manager_max_retries": ("9", 9),
    "allowed_roots": ("/a,/b", (Path("/a"), Path("/b"))),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("0", 0),
    "timezone": ("Europe/Berlin", "Europe/Berlin"),
    "secret_key_file": ("/run/key", Path("/run/key")),
    "public_url": ("https://tasks.example.com/", "https://tasks.example.com"),
    "store_direct": ("postgresql://db/app", "postgresql://db/app"),
    "allowed_hosts": ("a.example.com", ("a.example.com",)),
    "trusted_proxies": ("10.0.0.0/8,::1", ("10.0.0.0/8", "::1")),
    "metrics_public": ("true", True),
    "lease_seconds": ("1m", 60.0),
    "heartbeat_seconds": ("3", 3.0),
    "sweep_seconds": ("3", 3.0),
    "poll_seconds": ("3", 3.0),
    "aging_seconds": ("1h", 3600.0),
    "log_limit_bytes": ("4096", 4096),
    "result_limit_bytes": ("4096", 4096),
    "body_limit_bytes": ("4096", 4096),
    "schedule_file_limit_bytes": ("8192", 8192),
    "catch_up_cap": ("10", 10),
    "catch_up_rate": ("5", 5),
    "import_seconds": ("30", 30.0),
    "upload_dir": ("uploads", Path("uploads")),
    "upload_limit_bytes": ("4096", 4096),
    "upload_limit_files": ("2", 2),
}
"""For each setting a text as in the environment, and the value that it means."""


def load(directory: Path, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    return Settings.load(directory=directory, environ=environ or {}, flags=flags)


def refused(**values: Any) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Settings(**values)
    return caught.value


def test_defaults_are_those_of_the_contract() -> None:
    assert {name: getattr(Settings(), name) for name in Settings.model_fields} == DEFAULTS


def test_every_setting_has_a_description() -> None:
    assert [row.name for row in Settings().describe() if not row.description] == []


@pytest.mark.parametrize("name", OTHER)
def test_each_setting_has_its_variable(name: str, tmp_path: Path) -> None:
    text, value = OTHER[name]
    variable = f"TASK_{name.upper()}"
    settings = load(tmp_path, {variable: text})
    assert getattr(settings, name) == value != DEFAULTS[name]
    assert settings.origin(name) == f"environment {variable}"
    assert settings.warnings == ()


def test_the_table_of_variables_is_complete() -> None:
    assert set(OTHER) | {"admin_token", "secret_key", "schedules"} == set(Settings.model_fields)


def test_each_source_goes_before_the_one_below(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("port: 1\ntimeout: 1\nmax_threads: 1\n")
    settings = load(tmp_path, {"TASK_PORT": "2", "TASK_TIMEOUT": "2"}, port=3, host=None)
    assert (settings.max_threads, settings.timeout, settings.port, settings.host) == (1, 2, 3, "127.0.0.1")
    assert settings.origin("max_threads") == f"file {tmp_path / 'runwright.yaml'}"
    assert settings.origin("timeout") == "environment TASK_TIMEOUT"
    assert settings.origin("port") == "flag --port"
    assert settings.origin("host") == "default"


def test_a_value_that_is_overridden_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "runwright.yaml").write_text("port: nonsense\n")
    assert load(tmp_path, {"TASK_PORT": "2"}).port == 2


def test_the_constructor_takes_what_it_is_given_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASK_PORT", "1")
    settings = Settings(store="sqlite:///:memory:", max_concurrent=2)
    assert (settings.port, settings.max_concurrent) == (6336, 2)
    assert settings.origin("max_concurrent") == "argument"


def test_load_reads_the_environment_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASK_PORT", "1")
    monkeypatch.chdir(tmp_path)
    assert Settings.load().port == 1


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_an_empty_variable_is_no_value(tmp_path: Path) -> None:
    settings = load(tmp_path, {"TASK_PORT": "", "TASK_ADMIN_TOKEN": "  "})
    assert (settings.port, settings.admin_token, settings.origin("port")) == (6336, None, "default")


def test_a_path_may_begin_at_home(tmp_path: Path) -> None:
    assert load(tmp_path, {"TASK_COMMUNITY_DIR": "~/tasks"}).community_dir == Path.home() / "tasks"


def test_an_unknown_variable_is_a_warning(tmp_path: Path) -> None:
    settings = load(tmp_path, {"TASK_MAXCONCURRENT": "2", "TASK_ZZZ": "1", "TASKS": "", "task_port": "1"})
    assert settings.warnings == (
        "environment: TASK_MAXCONCURRENT is no setting and was ignored; did you mean TASK_MAX_CONCURRENT?",
        "environment: TASK_ZZZ is no setting and was ignored",
    )
    assert settings.port == 6336


def test_schedules_are_not_in_the_environment(tmp_path: Path) -> None:
    assert load(tmp_path, {"TASK_SCHEDULES": "[]"}).warnings


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("store", "mysql://h/d", "sqlite:///PATH or postgresql://"),
        ("store", "runwright.db", "sqlite:///PATH"),
        ("store", "sqlite://", "names no file"),
        ("store", "postgresql://u:canary@127.0.0.1:notaport/db", "1 to 65535"),
        ("store", "postgresql://u:canary@127.0.0.1:99999/db", "1 to 65535"),
        ("store", "postgresql://u:canary@127.0.0.1:0/db", "1 to 65535"),
        ("store", "postgresql://u:canary@127.0.0.1/db?port=x", "1 to 65535"),
        ("store", "postgresql://u:canary@a:5432,b:x/db", "1 to 65535"),
        ("store", "postgresql://u:canary@a/db?target_session_attrs=bogus", "none of any, prefer-standby, primary"),
        ("store", "postgresql://u:canary/y@127.0.0.1/db", "%2F for /"),
        ("store", "postgresql://u:canary@y@127.0.0.1/db", "%40 stands for @"),
        ("store_direct", "postgresql://u:canary@[::1/db", "brackets"),
        ("store_direct", "sqlite:///canary.db", "must be postgresql://"),
        ("store_direct", "postgresql", "must be postgresql://"),
        ("port", "many", "valid integer"),
        ("port", 70000, "65535"),
        ("port", True, "valid integer"),
        ("max_concurrent", 0, "greater than or equal to 1"),
        ("max_retries", -1, "greater than or equal to 0"),
        ("timeout", "soon", "is not a length of time"),
        ("timeout", 0, "greater than 0"),
        ("timezone", "Mars/Olympus", "IANA"),
        ("timezone", "../etc/passwd", "IANA"),
        ("log_level", "LOUD", "'DEBUG'"),
        ("websocket_enabled", "perhaps", "boolean"),
        ("autodiscovery_namespaces", "[app", "separate its entries with commas"),
        ("required_tasks", [1], "valid string"),
        ("public_url", "tasks.example.com", "https://"),
        ("trusted_proxies", "10.0.0.0/99", "no IP address"),
        ("host", "", "at least 1 character"),
        ("schedules", "daily", "tuple"),
        ("heartbeat_seconds", 20, "half of lease_seconds"),
        ("lease_second", 1, "did you mean 'lease_seconds'"),
    ],
)
def test_a_bad_value_is_one_error_that_names_the_setting(name: str, value: object, says: str) -> None:
    error = refused(**{name: value})
    assert [fault.pointer for fault in error.errors] == [f"/{name}"]
    assert says in error.errors[0].message
    assert name in error.message
    assert says in error.message
    assert "canary" not in error.message


def test_all_bad_values_are_reported_together_with_their_origins(tmp_path: Path) -> None:
    (tmp_path / "runwright.toml").write_text('timeout = "soon"\n')
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {"TASK_PORT": "x"}, timezone="Nowhere")
    faults = {fault.pointer: fault.message for fault in caught.value.errors}
    assert faults.keys() == {"/timeout", "/port", "/timezone"}
    assert f"(from file {tmp_path / 'runwright.toml'})" in faults["/timeout"]
    assert "(from environment TASK_PORT)" in faults["/port"]
    assert "(from flag --timezone)" in faults["/timezone"]


def test_secrets_are_masked_everywhere(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        {
            "TASK_ADMIN_TOKEN": "canary-1",
            "TASK_SECRET_KEY": "canary-2",
            "TASK_STORE": "postgresql://ops:canary-3@db.example.com/tasks",
            "TASK_STORE_DIRECT": "postgresql://ops@db.example.com/tasks?password=canary-4&sslmode=require",
        },
    )
    rows = {row.name: row for row in settings.describe()}
    shown = str(rows) + repr(settings.admin_token) + repr(settings.secret_key)
    assert "canary" not in shown
    assert rows["store"].value == "postgresql://ops:********@db.example.com/tasks"
    assert rows["store_direct"].value == "postgresql://ops@db.example.com/tasks?password=********&sslmode=require"
    assert rows["admin_token"].origin == "environment TASK_ADMIN_TOKEN"
    assert settings.admin_token is not None
    assert settings.admin_token.get_secret_value() == "canary-1"


def test_an_error_about_a_secret_does_not_show_it() -> None:
    assert "canary" not in str(refused(admin_token=["canary"]).errors)
    assert "canary" not in str(refused(store="mysql://ops:canary@h/d").errors)


def test_describe_has_every_setting_with_its_variable() -> None:
    rows = {row.name: row for row in Settings(port=1).describe()}
    assert list(rows) == list(Settings.model_fields)
    assert (rows["port"].value, rows["port"].origin, rows["port"].environment) == (1, "argument", "TASK_PORT")
    assert rows["manager_max_retries"].environment == "TASK_MANAGER_MAX_RETRIES"
    assert rows["schedules"].environment is None


def test_the_origin_of_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(SettingsError):
        Settings().origin("prot")


def test_the_older_name_of_max_concurrent() -> None:
    assert Settings(max_concurrent=5).MAX_CONCURRENT_NON_EXCLUSIVE_TASKS == 5


def test_nothing_is_looked_for_in_a_directory_without_a_file() -> None:
    with tempfile.TemporaryDirectory() as empty:
        assert load(Path(empty)) == Settings(_origins={})


@pytest.mark.parametrize(
    ("store", "file"),
    [
        ("sqlite:///runwright.db", Path("runwright.db")),
        ("sqlite:////var/lib/runwright.db", Path("/var/lib/runwright.db")),
        ("sqlite:///:memory:", None),
        ("postgresql://h/d", None),
    ],
)
def test_the_file_of_the_store(store: str, file: Path | None) -> None:
    assert Settings(store=store).sqlite_file == file
