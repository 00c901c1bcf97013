"""Calls the program `runwright` as often as tests like, without the second that it takes to import it each time.

A process that has imported it forks for each call, and the child is the program: with its own arguments, directory,
environment and streams, its own end and its own exit code. Only how an interpreter begins is not in it: whoever tests
that (a terminal, an encoding, a signal) starts one.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

import runwright
from runwright.cli.main import main

LATE = ("httpcore2", "anyio._backends._asyncio", "h11", "truststore")
"""What the HTTP client imports when it is first used."""
LONGEST_CALL_SECONDS = 60.0
LONGEST_MESSAGE = 1 << 18
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Program:
    """The process that forks; ``channel`` takes a call with its three streams and answers with the exit code."""

    channel: socket.socket

    def __call__(
        self, *words: str, cwd: Path, env: Mapping[str, str], typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Call it with these words, and with ``typed`` as its standard input; it has a minute."""
        with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
            stdin.write(typed.encode())
            stdin.seek(0)
            call = json.dumps({"words": words, "cwd": str(cwd), "env": dict(env)}).encode()
            socket.send_fds(self.channel, [call], [stdin.fileno(), stdout.fileno(), stderr.fileno()])
            code = int(self.channel.recv(LONGEST_MESSAGE))
            stdout.seek(0)
            stderr.seek(0)
            return subprocess.CompletedProcess(words, code, stdout.read().decode(), stderr.read().decode())


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    """The program, ready to be called."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(LONGEST_CALL_SECONDS)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.program", str(theirs.fileno())], cwd=ROOT, pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        try:
            yield Program(ours)
        finally:
            process.kill()
            process.wait()


def fork_for_each_call(channel: socket.socket) -> None:
    """Return in a child for each call, as a process that is about to be the program."""
    while True:
        message, streams, _, _ = socket.recv_fds(channel, LONGEST_MESSAGE, 3)
        child = os.fork()
        if not child:
            channel.close()
            become(json.loads(message), streams)
            return
        for stream in streams:
            os.close(stream)
        channel.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def become(call: dict[str, Any], streams: list[int]) -> None:
    """Take over what the call names, as an interpreter does when it begins."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(call["env"])
    time.tzset()
    os.chdir(call["cwd"])
    sys.argv[1:] = call["words"]
    sys.path[0] = call["cwd"]


if __name__ == "__main__":
    own = [module.name for module in pkgutil.walk_packages(runwright.__path__, "runwright.")]
    for name in (*own, *LATE):
        if not name.startswith(("runwright.testing", "runwright.__main__")):
            importlib.import_module(name)
    fork_for_each_call(socket.socket(fileno=int(sys.argv[1])))
    main()
