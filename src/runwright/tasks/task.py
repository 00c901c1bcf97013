"""Room of tasks: the value that a task is. It touches no engine, no store and no global.

``build`` makes one from code and options, for every form of task; ``definition`` has the ways in for users.
"""

from __future__ import annotations

import hashlib
import inspect
import string
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType, MappingProxyType
from typing import Any, Generic, Literal, ParamSpec, TypeVar, Unpack, cast

from runwright.model import MEDIUM, Lane, OnInterrupt
from runwright.retry import Retry
from runwright.tasks.context import RunContext
from runwright.tasks.fields import title_of
from runwright.tasks.options import (
    Faults,
    RateLimit,
    TaskOptions,
    Unique,
    check_options,
    default_name,
    is_service,
    name_fault,
)
from runwright.tasks.parameters import summary
from runwright.tasks.signature import Signature
from runwright.tasks.values import text_fault

P = ParamSpec("P")
R = TypeVar("R")

Form = Literal["function", "class", "script"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """How the code of a task is called; made once for each task.

    ``call`` returns an awaitable that gives the result; it is None for code that blocks. ``call_sync`` blocks until
    the result is there; it is None for code that must be awaited. Both take the context, and the arguments that
    ``signature.load`` gave, whose dict they may change. The caller sets ``context.current`` around the call.
    """

    call: Callable[[RunContext, tuple[Any, ...], dict[str, Any]], Any] | None
    call_sync: Callable[[RunContext, tuple[Any, ...], dict[str, Any]], Any] | None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Task(Generic[P, R]):
    """Something that can be run. Made by ``@task``, ``to_task`` or discovery; immutable, see ``with_``.

    Calling it calls the plain function. ``timeout`` is in seconds, None for no limit; with ``timeout_unset`` the
    settings' default applies instead. ``schedule`` is as it was given. ``source`` is where its code stands,
    ``source_hash`` changes with that code, and ``defined_in`` is the module that made it a task.
    """

    name: str
    title: str
    function: Callable[P, R]
    signature: Signature
    form: Form
    mode: str
    lane: Lane
    is_async: bool
    source: str
    source_hash: str
    defined_in: str
    description: str = ""
    category: str = ""
    icon: str = "star"
    tags: tuple[str, ...] = ()
    danger: str | None = None
    expensive: bool = False
    exclusive: bool = False
    timeout: float | None = None
    timeout_unset: bool = True
    retry: Retry | None = None
    priority: int = MEDIUM
    max_concurrent: int | None = None
    concurrency_key: str | None = None
    unique: Unique | None = None
    unique_action: str = "refuse"
    rate_limit: RateLimit | None = None
    depends_on: tuple[str, ...] = ()
    schedule: object = None
    on_interrupt: OnInterrupt = OnInterrupt.RETRY
    pausable: bool = False
    entity: str | None = None
    run_as: str | None = None
    before: tuple[Callable[..., object], ...] = ()
    after: tuple[Callable[..., object], ...] = ()
    hidden: bool = False
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    invocation: list[Invocation] = field(
        default_factory=list, init=False, repr=False
    )  # filled by ``invoke`` on first use

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain function, here and now, without any engine."""
        return self.function(*args, **kwargs)

    @property
    def __wrapped__(self) -> Callable[P, R]:
        """The function, for ``inspect`` and documentation tools."""
        return self.function

    @property
    def context_parameter(self) -> str | None:
        """The name of the parameter that takes the RunContext, or None."""
        return self.signature.context_parameter

    def with_(self, **changes: Unpack[TaskOptions]) -> Task[P, R]:
        """The same code with other options. Raises DefinitionError for a bad one."""
        options = cast("dict[str, Any]", {**self.given, **changes})
        module = str(sys._getframe(1).f_globals.get("__name__", self.defined_in))  # another module may vary our task
        return build(self.function, self.form, options, signature=self.signature, source=self.source, defined_in=module)


def build(
    function: Callable[P, R],
    form: Form,
    options: Mapping[str, Any],
    *,
    local_names: Mapping[str, object] | None = None,
    signature: Signature | None = None,
    source: str | None = None,
    defined_in: str | None = None,
) -> Task[P, R]:
    """Make a task of a function, or of a BaseTask class (``form="class"``).

    Args:
        options: as for ``@task``, not yet checked.
        local_names: names visible where the function was defined.
        signature: its parameters, if they are known already.
        source: where its code stands, if that is not where its first line is.
        defined_in: the module that makes it a task, if that is not the function's own.

    Raises:
        DefinitionError: an option, the name or a parameter is wrong; each is named.
    """
    code: Callable[..., object] = getattr(function, "run") if form == "class" else function  # noqa: B009 - a class with run
    shown = options.get("name") or function.__qualname__
    faults = Faults(f"task {shown!r}")
    checked = check_options(options, faults)
    if "name" not in options:
        checked["name"] = default_name(function.__name__)
        if (reason := name_fault(checked["name"])) is not None:
            faults.add("name", f"{reason}; give the task a name of its own")
    coroutine = inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code)
    mode = checked.setdefault("mode", "async" if coroutine else "thread")
    if coroutine and mode == "thread":
        faults.add("mode", "'thread' is for plain functions: an async def runs in mode 'async', or in a 'process'")
    elif not coroutine and mode == "async":
        faults.add("mode", "'async' is for async def: a plain function would block every other task; use 'thread'")
    faults.done()
    signature = signature or Signature.of(code, 1 if form == "class" else 0, local_names)
    service = is_service(checked.get("schedule"))
    if service and checked.get("timeout") is not None:
        faults.add("timeout", "does not go with '@always': a service has no end")
    unique = checked.get("unique")
    _check_template("concurrency_key", checked.get("concurrency_key"), signature, faults)
    _check_template("unique", None if unique is None else unique.key, signature, faults)
    if checked.get("rate_limit") and checked.get("exclusive"):
        faults.add("rate_limit", "does not go with exclusive: waiting for its time, a run would hold up all others")
    if (reason := text_fault(description := summary(inspect.getdoc(function) or ""))) is not None:
        faults.add("description", f"(its docstring) {reason}")
    faults.done()
    generator = inspect.isasyncgenfunction(code) or inspect.isgeneratorfunction(code)
    derived: dict[str, Any] = {
        "title": title_of(checked["name"]),
        "description": description,
        "pausable": generator or (form == "class" and coroutine) or signature.context_parameter is not None,
        "on_interrupt": OnInterrupt.HOLD if checked.get("danger") else OnInterrupt.RETRY,
    }
    return Task(
        function=function,
        signature=signature,
        form=form,
        lane=Lane.SERVICE if service else Lane(mode),
        is_async=coroutine,
        source=source or _source(code, function),
        source_hash=_digest(function),
        defined_in=defined_in or function.__module__,
        timeout_unset="timeout" not in checked and not service,
        given=MappingProxyType(dict(options)),
        **{**derived, **checked},
    )


def _check_template(option: str, template: object, signature: Signature, faults: Faults) -> None:
    """A key such as ``{customer}`` may name parameters only."""
    if not isinstance(template, str):
        return
    try:
        fields = [(name, spec, how) for _, name, spec, how in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        faults.add(option, f"{template!r} is not a template: {error}")
        return
    if any(not name.isidentifier() or spec or how for name, spec, how in fields):
        faults.add(option, f"{template!r} may have plain names of parameters only, such as {{customer}}")
        return
    unknown = [name for name, _, _ in fields if not signature.extra_allowed and name not in signature.names]
    if unknown:
        faults.add(option, f"{template!r} names {unknown[0]!r}, which is not a parameter of the task")


def _source(code: Callable[..., object], function: Callable[..., object]) -> str:
    inner = getattr(inspect.unwrap(code), "__code__", None)
    if inner is None:
        return f"{function.__module__}:{function.__qualname__}"
    file = inner.co_filename.encode(errors="backslashreplace").decode()  # names of files may be any bytes
    return f"{file}:{inner.co_firstlineno}"


def _digest(function: Callable[..., object]) -> str:
    """Sixteen characters that change when the code does, and not with comments or its place in the file."""
    digest = hashlib.sha256()
    members = vars(function).values() if isinstance(function, type) else (inspect.unwrap(function),)
    for member in members:
        code = getattr(inspect.unwrap(member), "__code__", None) if callable(member) else None
        if isinstance(code, CodeType):
            _feed(digest.update, code)
    return digest.hexdigest()[:16]


def _feed(update: Callable[[bytes], object], code: CodeType) -> None:
    update(code.co_code)
    update(repr((code.co_name, code.co_names, code.co_varnames)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _feed(update, constant)
        else:  # the order of a set differs from process to process
            update(
                repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant).encode(
                    "utf-8", "replace"
                )
            )
