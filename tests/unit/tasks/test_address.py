"""Where another process finds a task: by its file's own bytes, by its module, or not at all, with the reason."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runwright import BaseTask, DefinitionError, NotFound, Task, task
from runwright.tasks.address import Address, address_of, check_address, task_at
from runwright.tasks.discovery import DiscoveryOptions, discover
from runwright.tasks.registry import Registry


@task(mode="process")
def plain(number: int) -> int:
    return number


def undecorated(number: int) -> int:
    return number


class AddressedTask(BaseTask):
    task_name = "addressed_task"
    task_mode = "process"

    async def run(self) -> str:
        return "class"


def made() -> Task[..., Any]:
    @task(name="made", mode="process")
    def inner() -> str:
        return "made"

    return inner


FROM_FACTORY = made()


def there_and_back(item: Task[..., Any]) -> Task[..., Any]:
    return task_at(Address.from_json(address_of(item).to_json()))


def test_tasks_of_a_module() -> None:
    registered = Registry()
    for item in (plain, FROM_FACTORY):
        assert there_and_back(item) is item
        registered.register(item)
    class_there = there_and_back(task_of(AddressedTask))
    assert class_there.function is AddressedTask and class_there.name == "addressed_task"


def task_of(item: Any) -> Task[..., Any]:
    from runwright.tasks.definition import to_task

    return to_task(item)


def test_variations_and_plain_functions_are_found_by_their_code() -> None:
    variation = plain.with_(name="renamed", timeout=5)
    assert there_and_back(variation).function is plain.function
    decorated = task(mode="process", name="other")(undecorated)
    assert there_and_back(decorated).function is undecorated


def test_what_is_inside_of_a_function_has_no_address() -> None:
    with pytest.raises(DefinitionError, match="defined inside of a function"):
        check_address(made())


def test_an_interactive_session_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", session)
    namespace: dict[str, Any] = {"__name__": "__main__", "task": task}
    exec("@task(mode='process')\ndef typed() -> None: ...\n", namespace)
    with pytest.raises(DefinitionError, match="put it into a file"):
        check_address(namespace["typed"])


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from runwright import task\n\n@task(mode='process')\ndef job() -> str:\n    return 'good'\n", "job"),
        ("mode = 'process'\n\ndef main() -> str:\n    return 'good'\n", "script"),
    ],
)
def test_a_file_goes_by_its_bytes(tmp_path: Path, source: str, name: str) -> None:
    """Also if it has become something else meanwhile; a version that is not in use any more has no address."""
    file = tmp_path / "script.py"
    file.write_text(source)
    registry = Registry()
    discover(DiscoveryOptions(directory=tmp_path, allowed_roots=(tmp_path,)), registry)
    item = registry.get(name)
    address = address_of(item)
    file.write_text("raise SystemExit")
    sys.modules.pop(item.defined_in)

    there = task_at(address)
    assert there() == "good"
    assert (there.source_hash, there.source) == (item.source_hash, f"{file}:{item.source.rpartition(':')[2]}")
    sys.modules.pop(item.defined_in)
    with pytest.raises(DefinitionError, match="was replaced"):
        address_of(item)


def test_a_module_that_is_not_on_the_path_is_found_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "off_the_path.py"
    file.write_text("from runwright import task\n\n@task(mode='process')\ndef off() -> int:\n    return 5\n")
    address = Address("off", "somewhere.off_the_path", "off", "", str(file))
    try:
        assert task_at(address)() == 5
    finally:
        sys.modules.pop("somewhere.off_the_path", None)


def test_a_task_that_is_gone_is_said_to_be() -> None:
    with pytest.raises(NotFound, match="no task named 'gone'"):
        task_at(Address("gone", __name__, "gone", ""))
