"""The program itself, as people and scripts call it: beside a running server, and alone with its store.

Exit codes, no traceback for a mistake, JSON that parses, Ctrl-C, a pipe that breaks, and a terminal that knows no
Unicode.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.edges.project import Project, read_line, until


def read_terminal(descriptor: int) -> str:
    """What a program writes to its terminal; empty when it has ended."""
    try:
        return os.read(descriptor, 65536).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""


# ----- beside a server ------------------------------------------------------------------------------------------


def test_tasks(served: Project) -> None:
    done = served("tasks")
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["NAME", "TITLE", "CATEGORY", "MODE", "LAST", "AT"]
    document = served("tasks", "--json", "--category", "demo").json
    assert [entry["name"] for entry in document["tasks"]] == ["say"]
    assert document["problems"] == []


def test_run_prints_the_result_and_shows_the_log_beside_it(served: Project) -> None:
    done = served("run", "say", "--word", "hello", "--times", "2", "--loud")
    assert done.code == 0
    assert json.loads(done.out) == {"said": 2}
    assert done.err.count("HELLO") == 2
    assert "say completed" in done.err


def test_run_in_json_is_one_document(served: Project) -> None:
    for words in (["--json", "run", "say", "--word", "x"], ["run", "say", "--word", "x", "--json"]):
        document = served(*words).json
        assert (document["status"], document["result"]) == ("completed", {"said": 1})


def test_a_failed_run_is_exit_code_1_with_its_error(served: Project) -> None:
    done = served("run", "hurt", "--kind", "b", "--yes")
    assert done.code == 1
    assert "ValueError: ouch b" in done.err
    assert done.out == ""


def test_a_dangerous_task_wants_yes_where_nobody_can_be_asked(served: Project) -> None:
    done = served("run", "hurt")
    assert done.code == 2
    assert "Replaces what is there." in done.err
    assert "--yes" in done.err


def test_the_names_of_a_task_go_before_those_of_the_program(served: Project) -> None:
    assert served("run", "add", "--numbers", "1", "--numbers", "2", "--json", "4").out == "7\n"
    assert served("--json", "run", "add", "--numbers", "[1, 2]").json["result"] == 3


def test_all_bad_arguments_are_named_by_their_options(served: Project) -> None:
    done = served("run", "say", "--times", "many")
    assert done.code == 2
    assert "--word: " in done.err
    assert "--times: " in done.err
    pointers = {entry["pointer"] for entry in served("--json", "run", "say", "--times", "many").json["errors"]}
    assert pointers == {"--word", "--times"}


def test_a_secret_is_read_from_stdin_and_shown_nowhere(served: Project) -> None:
    done = served("--json", "run", "guard", "--password", "-", typed="canary\n")
    assert done.json["result"] == 6
    assert "canary" not in done.out + done.err


@pytest.mark.parametrize("how", ["beside a server", "alone"])
def test_files_are_sent(how: str, served: Project, alone: Project) -> None:
    here = served if how == "beside a server" else alone
    for name in ("a.csv", "b.txt"):
        (here.folder / name).write_text(name[0])
    done = here("run", "load", "--tables", "@a.csv", "--tables", "b.txt", "--note", str(here.folder / "a.csv"))
    assert done.code == 0, done.err
    assert json.loads(done.out) == ["a.csv text/csv a", "b.txt text/plain b", "a.csv text/csv a"]
    missing = here("run", "load", "--tables", "@c.csv")
    assert (missing.code, "--tables: there is no file 'c.csv'" in missing.err) == (2, True)
    assert "--tables @FILE" in here("run", "load", "--help").out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "sya"], 3, "did you mean 'say'"),
        (["run", "say", "--wrod", "x"], 2, "did you mean --word"),
        (["run", "say", "--store", "sqlite:///x.db"], 2, "an option of every command stands before the task's name"),
        (["start", "sya", "--directory=elsewhere"], 3, "--directory was not looked at; an option of every command"),
        (["run", "say", "--arguments", "{"], 2, "is not JSON"),
        (["run", "say", "--word", "x", "--priority", "high"], 2, "--priority"),
        (["show", "nothing"], 3, "nothing"),
        (["cancel", "nothing"], 3, "nothing"),
        (["logs", "nothing"], 3, "nothing"),
        (["runs", "--status", "sleepy"], 2, "sleepy"),
        (["schedules", "next", "nothing"], 3, "nothing"),
        (["schedules", "add", "x", "--task", "say", "--when", "61 * * * *"], 2, "61"),
        (["schedules", "edit", "x"], 2, "nothing to change"),
        (["runs", "--server", "http://127.0.0.1:1"], 5, "no answer"),
        (["runs", "--server", "here:there:x"], 2, "is no address"),
        (["runs", "--config", "missing.yaml"], 2, "missing.yaml"),
        (["runs", "--store", "mysql://h/d"], 2, "--store"),
        (["runs", "--lmit", "3"], 2, "--lmit"),
        (["run", "weigh", "--by", "nan"], 2, "--by: input should be a finite number"),
        (["restart", "x", "--arguments", '{"by": 1e999}'], 2, "--arguments: is not JSON: 1e999 is not a number"),
        (["run", "\udcff"], 2, "NAME: '\\xff' is not UTF-8 text"),
        (["run", "say", "--word", "\udcff"], 2, "--word: has a character that cannot be stored"),
        (["runs", "--token", "\udcff"], 2, "--token"),
        (["show", ""], 2, "RUN: must be a name or an id"),
        (["nonsense"], 2, "nonsense"),
        (["serve", "--port", "0"], 78, "works on this store already"),
        (["serve", "--host", "0.0.0.0", "--port", "0"], 78, "TASK_ADMIN_TOKEN"),
        (["serve", "--port", "many"], 2, "flag --port"),
        (["link", "nowhere.py"], 3, "nowhere.py"),
        (["link", "n" * 300], 4, "cannot be linked: File name too long"),
        (["link", "backgroundtask/demo.py", "--to", "t" * 300], 4, "cannot be linked: File name too long"),
        (["unlink", "demo", "--to", "t" * 300], 4, "cannot be removed: File name too long"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(served: Project, words: list[str], code: int, says: str) -> None:
    done = served(*words)
    assert (done.code, done.out) == (code, "")
    assert says in done.err


@pytest.mark.parametrize(("since", "seconds"), [("1h30m", 5400), ("PT5M", 300)])
def test_a_length_of_time_is_written_as_everywhere(served: Project, since: str, seconds: float) -> None:
    assert json.loads(served("run", "weigh", "--by", "1", "--since", since).out) == seconds


def test_a_mistake_is_a_document_with_json(served: Project) -> None:
    done = served("--json", "show", "nothing")
    assert done.code == 3
    assert done.json["errors"][0]["code"] == "not_found"


def test_a_wrong_token_is_refused(served: Project) -> None:
    done = served("runs", "--token", "rw_wrong")
    assert done.code == 2
    assert "token" in done.err


def test_the_life_of_a_run(served: Project) -> None:
    run = served.start("rest")
    until(lambda: served.status(run) == "running")
    assert served("delete", run).code == 4
    assert served("pause", run).code == 0
    until(lambda: served.status(run) == "paused")
    assert served("resume", run).code == 0
    assert served("cancel", run).code == 0
    until(lambda: served.status(run) == "cancelled")
    again = served("cancel", run)
    assert again.code == 4
    assert "cancelled" in again.err
    shown = served("show", run)
    assert "status" in shown.out
    assert "ATTEMPT" in shown.out
    assert "resting" in served("logs", run).out
    assert [line["text"] for line in served("logs", run, "--json").json] == ["resting"]
    assert served("delete", run).out == f"{run} deleted\n"
    assert served("show", run).code == 3


def test_a_restart_may_have_other_arguments(served: Project) -> None:
    run = served.start("say", "--word", "x")
    until(lambda: served.status(run) == "completed")
    assert served("restart", run, "--arguments", '{"times": 3}').code == 0
    until(lambda: served.status(run) == "completed")
    shown = served("show", run, "--json").json
    assert (shown["result"], shown["arguments"]["times"]) == ({"said": 3}, 3)
    wrong = served("restart", run, "--arguments", '{"times": "many"}')
    assert (wrong.code, "integer" in wrong.err) == (2, True)


def test_many_runs_at_once_answer_each(served: Project) -> None:
    run = served.start("say", "--word", "x")
    until(lambda: served.status(run) == "completed")
    done = served("delete", run, "nothing", "--json")
    assert done.code == 3
    assert [entry.get("status") for entry in done.json] == ["deleted", None]
    assert done.json[1]["errors"][0]["code"] == "not_found"


def test_runs_have_stable_columns(served: Project) -> None:
    served.start("say", "--word", "x")
    done = served("runs", "--task", "say", "--limit", "1")
    head, row = done.out.splitlines()
    assert head.split() == ["ID", "TASK", "STATUS", "STARTED", "DURATION", "BY"]
    assert row.split()[1] == "say"
    assert " UTC " in row
    assert len(served("runs", "--limit", "1", "--json").json) == 1


def test_the_life_of_a_schedule(served: Project) -> None:
    made = served(
        "schedules", "add", "nightly", "--task", "say", "--when", "0 2 * * *", "--timezone", "Europe/Berlin",
        "--arguments", '{"word": "night"}',
    )  # fmt: skip
    assert made.code == 0, made.err
    assert "next: " in made.out
    assert served("schedules", "add", "nightly", "--task", "say", "--when", "@daily",
                  "--arguments", '{"word": "x"}').code == 4  # fmt: skip
    assert "nightly" in served("schedules", "list").out
    assert len(served("schedules", "next", "nightly", "--count", "3").out.splitlines()) == 3
    assert served("schedules", "edit", "nightly", "--when", "@every 1h").code == 0
    assert served("schedules", "disable", "nightly").code == 0
    listed = {entry["name"]: entry for entry in served("schedules", "list", "--json").json}
    assert listed["nightly"]["is_active"] is False
    assert served("schedules", "enable", "nightly").code == 0
    run = served("schedules", "fire", "nightly").out.strip()
    until(lambda: served.status(run) == "completed")
    assert "night" in served("logs", run).out
    assert [line.split()[-1] for line in served("runs", "--schedule", "nightly").out.splitlines()] == ["BY", "nightly"]
    assert served("schedules", "remove", "nightly").code == 0
    assert served("schedules", "remove", "nightly").code == 3


def test_schedules_as_a_whole(served: Project, tmp_path: Path) -> None:
    added = served(
        "schedules", "add", "hourly", "--task", "say", "--when", "0 * * * *", "--dst-gap", "skip",
        "--arguments", '{"word": "x"}', "--misfire-grace", "5m", "--exclude", "12-25", "--blackout", "sat,sun",
    )  # fmt: skip
    assert added.code == 0, added.err
    shown = served("schedules", "show", "hourly", "--json").json
    assert (shown["misfire_grace"], shown["when"]["dst_gap"]) == (300, "skip")
    assert (shown["excluded"], shown["blackouts"]) == (["12-25"], ["sat,sun"])
    span = ("--from", "2026-01-01T00:00:00Z", "--until", "2026-01-01T02:00:00Z")
    assert len(served("schedules", "next", "hourly", *span).out.splitlines()) == 3
    filled = served("schedules", "backfill", "hourly", *span)
    assert (filled.code, len(filled.out.split())) == (0, 3)
    assert served("schedules", "pause", "a migration").code == 0
    assert "a migration" in served("schedules", "list").err
    assert served("schedules", "stats", "--json").json["paused"]["reason"] == "a migration"
    assert served("schedules", "resume").code == 0
    assert served("schedules", "resume").code == 4
    file = tmp_path / "schedules.json"
    assert served("schedules", "export", str(file)).code == 0
    assert served("schedules", "remove", "hourly").code == 0
    assert served("schedules", "import", str(file)).code == 0
    assert "hourly" in served("schedules", "list").out
    assert served("schedules", "import", str(tmp_path / "nothing.json")).code == 2
    assert served("schedules", "reset", "hourly").code == 4
    assert served("schedules", "remove", "hourly").code == 0


def test_workers_and_timeline(served: Project) -> None:
    assert [entry["state"] for entry in served("workers", "--json").json] == ["live"]
    assert served("timeline", "--limit", "2").out.splitlines()[0].split() == ["TIME", "ACTION", "SUBJECT", "TASK", "BY"]


def test_logs_follow_all_runs_until_ctrl_c(served: Project) -> None:
    following = served.begin("logs", "-f", "--task", "say")
    lines: list[str] = []
    try:
        while not lines:  # it may not have begun to look when the first is run
            served("run", "say", "--word", "followed")
            os.set_blocking(following.stdout.fileno(), False)  # type: ignore[union-attr]  # it is a pipe
            lines = [line for line in (following.stdout or ()) if "followed" in line]
    finally:
        following.send_signal(signal.SIGINT)
        os.set_blocking(following.stdout.fileno(), True)  # type: ignore[union-attr]  # it is a pipe
        _, err = following.communicate(timeout=20)
    assert (following.returncode, err) == (130, "")
    assert " say " in lines[0]


def test_a_run_in_the_foreground_warns_once_of_its_settings(alone: Project) -> None:
    done = alone("run", "say", "--word", "once", environ={"TASK_SCHEDULES": "[]"})
    assert (done.code, done.err.count("warning: environment: TASK_SCHEDULES")) == (0, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("where", ["served", "alone"])
def test_ctrl_c_and_sigterm_cancel_the_run(request: pytest.FixtureRequest, where: str, number: int) -> None:
    """Whoever executes it: the server, or this process."""
    whose: Project = request.getfixturevalue(where)
    process = whose.begin("run", "rest")
    try:
        while "resting" not in read_line(process.stderr):
            assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert "rest cancelled" in err
    assert whose("runs", "--task", "rest", "--limit", "1", "--json").json[0]["status"] == "cancelled"


def test_a_broken_pipe_is_no_error_message(served: Project) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        process = served.begin("runs", "--json", stdout=nobody)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (141, "")


@pytest.mark.parametrize(
    ("words", "typed", "code", "shown"),
    [
        (["run", "rest"], "", 1, "rest cancelled"),
        (["run", "hurt"], "y\n", 1, "ouch a"),
        (["run", "hurt"], "n\n", 2, "needs confirmation"),
        (["runs"], "", 0, "STATUS"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_on_a_terminal(served: Project, words: list[str], typed: str, code: int, shown: str) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "runwright", *words],
        cwd=served.folder, env=served.environment({"TERM": "xterm", "COLUMNS": "150"}), stdin=theirs, stdout=theirs,
        stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed.encode())
    seen = ""
    try:
        while chunk := read_terminal(ours):
            seen += chunk
            if "resting" in seen and "half" in seen:
                run = served("runs", "--task", "rest", "--limit", "1", "--json").json[0]
                if run["status"] == "running":
                    served("cancel", run["id"])
        assert process.wait(timeout=20) == code
    finally:
        process.kill()
        os.close(ours)
    assert shown in seen


@pytest.mark.parametrize("environ", [{"LC_ALL": "C", "LANG": "C"}, {"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}])
def test_a_plain_terminal_gets_plain_text(served: Project, environ: Mapping[str, str]) -> None:
    done = served.fresh("run", "say", "--word", "grüße → 終", environ=environ)
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    shown = served.fresh("--json", "runs", "--task", "say", "--limit", "1", environ=environ)
    assert shown.json[0]["result"] == {"said": 1}


def test_the_servers_file_is_for_its_owner_alone(served: Project) -> None:
    file = served.folder / "runwright.db.server"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()).keys() == {"url", "token", "pid"}


# ----- alone ----------------------------------------------------------------------------------------------------


def test_without_a_server_the_store_is_opened_here(alone: Project) -> None:
    done = alone("run", "say", "--word", "alone")
    assert (done.code, json.loads(done.out)) == (0, {"said": 1})
    run = alone("runs", "--json").json[0]
    assert run["user"] not in (None, "", "system", "local")
    started = alone("start", "say", "--word", "later")
    assert "waits until one does" in started.err
    assert alone.status(started.out.strip()) == "pending"
    assert alone("cancel", started.out.strip()).code == 0


def test_ctrl_c_cancels_the_run_alone(alone: Project) -> None:
    process = alone.begin("run", "rest")
    try:
        while "resting" not in read_line(process.stderr):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert alone("runs", "--json").json[0]["status"] == "cancelled"


def test_a_server_that_died_is_found_out(alone: Project) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    file = alone.folder / "runwright.db.server"
    for content in (
        json.dumps({"url": "http://127.0.0.1:1", "token": "t", "pid": int(gone.stdout)}),
        json.dumps({"url": "http://127.0.0.1:1", "token": "t", "pid": os.getpid()}),
        "{half",
        "[]",
    ):
        file.write_text(content)
        done = alone("runs", "--json")
        assert (done.code, done.json) == (0, [])


@pytest.mark.parametrize(
    "words",
    [
        ["tasks"], ["run", "say", "--word", "x"], ["runs"], ["logs", "x"], ["cancel", "x"], ["schedules", "list"],
        ["timeline"], ["serve", "--port", "0"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_with_a_store_that_is_none(alone: Project, words: list[str]) -> None:
    (alone.folder / "runwright.db").write_text("this is no database, but somebody's notes\n" * 100)
    done = alone("--json", *words)
    assert done.code == 5
    assert done.json["errors"][0]["code"] == "store_refused"
    assert (alone.folder / "runwright.db").read_text().startswith("this is no database")


@pytest.mark.parametrize(
    "words", [["tasks"], ["serve"], ["schedules", "list"], ["config"], ["link", "backgroundtask/demo.py"]]
)
def test_every_command_with_bad_settings(alone: Project, words: list[str]) -> None:
    (alone.folder / "runwright.yaml").write_text("prot: 1\n")
    done = alone(*words)
    assert done.code == 2
    assert "did you mean 'port'" in done.err


@pytest.mark.parametrize("words", [["--host", "0.0.0.0"], ["--public-url", "https://jobs.example.org"]])
def test_a_token_that_other_machines_could_guess_is_refused(alone: Project, words: list[str]) -> None:
    done = alone("serve", "--port", "0", *words, environ={"TASK_ADMIN_TOKEN": "fifteen-charact"})
    assert (done.code, done.out) == (78, "")
    assert "TASK_ADMIN_TOKEN is so short" in done.err
    assert "fifteen" not in done.err


def test_config_shows_every_value_with_its_origin_and_no_secret(alone: Project) -> None:
    (alone.folder / "runwright.yaml").write_text("timeout: 1m\n")
    environ = {"TASK_PORT": "7000", "TASK_ADMIN_TOKEN": "canary", "TASK_PROT": "1"}
    done = alone("config", "--json", environ=environ)
    assert done.json["timeout"] == {"value": 60.0, "origin": "file runwright.yaml"}
    assert done.json["port"] == {"value": 7000, "origin": "environment TASK_PORT"}
    assert "canary" not in done.out
    assert "did you mean TASK_PORT?" in done.err
    assert len(alone("config", "--changed", environ=environ).out.splitlines()) == 4


def test_link_and_unlink(alone: Project) -> None:
    (alone.folder / "plugin.py").write_text("def run(): return 'linked'\n")
    assert alone("link", "plugin.py", "--name", "linked.py").code == 0
    assert alone("run", "linked").out == "linked\n"
    assert alone("link", "plugin.py", "--name", "linked.py").code == 4
    assert alone("unlink", "linked.py").code == 0
    assert alone("unlink", "linked.py").code == 3


def test_a_broken_file_is_a_problem_beside_the_others(alone: Project) -> None:
    (alone.folder / "backgroundtask" / "broken.py").write_text("import nothing_of_this_name\n")
    done = alone("tasks")
    assert done.code == 0
    assert "say" in done.out
    assert "problem: " in done.err
    assert done.err.count("broken.py") == 1


def test_threads_of_tasks_do_not_keep_the_program_from_ending(alone: Project) -> None:
    (alone.folder / "backgroundtask" / "spawns.py").write_text(
        "import threading\ndef run():\n    threading.Thread(target=threading.Event().wait).start()\n    return 7\n"
    )
    assert (done := alone("run", "spawns")).code == 0, done.err
    assert done.out == "7\n"
    process = alone.begin("serve", "--port", "0")
    try:
        read_line(process.stdout)
        assert alone("run", "spawns").out == "7\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, err


def test_serve_stops_at_once_when_told_twice(alone: Project) -> None:
    process = alone.begin("serve", "--port", "0")
    try:
        read_line(process.stdout)
        alone.start("stubborn")
        until((alone.folder / "stubborn").exists)
        process.send_signal(signal.SIGTERM)
        assert "once more stops at once" in read_line(process.stderr)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)  # half of the grace that the thread would have had
    finally:
        process.kill()
    assert process.returncode == 0


def test_help_and_version(alone: Project) -> None:
    assert alone("--version").out.startswith("runwright ")
    assert "Say a word" not in alone("run", "--help").out
    assert "--times" in alone("run", "say", "--help").out
    assert "--shutdown-grace" in alone("serve", "--help").out
