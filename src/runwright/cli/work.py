"""Room of the command line: ``worker`` and ``scheduler``, which do a part of the work beside others on one PostgreSQL.

Any number of each may run, on any machines; none is a leader.
"""

from __future__ import annotations

import inspect
from typing import Any

import typer

from runwright.cli.invocation import Invocation, command, give_signature
from runwright.cli.serve import flags, get_ready, require_shared_store, until_told


async def worker(cli: Invocation, **given: Any) -> None:
    """Run tasks, on a PostgreSQL store that other processes share. Ctrl-C or SIGTERM lets running tasks finish."""
    await _work(cli, "worker", given)


async def scheduler(cli: Invocation, **given: Any) -> None:
    """Fire schedules, on a PostgreSQL store that other processes share. Ctrl-C or SIGTERM stops it."""
    await _work(cli, "scheduler", given)


async def _work(cli: Invocation, role: str, given: dict[str, Any]) -> None:
    from runwright.manager import TaskManager  # noqa: PLC0415 - the engine costs half a second

    settings = cli.settings(given)
    require_shared_store(settings, f"a {role} of its own")
    manager = TaskManager(settings, roles=(role,), user_loop=True)
    async with until_told(cli, manager) as told:
        await get_ready(manager)
        cli.output.done(f"{role} is ready", {"role": role, "ready": True})
        cli.output.out.file.flush()
        await told.wait()


def add_to(app: typer.Typer) -> None:
    """Make ``worker`` and ``scheduler`` commands of ``app``, with their flags."""
    cli = inspect.Parameter("cli", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Invocation)
    for function in (worker, scheduler):
        give_signature(function, [cli, *flags()])
        command(app)(function)
