"""Vocabulary: every setting with its default, and where its value came from.

Defaults < file < environment (``TASK_…``) < flags. A value is checked once, after merging, and a bad one is refused
with the place where it was written. The only module of the engine that reads the environment; it opens nothing else
than the settings file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, JsonValue, PrivateAttr, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from runwright.config.files import find, read
from runwright.config.refusals import fault, refusal
from runwright.config.values import (
    Count,
    FilePath,
    Level,
    Networks,
    Optional,
    OptionalPath,
    OptionalPositiveCount,
    OptionalPositiveSeconds,
    OptionalSeconds,
    OptionalServerUrl,
    OptionalUrl,
    Paths,
    Port,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    StoreUrl,
    Words,
    Zone,
)

PREFIX: Final = "TASK_"
MASK: Final = "********"
NOT_IN_ENVIRONMENT: Final = frozenset({"schedules"})
MEBIBYTE: Final = 1024 * 1024
CPUS: Final = os.cpu_count() or 1

MAX_CONCURRENT_NON_EXCLUSIVE_TASKS: Final = "max_concurrent"
"""The setting that bounds how many non-exclusive asynchronous tasks run at once in one worker, by its older name."""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as it is shown to people: secrets are masked in ``value``, which is JSON."""

    name: str
    value: JsonValue
    origin: str
    environment: str | None
    description: str


