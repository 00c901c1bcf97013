"""Room of tasks: where the code of a task is, in words that another process understands, and the way back.

Code is never sent as objects: the other process reads the same file, or imports the same module, and finds the task in
it by the rules of discovery. Of a task file the very bytes that this process executed are sent along.
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import runpy
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from runwright.errors import DefinitionError, NotFound
from runwright.tasks.collect import collect
from runwright.tasks.definition import to_task
from runwright.tasks.loading import PACKAGE, SourceFile, import_source
from runwright.tasks.task import Task

MAIN = "__main__"
_MAIN_THERE = "__mp_main__"  # the name that multiprocessing uses: guarded by `if __name__ == "__main__"`


@dataclass(frozen=True, slots=True)
class Address:
    """Where a task is: its module, and how the code is named there.

    ``path`` is the module's file, ``source`` the content of a task file in base64, ``main`` the name under which
    ``python -m`` was given a main module.
    """

    task: str
    module: str
    qualname: str
    source_hash: str
    path: str | None = None
    source: str | None = None
    main: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Address:
        """What ``to_json`` made."""
        return cls(**value)


def check_address(task: Task[..., Any]) -> None:
    """Refuse a task that another process could not find.

    Raises:
        DefinitionError: it is defined inside of a function, or in a session that has no file.
    """
    _module_of(task)


def address_of(task: Task[..., Any]) -> Address:
    """Where another process finds the task.

    Raises:
        DefinitionError: it cannot be found there; the message says why.
    """
    name = _module_of(task)
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None)
    source: bytes | None = getattr(module, "__source__", None)
    if name.startswith(f"{PACKAGE}."):
        if source is None:
            raise DefinitionError(f"the file of task {task.name!r} was replaced before its run began")
    elif path is not None:
        path = str(Path(path).resolve())
    spec = getattr(module, "__spec__", None)
    return Address(
        task.name, name, task.function.__qualname__, task.source_hash, path,
        source=None if source is None else base64.b64encode(source).decode(),
        main=spec.name if name == MAIN and spec is not None else None,
    )  # fmt: skip


def _module_of(task: Task[..., Any]) -> str:
    """The module in which the task is found: the one that made it a task and still has it, or its function's own."""
    if task.form == "script" or _holds(task.defined_in, task):
        name = task.defined_in
    elif "<locals>" not in task.function.__qualname__:
        name = task.function.__module__
    else:
        raise DefinitionError(
            f"task {task.name!r} cannot run in a process of its own: it is defined inside of a function, where another "
            f"process does not find it; move it to the top of its module"
        )
    if name == MAIN and getattr(sys.modules.get(MAIN), "__file__", None) is None:
        raise DefinitionError(
            f"task {task.name!r} cannot run in a process of its own: it was typed into an interactive session; "
            f"put it into a file"
        )
    return name


def _holds(module: str, task: Task[..., Any]) -> bool:
    return any(value is task for value in list(vars(sys.modules[module]).values())) if module in sys.modules else False


def task_at(address: Address) -> Task[..., Any]:
    """The task at an address, loaded in this process; ``source_hash`` tells whether it is the same code.

    Raises:
        NotFound: the module has no such task (any more).
        Exception: whatever the module raises while it is imported.
    """
    module, script = _load(address)
    for task in collect(module, script_name=script).tasks:
        if task.name == address.task:
            return task
    for value in list(vars(module).values()):
        if isinstance(value, Task) and value.name == address.task:
            return value
    found: Any = module
    for step in address.qualname.split("."):
        found = getattr(found, step, None)
        if found is None:
            raise NotFound("task", address.task)
    return to_task(found)


def _load(address: Address) -> tuple[ModuleType, str | None]:
    """The module, and the name by which it is a script if it is a task file."""
    if address.module == MAIN:
        return _load_main(address), None
    if address.source is not None:
        assert address.path is not None, "a task file has a path"
        file = SourceFile(address.path, base64.b64decode(address.source))
        return import_source(file), file.stem
    try:
        return importlib.import_module(address.module), None
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if address.path is None or not f"{address.module}.".startswith(f"{missing}."):
            raise
    # not on the path under its name (a program that loads modules by file, as pytest does): by its file then
    spec = importlib.util.spec_from_file_location(address.module, address.path)
    if spec is None or spec.loader is None:
        raise NotFound("module", address.module)
    module = importlib.util.module_from_spec(spec)
    sys.modules[address.module] = module
    spec.loader.exec_module(module)
    return module, None


def _load_main(address: Address) -> ModuleType:
    """The program's own main module, executed under another name, as multiprocessing does."""
    module = ModuleType(_MAIN_THERE)
    if address.main is not None:
        content = runpy.run_module(address.main, run_name=_MAIN_THERE, alter_sys=True)
    else:
        assert address.path is not None, "a main module has a name or a file"
        content = runpy.run_path(address.path, run_name=_MAIN_THERE)
    module.__dict__.update(content)
    sys.modules[MAIN] = sys.modules[_MAIN_THERE] = module
    return module
