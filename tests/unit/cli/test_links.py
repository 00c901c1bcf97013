"""``link`` and ``unlink``: relative and absolute files, what is refused, and that no file is ever removed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from runwright.cli.invocation import Invocation
from runwright.cli.links import link, link_name, unlink
from runwright.cli.output import Output
from runwright.errors import Conflict, InvalidInput, NotFound


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one task of a plugin; the working directory."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "my_task.py").write_text("def run(): ...\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cli(*, as_json: bool = False) -> Invocation:
    return Invocation(output=Output(as_json=as_json, stdout=io.StringIO(), stderr=io.StringIO()))


@pytest.mark.parametrize("absolute", [False, True])
def test_a_file_is_linked_and_the_directory_made(place: Path, absolute: bool) -> None:
    source = Path("plugins/my_task.py")
    link(cli(), source.resolve() if absolute else source, Path("a/b"), "other.py", False)
    target = place / "a" / "b" / "other.py"
    assert target.is_symlink()
    assert target.read_text() == "def run(): ...\n"


def test_the_directory_of_the_settings_and_the_files_name_are_the_defaults(place: Path) -> None:
    (place / "runwright.yaml").write_text("directory: mine\n")
    link(cli(), Path("plugins/my_task.py"))
    assert (place / "mine" / "my_task.py").is_symlink()
    unlink(cli(), "my_task")
    assert not (place / "mine" / "my_task.py").is_symlink()


def test_the_directory_of_the_command_line_goes_first(place: Path) -> None:
    link(Invocation(directory=Path("given"), output=cli().output), Path("plugins/my_task.py"))
    assert (place / "given" / "my_task.py").is_symlink()


@pytest.mark.parametrize(("source", "error"), [("nowhere.py", NotFound), ("plugins", InvalidInput)])
def test_what_is_no_file_is_refused(place: Path, source: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=source):
        link(cli(), Path(source), Path("to"))
    assert not (place / "to").exists()


def test_a_link_that_is_there_is_replaced_only_by_force(place: Path) -> None:
    (place / "plugins" / "new.py").write_text("")
    link(cli(), Path("plugins/my_task.py"), Path("to"), "t.py")
    with pytest.raises(Conflict, match="--force"):
        link(cli(), Path("plugins/new.py"), Path("to"), "t.py")
    link(cli(), Path("plugins/new.py"), Path("to"), "t.py", force=True)
    assert (place / "to" / "t.py").resolve() == place / "plugins" / "new.py"


def test_a_link_to_nothing_counts_as_there(place: Path) -> None:
    (place / "to").mkdir()
    (place / "to" / "t.py").symlink_to(place / "gone.py")
    with pytest.raises(Conflict):
        link(cli(), Path("plugins/my_task.py"), Path("to"), "t.py")
    unlink(cli(), "t.py", Path("to"))
    assert list((place / "to").iterdir()) == []


def test_a_file_is_never_replaced_or_removed(place: Path) -> None:
    (place / "to").mkdir()
    (place / "to" / "t.py").write_text("mine")
    with pytest.raises(Conflict, match="a file of its own"):
        link(cli(), Path("plugins/my_task.py"), Path("to"), "t.py", force=True)
    with pytest.raises(Conflict, match="not a link"):
        unlink(cli(), "t.py", Path("to"))
    assert (place / "to" / "t.py").read_text() == "mine"


def test_a_directory_that_is_a_file_is_refused(place: Path) -> None:
    (place / "to").write_text("")
    with pytest.raises(Conflict, match="cannot be linked"):
        link(cli(), Path("plugins/my_task.py"), Path("to"))


def test_unlinking_what_is_not_there_names_what_is(place: Path) -> None:
    link(cli(), Path("plugins/my_task.py"), Path("to"))
    with pytest.raises(NotFound, match="my_task"):
        unlink(cli(), "your_task", Path("to"))


@pytest.mark.parametrize(("name", "made"), [("a.py", "a.py"), ("a", "a.py"), (" a.py ", "a.py")])
def test_names_are_those_of_python_files(name: str, made: str) -> None:
    assert link_name(name) == made


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../a.py", "a/b.py"])
def test_names_with_a_directory_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        link_name(name)


def test_both_answer_in_json(place: Path) -> None:
    asked = cli(as_json=True)
    link(asked, Path("plugins/my_task.py"), Path("to"))
    assert isinstance(asked.output.out.file, io.StringIO)
    assert json.loads(asked.output.out.file.getvalue()) == {
        "link": "to/my_task.py",
        "target": str(place / "plugins" / "my_task.py"),
    }


@pytest.mark.parametrize(
    ("name", "says"),
    [("__x", "begin with '__' are passed over"), (".x", "are passed over"), ("-x", "cannot be the name of a task")],
)
def test_a_name_that_is_never_loaded_is_refused(place: Path, name: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=f"--name: {name}.py: .*{says}"):
        link(cli(), Path("plugins/my_task.py"), Path("to"), name)
    assert not (place / "to").exists()


def test_a_place_from_which_nothing_is_loaded_is_refused(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "work.py"
    outside.write_text("def run(): ...\n")
    with pytest.raises(InvalidInput, match=r"FROM: .*outside of the allowed places; see allowed_roots"):
        link(cli(), outside, Path("to"))
    assert not (place / "to").exists()
    (place / "runwright.yaml").write_text(f"allowed_roots: [{outside.parent}]\n")
    link(cli(), outside, Path("to"))
    assert (place / "to" / "work.py").resolve() == outside