class Settings(BaseSettings):
    """All settings of one process, immutable.

    ``Settings(store=…, max_concurrent=…)`` takes exactly what it is given, and defaults for the rest;
    ``Settings.load()`` also looks into the settings file and the environment.

    Raises:
        SettingsError: a bad value or an unknown name, one FieldError for each.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_ignore_empty=True, enable_decoding=False
    )

    store: StoreUrl = Field(
        "sqlite:///runwright.db", description="Where everything is kept: `sqlite:///PATH` or `postgresql://…`."
    )
    store_direct: OptionalServerUrl = Field(
        None,
        description="The same PostgreSQL database without the pooler, when `store` is PgBouncer's address "
        "(transaction mode). Used to listen for work of other processes.",
    )
    max_concurrent: PositiveCount = Field(CPUS, description="Asynchronous tasks that one worker runs at once.")
    max_threads: PositiveCount = Field(CPUS + 4, description="Thread tasks that one worker runs at once.")
    max_processes: PositiveCount = Field(CPUS, description="Process tasks that one worker runs at once.")
    process_environment: Words = Field(
        (),
        description="Environment variables that process tasks see; a name may end in `*`. Default: all but those that"
        " may hold secrets of Runwright.",
    )
    max_total: OptionalPositiveCount = Field(
        None, description="Tasks of all kinds together that one worker runs at once; none: no bound."
    )
    timeout: OptionalPositiveSeconds = Field(
        300.0, description="How long a run may take unless its task says otherwise; none: for ever."
    )
    shutdown_grace: OptionalSeconds = Field(
        30.0,
        description="How long running tasks may go on when the process is asked to stop; none: as long as it takes.",
    )
    cancel_grace: Seconds = Field(
        10.0, description="How long a cancelled process task may clean up before it is killed."
    )
    max_retries: Count = Field(3, description="Retries of a failed scheduled run whose task has no policy of its own.")
    retry_delay: Seconds = Field(5.0, description="The wait before the first of them; it doubles each time.")
    websocket_enabled: bool = Field(True, description="Whether the page and programs may follow runs over WebSocket.")
    buffer_size: PositiveCount = Field(
        1000, description="Messages kept for one WebSocket client; a slower one is dropped."
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Level] = Field(
        "INFO",
        description="The least severe lines that are kept of what tasks log: DEBUG, INFO, WARNING, ERROR or CRITICAL; "
        "what they print has no level.",
    )
    retention_days: OptionalPositiveCount = Field(
        30, description="How long ended runs and events are kept, in days; none: for ever."
    )
    autodiscovery_enabled: bool = Field(True, description="Look for tasks; false: only registered ones and `default`.")
    autodiscovery_namespaces: Words = Field((), description="Packages in which tasks are looked for.")
    autodiscovery_include_subpackages: bool = Field(True, description="Look into their subpackages too.")
    autodiscovery_ignore_modules: Words = Field(
        (), description="Modules to pass over: a name that matches any part of a module's dotted path."
    )
    autodiscovery_override_on_conflict: bool = Field(
        False, description="Let the last task of a name win instead of the first."
    )
    autodiscovery_raise_on_missing_name: bool = Field(
        True,
        description="Refuse to start if a class in a package has no valid `task_name`; false lists it as a problem.",
    )
    required_tasks: Words = Field((), description="Tasks without which the process refuses to start.")
    community_dir: OptionalPath = Field(None, description="A second directory with tasks.")
    directory: FilePath = Field(
        Path("./backgroundtask"), description="The directory with tasks, watched while serving."
    )
    default: OptionalPath = Field(None, description="A task module that is always loaded as well.")
    auto_restart: bool = Field(
        True, description="Start a service again that failed, where it does not say itself what follows."
    )
    interval: PositiveSeconds = Field(2.0, description="How often the directory with tasks is looked through.")
    manager_max_retries: Count = Field(
        3,
        description="Retries of a script from the directory, where it is set; how often a service that fails again and "
        "again is restarted.",
    )
    allowed_roots: Paths = Field(
        (), description="Directories in which linked task files may really be. Default: the working directory."
    )
    import_seconds: PositiveSeconds = Field(
        5.0, description="How long the import of one task file may take; it is tried out in another process first."
    )
    host: str = Field("127.0.0.1", min_length=1, description="The address that the server listens on.")
    port: Port = Field(6336, description="Its port; 0 takes a free one.")
    timezone: Zone = Field("UTC", description="The time zone of schedules that have none of their own.")
    admin_token: Annotated[SecretStr | None, Optional] = Field(
        None, description="The administrator's token; without it a sign-in link is printed at each start."
    )
    secret_key: Annotated[SecretStr | None, Optional] = Field(
        None, description="The key that seals secrets in arguments; workers share it. Default: see `secret_key_file`."
    )
    secret_key_file: OptionalPath = Field(
        None, description="The file with that key, made when it is missing. Default: beside the SQLite file."
    )
    public_url: OptionalUrl = Field(None, description="The address under which browsers reach the server.")
    allowed_hosts: Words = Field((), description="Host names that requests may be addressed to, beside its own.")
    trusted_proxies: Networks = Field((), description="Proxies whose word about the client's address is taken.")
    metrics_public: bool = Field(False, description="Show `/health` in detail and `/metrics` without sign-in.")
    lease_seconds: PositiveSeconds = Field(30.0, description="How long a silent worker keeps its runs.")
    heartbeat_seconds: PositiveSeconds = Field(10.0, description="How often a worker says that it is alive.")
    sweep_seconds: PositiveSeconds = Field(5.0, description="How often runs of dead workers are looked for.")
    aging_seconds: OptionalPositiveSeconds = Field(
        900.0, description="A run that has waited so long goes before all others, whatever its priority; none: never."
    )
    poll_seconds: PositiveSeconds = Field(
        5.0, description="How often work is looked for when nothing wakes the worker."
    )
    log_limit_bytes: PositiveCount = Field(10 * MEBIBYTE, description="The most that is kept of one attempt's log.")
    result_limit_bytes: PositiveCount = Field(MEBIBYTE, description="The largest result that a run may return.")
    body_limit_bytes: PositiveCount = Field(MEBIBYTE, description="The largest request that the server accepts.")
    schedule_file_limit_bytes: PositiveCount = Field(
        64 * MEBIBYTE, description="The largest file of schedules that is taken in by `runwright schedules import`."
    )
    upload_dir: OptionalPath = Field(
        None, description="The folder of uploaded files; workers share it. Default: beside the SQLite file."
    )
    upload_limit_bytes: PositiveCount = Field(
        100 * MEBIBYTE, description="The most that the files of one request may have together."
    )
    upload_limit_files: PositiveCount = Field(20, description="The most files in one request.")
    catch_up_cap: PositiveCount = Field(
        100, description="The most fires that are made up for after downtime with catch-up `all`."
    )
    catch_up_rate: PositiveCount = Field(
        50, description="The most runs that start in a second to make up for downtime, by each scheduler."
    )
    schedules: tuple[Mapping[str, JsonValue], ...] = Field(
        (), description="Schedules that exist because this file says so (also written `Tasks:`)."
    )

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _file: Path | None = PrivateAttr(default=None)

    def __init__(
        self,
        *,
        _origins: Mapping[str, str] | None = None,
        _warnings: Sequence[str] = (),
        _file: Path | None = None,
        **values: Any,
    ) -> None:
        origins = dict.fromkeys(values, "argument") if _origins is None else _origins
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise refusal(error, origins, type(self).model_fields) from None
        self._origins = origins
        self._warnings = tuple(_warnings)
        self._file = _file
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise fault(
                "heartbeat_seconds",
                f"must be at most half of lease_seconds ({self.lease_seconds:g}), so that one may be missed",
                self.origin("heartbeat_seconds"),
            )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the constructor is given: ``load`` merges the other sources, and knows which value is whose."""
        return (init_settings,)

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, Any] | None = None,
        directory: str | Path | None = None,
    ) -> Self:
        """The settings of this process: defaults < file < environment < flags.

        Args:
            path: the settings file; without it the one in ``directory`` is taken, if there is one.
            environ: environment variables; default: those of the process.
            flags: settings from the command line, by name; None means that it was not given.
            directory: where a settings file is looked for; default: the working directory.

        Raises:
            SettingsError: a file that cannot be read, an unknown key, a bad value; all faults at once.
        """
        names = cls.model_fields
        warnings: list[str] = []
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        chosen: Path | None
        if path is not None:
            chosen = Path(path)
        else:
            folder = Path(directory) if directory is not None else Path.cwd()
            chosen, warnings = find(folder)
            if chosen is not None and chosen.parent == Path.cwd():
                chosen = Path(chosen.name)
        if chosen is not None:
            content = read(chosen, names.keys())
            warnings += content.warnings
            values.update(content.values)
            for name, key in content.keys.items():
                origins[name] = f"file {chosen}" if key == name else f"file {chosen}, key {key}"
        given, unknown = _environment(cls, os.environ if environ is None else environ)
        warnings += unknown
        values.update(given)
        origins.update({name: f"environment {PREFIX}{name.upper()}" for name in given})
        for name, value in (flags or {}).items():
            if value is not None:
                values[name] = value
                origins[name] = f"flag --{name.replace('_', '-')}"
        return cls(_origins=origins, _warnings=warnings, _file=chosen, **values)

    @property
    def file(self) -> Path | None:
        """The settings file that was read, with its whole path."""
        return None if self._file is None else self._file.absolute()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was odd about the sources but stops nobody: unknown ``TASK_…`` names, sections passed over."""
        return self._warnings

    @property
    def MAX_CONCURRENT_NON_EXCLUSIVE_TASKS(self) -> int:  # noqa: N802 - the name that older programs use
        """The same as ``max_concurrent``."""
        return self.max_concurrent

    @property
    def sqlite_file(self) -> Path | None:
        """The file of an SQLite store; None for one in memory and for PostgreSQL."""
        scheme, _, path = self.store.partition("://")
        return Path(path[1:]) if scheme == "sqlite" and path != "/:memory:" else None

    def task_environment(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a task's process: what ``process_environment`` lists, never a secret of Runwright's own.

        Args:
            environ: environment variables; default: those of this process.
        """
        secret = {environment_name(name) for name, info in type(self).model_fields.items() if _secret(name, info)}
        given = os.environ if environ is None else environ
        wanted = self.process_environment or ("*",)
        return {
            variable: value
            for variable, value in given.items()
            if variable not in secret and any(fnmatchcase(variable, pattern) for pattern in wanted)
        }

    @property
    def on_postgres(self) -> bool:
        """Whether the store is a PostgreSQL database."""
        return self.store.startswith(("postgresql://", "postgres://"))

    def origin(self, name: str) -> str:
        """Where the value of a setting came from: ``default``, ``file runwright.yaml``, ``environment TASK_TIMEOUT``,
        ``flag --port`` or ``argument``. Raises SettingsError for an unknown name.
        """
        if name not in type(self).model_fields:
            raise fault(name, "there is no such setting", "")
        return self._origins.get(name, "default")

    def describe(self) -> tuple[SettingRow, ...]:
        """Every setting with its value and where it came from; secrets are masked."""
        shown = self.model_dump(mode="json")
        return tuple(
            SettingRow(
                name,
                _masked(name, shown[name], info),
                self.origin(name),
                environment_name(name),
                info.description or "",
            )
            for name, info in type(self).model_fields.items()
        )


