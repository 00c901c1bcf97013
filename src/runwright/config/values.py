"""Vocabulary: the kinds of value that a setting may have, as people write them in files, variables and flags.

Each kind turns text into its value or says in one sentence what it wants. Pure; nothing here knows a setting by name.
"""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from runwright.duration import parse_duration
from runwright.errors import InvalidInput


def _duration(value: Any) -> Any:
    if value is None:
        return None
    try:
        return parse_duration(value)
    except InvalidInput as error:
        raise ValueError(error.message) from None


def _none(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() in {"", "none", "null"}:
        return None
    return value


def _words(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError("is no list: separate its entries with commas, or write JSON") from None
    return [word.strip() for word in text.split(",") if word.strip()]


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone of the IANA list, such as UTC or Europe/Berlin") from None
    return value


def _store(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if separator and scheme == "sqlite":
        if rest.startswith("/") and len(rest) > 1:
            return value
        raise ValueError("names no file: write sqlite:///runwright.db, or sqlite:////var/lib/runwright.db")
    return _server(value, other="must be sqlite:///PATH or postgresql://USER@HOST/DATABASE")


def _server(value: str, *, other: str = "must be postgresql://USER@HOST/DATABASE, where the pooler leads to") -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError(other)
    _check_postgres(value)
    return value


def _check_postgres(value: str) -> None:
    """Refuse an address that no driver can read. What it has in it is not quoted: part of it may be a password."""
    try:
        parts = urlsplit(value)
        given = parse_qs(parts.query)
    except ValueError:
        raise ValueError(f"has brackets that do not fit around an IPv6 address; {_ESCAPES}") from None
    credentials, _, hosts = parts.netloc.rpartition("@")
    if "@" in credentials:
        raise ValueError(f"has two '@' in it; {_ESCAPES}")
    ports = given.get("port", [])
    for host in hosts.split(","):
        _, colon, port = host.rpartition("]")[2].rpartition(":")
        ports += [port] if colon else []
    if not all(port.isascii() and port.isdigit() and 1 <= int(port) <= 65535 for port in ports):
        raise ValueError(f"has a port that is no number from 1 to 65535; {_ESCAPES}")
    if not _TARGETS.issuperset(given.get("target_session_attrs", [])):  # the driver's own word for it names none
        raise ValueError(f"has a target_session_attrs that is none of {', '.join(sorted(_TARGETS))}")


_TARGETS = {"any", "primary", "standby", "read-write", "read-only", "prefer-standby"}
_ESCAPES = "in a user or a password %40 stands for @, %3A for :, %2F for /, %23 for # and %5B for ["


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an address such as https://tasks.example.com")
    return value.rstrip("/")


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value!r} is no IP address or network, such as 10.0.0.0/8") from None
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool):  # YAML's yes and no; pydantic would make them 1 and 0
        raise ValueError("must be a valid integer")
    return value


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


Seconds = Annotated[float, BeforeValidator(_duration), Field(ge=0)]
PositiveSeconds = Annotated[float, BeforeValidator(_duration), Field(gt=0)]
OptionalSeconds = Annotated[Seconds | None, BeforeValidator(_none)]
OptionalPositiveSeconds = Annotated[PositiveSeconds | None, BeforeValidator(_none)]
Count = Annotated[int, BeforeValidator(_number), Field(ge=0)]
PositiveCount = Annotated[int, BeforeValidator(_number), Field(ge=1)]
Port = Annotated[int, BeforeValidator(_number), Field(ge=0, le=65535)]
OptionalPositiveCount = Annotated[PositiveCount | None, BeforeValidator(_none)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
FilePath = Annotated[Path, AfterValidator(Path.expanduser)]
OptionalPath = Annotated[FilePath | None, BeforeValidator(_none)]
Paths = Annotated[tuple[FilePath, ...], BeforeValidator(_words)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_words)]
Zone = Annotated[str, AfterValidator(_zone)]
StoreUrl = Annotated[str, AfterValidator(_store)]
OptionalServerUrl = Annotated[Annotated[str, AfterValidator(_server)] | None, BeforeValidator(_none)]
OptionalUrl = Annotated[Annotated[str, AfterValidator(_url)] | None, BeforeValidator(_none)]
Level = BeforeValidator(_upper)
Optional = BeforeValidator(_none)
