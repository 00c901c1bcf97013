"""Every Python block of the guide is run: a wrong example is a red build."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BLOCKS = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in sorted((ROOT / "docs" / "guide").glob("*.md"))
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL), start=1)
]


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("block", BLOCKS)
def test_the_example_runs(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    if "TASK_STORE" in block:  # it wants PostgreSQL
        monkeypatch.setenv("TASK_STORE", request.getfixturevalue("postgres_url"))
    (tmp_path / "example.py").write_text(block)
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(block, str(tmp_path / "example.py"), "exec", dont_inherit=True), names)
    main = names.get("main")
    if asyncio.iscoroutinefunction(main):
        asyncio.run(main())