def environment_name(name: str) -> str | None:
    """The environment variable of a setting; None if it can only be in a file."""
    return None if name in NOT_IN_ENVIRONMENT else f"{PREFIX}{name.upper()}"


def _environment(cls: type[Settings], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The settings among the variables, as text, and a warning for each ``TASK_…`` that is none."""
    known = {variable: name for name in cls.model_fields if (variable := environment_name(name))}
    mine = {variable: text for variable, text in environ.items() if variable.startswith(PREFIX)}
    source = EnvSettingsSource(cls)
    source.env_vars = {variable.lower(): text for variable, text in mine.items() if variable in known and text.strip()}
    warnings = []
    for variable in sorted(mine.keys() - known.keys()):
        near = get_close_matches(variable, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        warnings.append(f"environment: {variable} is no setting and was ignored{hint}")
    return source(), warnings


_ADDRESSES = {"store", "store_direct"}
_PASSWORD = re.compile(r"(?<=[?&])((?:ssl)?password=)[^&]*")
"""A password may stand behind the question mark, too."""


def _secret(name: str, info: FieldInfo) -> bool:
    """Whether a setting may hold a secret; the address of a store has a password in it."""
    return name in _ADDRESSES or "SecretStr" in str(info.annotation)


def _masked(name: str, value: JsonValue, info: FieldInfo) -> JsonValue:
    if value is not None and "SecretStr" in str(info.annotation):
        return MASK
    if name in _ADDRESSES and isinstance(value, str):
        scheme, separator, rest = _PASSWORD.sub(rf"\1{MASK}", value).partition("://")
        credentials, at, place = rest.rpartition("@")
        user, colon, _ = credentials.partition(":")
        return f"{scheme}{separator}{user}{colon and colon + MASK}{at}{place}"
    return value
