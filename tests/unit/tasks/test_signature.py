"""Signatures: what a task may be called with."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, SecretStr, computed_field

from runwright.errors import DefinitionError, InvalidArguments
from runwright.tasks.context import RunContext
from runwright.tasks.form import Choices
from runwright.tasks.signature import Signature


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Host(BaseModel):
    name: str
    port: int = 22
    password: SecretStr | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def address(self) -> str:
        return f"{self.name}:{self.port}"


def call(function: Callable[..., Any], given: dict[str, Any]) -> Any:
    """What the function gets after its arguments went through the store."""
    signature = Signature.of(function)
    stored = json.loads(json.dumps(signature.dump(signature.validate(given)), allow_nan=False))
    args, kwargs = signature.load(stored)
    return function(*args, **kwargs)


def wrong(function: Callable[..., Any], given: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidArguments) as caught:
        Signature.of(function).validate(given)
    return {error.pointer: error.message for error in caught.value.errors}


TYPES: list[tuple[Any, Any, Any]] = [
    (str, "x", "x"),
    (int, 5, 5),
    (int, "5", 5),
    (float, 2, 2.0),
    (bool, True, True),
    (Literal["sql", "tar", 3], "tar", "tar"),
    (Colour, "blue", Colour.BLUE),
    (Level, 2, Level.HIGH),
    (date, "2026-11-20", date(2026, 11, 20)),
    (datetime, "2026-11-20T10:00:00Z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
    (time, "10:30", time(10, 30)),
    (timedelta, 90, timedelta(seconds=90)),
    (timedelta, "PT5M", timedelta(minutes=5)),
    (Decimal, "1.10", Decimal("1.10")),
    (UUID, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
    (list[int], [1, 2], [1, 2]),
    (set[str], ["a"], {"a"}),
    (tuple[int, str], [1, "a"], (1, "a")),
    (dict[str, float], {"a": 1}, {"a": 1.0}),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (list, [1, "a"], [1, "a"]),
    (Any, {"a": [None]}, {"a": [None]}),
    (int | None, None, None),
    (int | str, "5", "5"),
    (bytes, "aGk=", b"hi"),
    (Host, {"name": "db"}, Host(name="db")),
    (list[Host], [{"name": "db", "password": "p"}], [Host(name="db", password=SecretStr("p"))]),
    (SecretStr, "hush", SecretStr("hush")),
]


@pytest.mark.parametrize(("hint", "written", "value"), TYPES, ids=[f"{hint} {w!r}" for hint, w, _ in TYPES])
def test_each_type_survives_the_store(hint: Any, written: Any, value: Any) -> None:
    def function(x: Any) -> Any:
        return x

    function.__annotations__["x"] = hint
    received = call(function, {"x": written})
    assert received == value
    assert type(received) is type(value)
    assert call(function, {"x": value}) == value  # Python values are taken as well


def test_defaults_are_stored_so_that_a_run_can_be_understood_later() -> None:
    def function(a: int, colour: Colour = Colour.RED, since: date | None = None) -> None: ...

    signature = Signature.of(function)
    assert signature.dump(signature.validate({"a": 1})) == {"a": 1, "colour": "red", "since": None}
    assert signature.required == ("a",)


def test_a_default_that_is_not_json_is_left_to_the_function() -> None:
    marker = object()

    def function(a: int = 1, odd: Any = marker) -> Any:
        return odd

    signature = Signature.of(function)
    assert signature.dump(signature.validate({})) == {"a": 1}
    assert call(function, {}) is marker


def test_every_kind_of_parameter_arrives_where_it_belongs() -> None:
    def function(a: int, /, b: str = "b", *args: int, c: bool = False, **more: float) -> Any:
        return a, b, args, c, more

    assert call(function, {"a": 1, "args": [2, 3], "c": True, "extra": 1}) == (1, "b", (2, 3), True, {"extra": 1.0})
    assert wrong(function, {"a": 1, "args": ["x"], "extra": "no"}).keys() == {"/args/0", "/extra"}


def test_the_context_is_not_an_argument() -> None:
    def first(run: RunContext, a: int = 1) -> None: ...
    def named(a: int = 1, *, ctx: RunContext | None = None) -> None: ...
    def text(*args: int, run: "runwright.RunContext") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037 - a name that only a type checker would know

    assert Signature.of(first).context_parameter == "run"
    assert Signature.of(named).context_parameter == "ctx"
    assert Signature.of(text).context_parameter == "run"
    assert Signature.of(first).names == Signature.of(named).names == ("a",)
    assert wrong(first, {"run": 1}) == {"/run": "the task has no such parameter; it takes a"}


def test_kwargs_cannot_smuggle_the_context_in() -> None:
    def function(run: RunContext, **more: Any) -> None: ...

    assert wrong(function, {"run": 1, "x\0": 2}).keys() == {""}
    assert wrong(function, {"run": 1, "fine": 2}) == {"/run": "cannot be given by name"}


def test_all_faults_are_told_at_once_with_pointers() -> None:
    def function(format: Literal["sql", "tar"], count: int, items: list[Host], when: date | int = 0) -> None: ...

    found = wrong(
        function, {"fromat": "x", "format": "zip", "count": "many", "items": [{"name": "a"}, {"port": []}], "when": {}}
    )
    assert found["/format"] == "input should be 'sql' or 'tar'"
    assert found["/fromat"] == "the task has no such parameter; did you mean 'format'?"
    assert found["/count"].startswith("input should be a valid integer")
    assert found["/items/1/name"] == "is required"
    assert found["/items/1/port"].startswith("input should be a valid integer")
    assert "; or " in found["/when"]
    assert len(found) == 6


def test_missing_and_unknown_names() -> None:
    def nothing() -> None: ...
    def one(needed: str) -> None: ...

    assert wrong(nothing, {"x": 1}) == {"/x": "the task has no such parameter; it takes no arguments"}
    assert wrong(one, {}) == {"/needed": "is required"}
    with pytest.raises(InvalidArguments, match="must be an object"):
        Signature.of(one).validate([1])  # type: ignore[arg-type]  # what JSON may hold


@pytest.mark.parametrize("hint", [int, float, int | None, list[int], dict[str, float], Host])
def test_true_is_not_taken_for_a_number(hint: Any) -> None:
    def function(x: Any) -> None: ...

    function.__annotations__["x"] = hint
    value: Any = [True] if hint == list[int] else {"k": True} if hint == dict[str, float] else True
    pointer = "/x/0" if hint == list[int] else "/x/k" if hint == dict[str, float] else "/x"
    if hint is Host:
        value, pointer = {"name": "a", "port": True}, "/x/port"
    assert wrong(function, {"x": value}) == {pointer: "must be a number, not true or false"}


@pytest.mark.parametrize(
    ("hint", "value", "pointer"),
    [
        (str, "a\0b", "/x"),
        (str, "\ud83d", "/x"),
        (float, float("nan"), "/x"),
        (float, "nan", "/x"),
        (Any, [float("inf")], "/x/0"),
        (Any, {"\ud800": 1}, "/x"),
        (Decimal, "NaN", "/x"),
    ],
)
def test_what_would_poison_a_store_is_refused(hint: Any, value: Any, pointer: str) -> None:
    def function(x: Any) -> None: ...

    function.__annotations__["x"] = hint
    assert wrong(function, {"x": value}).keys() == {pointer}


def test_nesting_is_capped() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]

    def function(x: Any) -> None: ...

    (pointer,) = wrong(function, {"x": deep})
    assert pointer.startswith("/x/0/0")


def test_secrets_are_found_everywhere_and_survive_the_store() -> None:
    def function(token: SecretStr, hosts: list[Host], by_name: dict[str, SecretStr], other: Host | None = None) -> Any:
        return token, hosts, by_name

    signature = Signature.of(function)
    assert signature.secret_pointers == ("/token", "/hosts/*/password", "/by_name/*", "/other/password")
    given = {"token": "t", "hosts": [{"name": "a", "password": "p"}], "by_name": {"k": "s"}}
    stored = signature.dump(signature.validate(given))
    assert stored["token"] == "t"
    assert stored["hosts"] == [{"name": "a", "port": 22, "password": "p"}]
    assert stored["by_name"] == {"k": "s"}
    token, hosts, by_name = call(function, given)
    assert (token.get_secret_value(), hosts[0].password.get_secret_value()) == ("t", "p")
    assert by_name["k"].get_secret_value() == "s"


def test_no_message_quotes_a_secret() -> None:
    def function(host: Host, token: SecretStr, pin: Annotated[SecretStr, Field(max_length=3)]) -> None: ...

    with pytest.raises(InvalidArguments) as caught:
        Signature.of(function).validate(
            {"host": {"name": 1, "password": "hush-1"}, "token": ["hush-2"], "pin": "hush-3"}
        )
    assert len(caught.value.errors) == 3
    assert "hush" not in f"{caught.value} {caught.value.errors} {caught.value.__cause__}"


class Tree(BaseModel):
    children: list[Tree] = []


class SecretTree(BaseModel):
    password: SecretStr
    children: list[SecretTree] = []


def test_a_model_that_contains_itself() -> None:
    def plain(tree: Tree) -> Tree:
        return tree

    def secret(tree: SecretTree) -> None: ...

    assert call(plain, {"tree": {"children": [{}]}}) == Tree(children=[Tree()])
    with pytest.raises(DefinitionError, match="contains itself cannot contain secrets"):
        Signature.of(secret)


def test_parameters_may_have_names_that_pydantic_uses_itself() -> None:
    def function(schema: int, model_config: str = "c", _private: int = 1, copy: bool = True, p0: int = 7) -> Any:
        return schema, model_config, _private, copy, p0

    assert call(function, {"schema": 1, "_private": 2}) == (1, "c", 2, True, 7)


def test_a_field_as_default_and_constraints() -> None:
    def function(
        size: int = Field(3, ge=2, description="how big"), name: Annotated[str, Field(pattern="^a")] = "a"
    ) -> Any:
        return size, name

    assert call(function, {}) == (3, "a")
    assert Signature.of(function).load({}) == ((), {"size": 3, "name": "a"})
    assert wrong(function, {"size": 1, "name": "b"}).keys() == {"/size", "/name"}
    assert Signature.of(function).schema()["properties"]["size"]["description"] == "how big"


def test_without_hints_the_default_shows_the_type() -> None:
    def function(steps=5, name="x", loud=False, anything=None):  # type: ignore[no-untyped-def]  # the point
        return steps, name, loud, anything

    assert call(function, {"steps": 2.5, "anything": [1]}) == (2.5, "x", False, [1])
    assert wrong(function, {"steps": "many", "name": 1}).keys() == {"/steps", "/name"}


def test_types_that_json_cannot_give_are_refused_by_name() -> None:
    def function(good: int, event: asyncio.Event) -> None: ...

    with pytest.raises(
        DefinitionError, match="parameter 'event': a value of type Event cannot be made from JSON"
    ) as caught:
        Signature.of(function)
    assert caught.value.errors[0].pointer == "/parameters/event"


def test_contexts_in_impossible_places_are_refused() -> None:
    def twice(a: RunContext, b: RunContext) -> None: ...
    def positional(a: RunContext, /) -> None: ...
    def before_args(a: RunContext, *args: int) -> None: ...
    def clash(args: int, *rest: int) -> None: ...
    def broken(a: "1 +") -> None: ...  # type: ignore[valid-type]  # noqa: F722 - the point

    cases: list[tuple[Callable[..., None], str]] = [
        (twice, "second RunContext"),
        (positional, "ordinary or keyword-only"),
        (before_args, "must stand after it"),
        (clash, "rename the other"),
        (broken, "cannot be evaluated"),
    ]
    for function, words in cases:
        with pytest.raises(DefinitionError, match=words):
            Signature.of(function)


def test_a_hint_may_name_what_is_defined_later() -> None:
    def function(x: Later) -> Any:  # noqa: F821 - it comes later
        return x

    signature = Signature.of(function)
    with pytest.raises(DefinitionError, match="Later"):
        signature.check()
    globals()["Later"] = Host
    try:
        signature.check()
        assert signature.load({"x": {"name": "a"}}) == ((), {"x": Host(name="a")})
    finally:
        del globals()["Later"]


Later = Any
del Later


def test_plain_parameters_do_not_pass_through_pydantic_at_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(
        a: int, b: Annotated[str, Field(title="B")] = "b", c: float | None = None, d: Literal["x", 1] = "x"
    ) -> None: ...

    signature = Signature.of(function)
    stored = signature.dump(signature.validate({"a": 1}))

    def never(*args: object) -> None:
        raise AssertionError("the slow way")

    monkeypatch.setattr(signature, "_load", never)
    assert signature.load(stored) == ((), stored)
    for changed in ({"a": "1"}, {"a": True}, {"d": "z"}, {"d": None}, {"e": 1}):
        with pytest.raises(AssertionError, match="the slow way"):
            signature.load({**stored, **changed})


def test_arguments_stored_under_an_older_signature_are_looked_at_again() -> None:
    def function(a: int, b: str = "new") -> Any:
        return a, b

    signature = Signature.of(function)
    assert signature.load({"a": "7"}) == ((), {"a": 7, "b": "new"})
    with pytest.raises(InvalidArguments, match="gone"):
        signature.load({"a": 1, "gone": 2})


def test_validators_of_the_user_run_at_load_too() -> None:
    def function(path: Annotated[str, AfterValidator(lambda text: text.strip())]) -> Any:
        return path

    assert Signature.of(function).load({"path": " a "}) == ((), {"path": "a"})


def test_arguments_may_be_one_model() -> None:
    class Wanted(BaseModel):
        a: int
        host: Host

    def function(a: int, host: Host) -> None: ...

    arguments = Signature.of(function).validate(Wanted(a=1, host=Host(name="x")))
    assert arguments.values == {"a": 1, "host": Host(name="x")}


def test_the_default_of_one_call_is_not_shared_with_the_next() -> None:
    def function(items: list[int] = []) -> list[int]:  # noqa: B006 - what users write
        return items

    signature = Signature.of(function)
    stored = signature.dump(signature.validate({}))
    signature.load(stored)[1]["items"].append(1)
    assert signature.load(stored) == ((), {"items": []})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def everything(
    a: int,
    b: float | None = None,
    c: Literal["x", "y"] = "x",
    d: list[Host] = [],  # noqa: B006 - what users write
    e: Any = None,
    f: Annotated[str, Choices(["p", "q"])] = "p",
) -> Any:
    return a, b, c, d, e, f


EVERYTHING = Signature.of(everything)


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]), json_values))
def test_any_json_is_either_refused_or_survives_the_store(given_: dict[str, Any]) -> None:
    arguments = None
    with contextlib.suppress(InvalidArguments):
        arguments = EVERYTHING.validate(given_)
    if arguments is None:
        return
    stored = EVERYTHING.dump(arguments)
    text = json.dumps(stored, ensure_ascii=False, allow_nan=False)
    text.encode()
    assert EVERYTHING.load(json.loads(text)) == ((), arguments.values)


@pytest.mark.parametrize(
    "given",
    [
        {"number": 1, "text": "a"},
        {"text": "a", "number": 1},
        {"number": 2**53, "text": "a"},
        {"number": 1, "text": "ä"},
        {"number": "1", "text": "a"},
        {"number": 1.0, "text": "a"},
        {"number": True, "text": "a"},
        {"number": 1, "text": "a\0"},
        {"number": 1},
        {"number": 1, "text": "a", "kind": "x"},
        {"number": 1, "text": "a", "kind": "z"},
        {"number": 1, "text": "a", "other": 1},
        {"number": 1, "text": 5, "kind": "y"},
        {},
    ],
    ids=str,
)
def test_what_is_stored_at_once_is_what_the_long_way_gives(given: dict[str, Any]) -> None:
    def function(number: int, text: str | None, kind: Literal["x", "y"] = "x") -> None: ...
    def bounded(number: Annotated[int, Field(ge=2)], text: str, kind: str = Field("x", max_length=0)) -> None: ...
    def pair(number: int, text: str) -> None: ...

    for each in (function, bounded, pair):
        signature = Signature.of(each)
        assert outcome(signature.store, given) == outcome(partial(the_long_way, signature), given)


def the_long_way(signature: Signature, given: dict[str, Any]) -> object:
    return signature.dump(signature.validate(given))


def outcome(store: Callable[[dict[str, Any]], object], given: dict[str, Any]) -> object:
    """The JSON text with its order, or the faults."""
    try:
        return json.dumps(store(given))
    except InvalidArguments as refused:
        return [(error.pointer, error.message) for error in refused.errors]
