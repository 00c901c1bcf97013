"""Defining tasks: the decorator, its options, and what follows from them."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

from runwright.errors import DefinitionError, InvalidInput
from runwright.model import MEDIUM, Lane, OnInterrupt, TaskProgress
from runwright.retry import Retry
from runwright.tasks.base_task import BaseTask
from runwright.tasks.context import RunContext
from runwright.tasks.definition import Task, task, to_task
from runwright.tasks.options import RateLimit, Unique
from runwright.when import Always, Cron


@task
async def plain_thing(a: int, b: str = "x") -> str:
    """Do the plain thing.

    It takes a while.

    Args:
        a: a number
    """
    return b * a


async def test_calling_a_task_calls_the_plain_function() -> None:
    assert await plain_thing(2, b="y") == "yy"
    assert str(inspect.signature(plain_thing)) == "(a: 'int', b: 'str' = 'x') -> 'str'"


def test_what_follows_without_options() -> None:
    assert plain_thing.name == "plain_thing"
    assert plain_thing.title == "Plain thing"
    assert plain_thing.description == "Do the plain thing.\n\nIt takes a while."
    assert (plain_thing.icon, plain_thing.category, plain_thing.tags) == ("star", "", ())
    assert (plain_thing.lane, plain_thing.mode, plain_thing.is_async, plain_thing.form) == (
        Lane.ASYNC,
        "async",
        True,
        "function",
    )
    assert (plain_thing.timeout, plain_thing.timeout_unset) == (None, True)
    assert (plain_thing.retry, plain_thing.priority, plain_thing.on_interrupt) == (None, MEDIUM, OnInterrupt.RETRY)
    assert plain_thing.danger is None
    assert not plain_thing.pausable
    assert plain_thing.defined_in == __name__
    file, _, line = plain_thing.source.rpartition(":")
    assert file == __file__
    assert inspect.getsource(plain_thing.function).startswith("@task")
    assert int(line) == inspect.getsourcelines(plain_thing.function)[1]


def test_every_option_arrives() -> None:
    hook = print

    @task(
        name="db.backup-1",
        title="Backup",
        description="Writes.",
        category="maintenance",
        icon="database",
        tags=["db", "db", "night"],
        danger="Replaces yesterday's.",
        expensive=True,
        mode="process",
        timeout="10m",
        retry=3,
        priority=100,
        max_concurrent=2,
        concurrency_key="{customer}",
        unique="{customer}-{day}",
        unique_action="return",
        rate_limit="10/m",
        depends_on=["prepare", plain_thing],
        schedule="0 2 * * *",
        pausable=False,
        entity="store",
        run_as="ops@example.com",
        before=hook,
        after=[hook, hook],
        hidden=True,
    )
    def backup(customer: str, day: int = 1) -> None: ...

    assert (backup.name, backup.title, backup.tags) == ("db.backup-1", "Backup", ("db", "night"))
    assert (backup.lane, backup.is_async) == (Lane.PROCESS, False)
    assert (backup.timeout, backup.timeout_unset) == (600, False)
    assert backup.retry == Retry(max_retries=3)
    assert backup.rate_limit == RateLimit(10, 60)
    assert backup.depends_on == ("prepare", "plain_thing")
    assert backup.schedule == "0 2 * * *"
    assert backup.on_interrupt is OnInterrupt.HOLD
    assert (backup.before, backup.after) == ((hook,), (hook, hook))
    assert (backup.unique, backup.unique_action, backup.max_concurrent) == (
        Unique("{customer}-{day}"),
        "return",
        2,
    )
    assert (backup.entity, backup.run_as, backup.hidden, backup.expensive) == (
        "store",
        "ops@example.com",
        True,
        True,
    )


def test_an_exclusive_task_has_no_rate_limit() -> None:
    def alone() -> None: ...

    assert task(exclusive=True)(alone).exclusive
    with pytest.raises(DefinitionError, match="does not go with exclusive"):
        task(exclusive=True, rate_limit="1/m")(alone)


def test_the_forms_of_unique() -> None:
    def sync(customer: str) -> None: ...

    assert task(unique=True)(sync).unique == Unique()
    assert task(unique=False)(sync).unique is None
    assert task(unique=Unique("{customer}", within="1h"))(sync).unique == Unique("{customer}", within="1h")
    with pytest.raises(DefinitionError, match="not a parameter"):
        task(unique=Unique("{customr}"))(sync)
    with pytest.raises(InvalidInput, match="until='end' only"):
        Unique(until="start", within=60)
    with pytest.raises(InvalidInput, match="longer than 0"):
        Unique(within=0)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("name", "Bad Name", "small letters"),
        ("name", "x" * 121, "120"),
        ("name", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "identifier"),
        ("name", "", "small letters"),
        ("title", 5, "must be text"),
        ("tags", 5, "list of names"),
        ("tags", ["a", 1], "list of names"),
        ("danger", True, "a sentence"),
        ("expensive", "yes", "True or False"),
        ("exclusive", 1, "True or False"),
        ("mode", "dask", "'async' or 'thread' or 'process'"),
        ("mode", "thread", "is for plain functions"),
        ("timeout", "soon", "length of time"),
        ("timeout", 0, "more than 0"),
        ("retry", -1, "max_retries"),
        ("retry", "often", "whole number"),
        ("priority", True, "whole number"),
        ("priority", 1.5, "whole number"),
        ("max_concurrent", 0, "1 or more"),
        ("concurrency_key", "{zone}", "names 'zone'"),
        ("unique", "{", "not a template"),
        ("unique", 5, "must be text"),
        ("unique_action", "maybe", "'refuse' or 'return'"),
        ("rate_limit", "fast", "is not a rate"),
        ("rate_limit", "0/m", "is not a rate"),
        ("unique", 3, "must be text"),
        ("depends_on", [print], "list of names"),
        ("on_interrupt", "panic", "'retry' or 'hold'"),
        ("before", ["print"], "function"),
        ("shedule", "@daily", "did you mean 'schedule'"),
    ],
)
def test_a_bad_option_is_named(option: str, value: object, words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        task(**{option: value})(plain_thing.function)  # type: ignore[call-overload]  # the point of the test
    (error,) = caught.value.errors
    assert error.pointer == f"/{option}"
    assert words in caught.value.message
    assert option in caught.value.message


HALF = "\ud800"  # half of a surrogate pair: no store and no answer can hold it


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(
            (name, HALF)
            for name in ("title", "description", "category", "icon", "danger", "entity", "run_as", "unique")
        ),
        *((name, ["fine", HALF]) for name in ("tags", "depends_on")),
        ("title", "x\0"),
        ("concurrency_key", HALF),
        *((name, 10**30) for name in ("max_concurrent", "priority")),
        ("priority", -(10**30)),
    ],
)
def test_what_no_store_can_hold_is_refused_in_every_option(option: str, value: object) -> None:
    with pytest.raises(DefinitionError, match=r"surrogate pair|NUL character|below 2147483648") as caught:
        task(**{option: value})(lambda: None)  # type: ignore[call-overload]  # options by name
    assert f"/{option}" in [error.pointer for error in caught.value.errors]


@pytest.mark.parametrize("template", ["{}", "{0}", "{k.__class__}", "{k[0]}", "{k:>1000000000}", "{k!r}", "{"])
def test_templates_have_plain_names_only(template: str) -> None:
    def work(k: str, **more: str) -> None: ...

    for option in ("unique", "concurrency_key"):
        with pytest.raises(DefinitionError, match=r"may have plain names of parameters only|is not a template"):
            task(**{option: template})(work)  # type: ignore[call-overload]  # options by name
    assert task(unique="{k}/{tenant}")(work).unique == Unique("{k}/{tenant}")


def test_a_docstring_that_is_no_text_is_refused() -> None:
    def work() -> None: ...

    work.__doc__ = f"Works {HALF}."
    with pytest.raises(DefinitionError, match="docstring"):
        task(work)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Unique(key=5),  # type: ignore[arg-type]  # on purpose
        lambda: Unique(key=HALF),
        lambda: RateLimit("5", 60),  # type: ignore[arg-type]  # on purpose
        lambda: RateLimit(0, 60),
        lambda: RateLimit(10**30, 60),
        lambda: RateLimit(5, 0),
        lambda: RateLimit(5, float("nan")),
    ],
)
def test_values_of_options_are_checked_when_they_are_made(make: Any) -> None:
    with pytest.raises(InvalidInput):
        make()


def test_an_attribute_that_is_nearly_an_option_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Work(BaseTask):
        task_name = "work_task"
        task_titel = "Work"
        task_queue = "its own"

        async def run(self) -> None: ...

    assert to_task(Work).title == "Work task"
    assert "task_titel is no option of a task and was passed over; did you mean 'task_title'?" in caplog.text
    assert "task_queue" not in caplog.text


def test_all_bad_options_are_told_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        plain_thing.with_(title=1, timeout="x", priority="high")  # type: ignore[arg-type]  # the point of the test
    assert [error.pointer for error in caught.value.errors] == ["/title", "/timeout", "/priority"]
    assert "task 'plain_thing'" in caught.value.message


@pytest.mark.parametrize(
    ("text", "limit"),
    [("10/m", (10, 60)), ("100/5m", (100, 300)), ("1/day", (1, 86400)), ("3 / 2 hours", (3, 7200)), ("5/s", (5, 1))],
)
def test_rates(text: str, limit: tuple[int, float]) -> None:
    assert RateLimit.parse(text) == RateLimit(*limit)


def test_no_timeout_is_not_the_default_timeout() -> None:
    endless = plain_thing.with_(timeout=None)
    assert (endless.timeout, endless.timeout_unset) == (None, False)


@pytest.mark.parametrize("schedule", ["@always", " @ALWAYS ", Always(), {"type": "always"}])
def test_a_service_has_its_own_lane_and_no_end(schedule: object) -> None:
    service = plain_thing.with_(schedule=schedule)
    assert (service.lane, service.mode) == (Lane.SERVICE, "async")
    assert (service.timeout, service.timeout_unset) == (None, False)
    with pytest.raises(DefinitionError, match="a service has no end"):
        service.with_(timeout=5)


def test_danger_is_held_after_a_crash_unless_it_says_otherwise() -> None:
    risky = plain_thing.with_(danger="Deletes.")
    assert risky.on_interrupt is OnInterrupt.HOLD
    assert risky.with_(on_interrupt="retry").on_interrupt is OnInterrupt.RETRY
    assert risky.with_(danger=None).on_interrupt is OnInterrupt.RETRY


def test_with_keeps_the_code_and_the_other_options() -> None:
    first = plain_thing.with_(name="first", tags=["a"], schedule=Cron("@daily"))
    second = first.with_(name="second")
    assert (second.tags, second.schedule, second.signature) == (("a",), Cron("@daily"), first.signature)
    assert second.function is plain_thing.function
    assert first.name == "first"
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.name = "other"  # type: ignore[misc]  # the point of the test


def test_what_can_be_paused() -> None:
    async def steps() -> AsyncGenerator[TaskProgress]:
        yield TaskProgress()

    def blocking_steps() -> Iterator[TaskProgress]:
        yield TaskProgress()

    async def with_run(run: RunContext) -> None: ...
    def blocking() -> None: ...

    assert [to_task(f).pausable for f in (steps, blocking_steps, with_run, blocking)] == [True, True, True, False]
    assert not to_task(with_run).with_(pausable=False).pausable


def test_modes_follow_from_the_function() -> None:
    def blocking() -> None: ...

    assert to_task(blocking).lane is Lane.THREAD
    with pytest.raises(DefinitionError, match="would block every other task"):
        task(mode="async")(blocking)
    assert plain_thing.with_(mode="process").lane is Lane.PROCESS


def test_names_come_from_functions() -> None:
    async def _Sync_Files() -> None: ...  # noqa: N802 - the point

    assert to_task(_Sync_Files).name == "sync_files"
    with pytest.raises(DefinitionError, match="give the task a name of its own"):
        task(lambda: None)
    assert task(name="nameless")(lambda: None).name == "nameless"


def test_what_is_no_task() -> None:
    class Thing:
        @staticmethod
        def fine() -> None: ...

        def method(self) -> None: ...

    for item, words in [
        (5, "is not a task"),
        (Thing, "is not a task"),
        (Thing.method, "is a method"),
        (print, "wrap it in a def"),
        (functools.partial(Thing.fine), "is not a task"),
        (BaseTask, "is abstract"),
        (inspect, "0 tasks in script form"),
    ]:
        with pytest.raises(DefinitionError, match=words):
            to_task(item)
    with pytest.raises(DefinitionError, match="is a task already"):
        task(plain_thing)
    with pytest.raises(DefinitionError, match="is for functions; class"):
        task(Thing)
    assert to_task(plain_thing) is plain_thing
    assert to_task(Thing.fine).name == "fine"


def test_local_names_in_hints() -> None:
    class Local(str):
        __slots__ = ()

    from typing import Literal as Choice

    @task
    def inner(x: Choice["a", "b"] = "a") -> None: ...

    assert inner.signature.schema()["properties"]["x"]["enum"] == ["a", "b"]


def test_decorated_functions_keep_their_parameters() -> None:
    def logged(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    @task
    @logged
    def work(count: int = 3) -> int:
        return count

    assert work.signature.names == ("count",)
    assert work() == 3


def test_the_hash_follows_the_code_and_not_its_place() -> None:
    def make(text: str) -> Task[..., Any]:
        space: dict[str, Any] = {"__name__": "made"}
        exec(compile(text, "made.py", "exec"), space)
        return to_task(space["work"])

    one = make("def work(a=1):\n    return {'x', 'y'} and a + 1\n")
    moved = make("# a comment\n\n\ndef work(a=1):\n    # another\n    return {'x', 'y'} and a + 1\n")
    other = make("def work(a=1):\n    return {'x', 'y'} and a + 2\n")
    assert one.source_hash == moved.source_hash
    assert one.source_hash != other.source_hash
