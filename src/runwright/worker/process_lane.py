"""The process lane: code that can be killed. Each run is a process of its own, forked by the nursery, below a guard.

A thread of the lane serves each run: it describes it, takes its words apart, answers, and climbs the ladder when it
shall stop. Nothing is pickled: code goes by its address, arguments and results as JSON. See docs/design/processes.md.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from runwright.clock import Clock, Rng
from runwright.errors import StartRefused
from runwright.model import RunError
from runwright.tasks.address import Address, address_of
from runwright.worker import frames
from runwright.worker.conversation import Conversation, Pipes
from runwright.worker.ending import Ended, How, raised
from runwright.worker.job import Job, Requests
from runwright.worker.lanes import Endings, ThreadLane
from runwright.worker.outcome import UserCode

CLOSE_SECONDS = 5.0
TRIES = 3

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from runwright.worker.nursery import main; main()"

logger = logging.getLogger("runwright.worker")


class Nursery:
    """The process that forks the others. It is started when it is first needed, and again if somebody killed it."""

    def __init__(self, environment: Mapping[str, str] | None) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._closed = False

    def fork(self, mark: bytes) -> Pipes:
        """Begin a process for one run. Raises OSError if the machine has no room for it."""
        output, output_there = os.pipe()
        control_there, control = os.pipe()
        orders_there, orders = os.pipe()
        pipes = Pipes(output, control, orders)
        there = (output_there, control_there, orders_there)
        try:
            with self._lock:
                if self._closed:
                    raise StartRefused("the worker closes")
                try:
                    socket.send_fds(self._open(), [mark], there)
                except ConnectionError:
                    self._end()
                    socket.send_fds(self._open(), [mark], there)
        except BaseException:
            pipes.close()
            raise
        finally:
            for pipe in there:
                os.close(pipe)
        os.set_blocking(control, False)
        os.set_blocking(orders, False)
        return pipes

    def close(self) -> None:
        """End the nursery; what is still there of its runs ends with it."""
        with self._lock:
            self._closed = True
            self._end()

    def _open(self) -> socket.socket:
        if self._channel is None:
            self._channel, there = socket.socketpair()
            with there:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _START, json.dumps(sys.path), str(there.fileno())],
                    pass_fds=[there.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=self._environment,
                    start_new_session=True,  # what is typed at the worker's terminal is for the worker
                )
        return self._channel

    def _end(self) -> None:
        channel, process = self._channel, self._process
        self._channel = self._process = None
        if channel is not None:
            channel.close()
        if process is not None:
            try:
                process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                logger.warning("the nursery of process tasks (pid %d) does not end; it is killed", process.pid)
                process.kill()
                process.wait()


class ProcessLane(ThreadLane):
    """Processes, each served by a thread of the lane."""

    def __init__(
        self, capacity: int, code: UserCode, requests: Requests, endings: Endings, *, clock: Clock, rng: Rng,
        environment: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(capacity, self._execute, endings, name="process")
        self._code = code
        self._requests = requests
        self._clock = clock
        self._rng = rng
        self._nursery = Nursery(environment)
        self._addresses: dict[Job, Address | Exception] = {}
        self._conversations: dict[Job, Conversation] = {}
        self._closing = False

    def submit(self, jobs: Sequence[Job]) -> None:
        # now, and not when a slot is free: a file may be replaced meanwhile, and the run keeps its code
        for job in jobs:
            try:
                self._addresses[job] = address_of(job.task)
            except Exception as error:  # noqa: BLE001 - the run ends with it; the others of the batch begin
                self._addresses[job] = error
        super().submit(jobs)

    def withdraw(self, jobs: Sequence[Job]) -> None:
        super().withdraw(jobs)
        for job in jobs:
            if job.withdrawn:
                self._addresses.pop(job, None)

    def stop_code(self, job: Job) -> bool:
        self.tell(job)
        return False  # its thread climbs the ladder by itself

    def tell(self, job: Job) -> None:
        conversation = self._conversations.get(job)
        if conversation is not None:
            conversation.wake()

    def close(self) -> None:
        """Kill what still runs, and end the nursery; it blocks until all are gone."""
        self._closing = True
        for conversation in list(self._conversations.values()):
            conversation.kill()
        super().close()
        self.join(CLOSE_SECONDS)
        self._nursery.close()

    def _execute(self, job: Job) -> None:
        """Execute one run; in a thread of the lane."""
        address = self._addresses.pop(job)
        try:
            if isinstance(address, Exception):
                raise address
            start = self._describe(job, address)
            ended = None
            for _ in range(TRIES):  # a nursery that is being killed may still take a request
                ended = ended or self._converse(job, start)
            ended = ended or Ended(How.RAISED, error=RunError("process", "its process could not be started"))
        except BaseException as error:  # noqa: BLE001 - a fault here must not cost the lane its thread
            ended = raised(error, None)
        self._code.conclude(job, ended)

    def _converse(self, job: Job, start: frames.Message) -> Ended | None:
        mark = frames.new_mark(self._rng.token())
        pipes = self._nursery.fork(mark)
        conversation = Conversation(job, pipes, mark, self._code.limits.cancel_grace, self._clock, self._requests)
        self._conversations[job] = conversation
        if self._closing:
            conversation.kill()
        try:
            return conversation.talk(start)
        finally:
            del self._conversations[job]
            conversation.close()

    def _describe(self, job: Job, address: Address) -> frames.Message:
        claim = job.claim
        return {
            "task": address.to_json(),
            "path": sys.path,
            "log_level": self._code.limits.log_level,
            "result_bytes": self._code.limits.result_bytes,
            "id": claim.run_id,
            "name": claim.task,
            "attempt": claim.attempt,
            "user": claim.user,
            "entity": claim.entity,
            "state": self._code.state(job),
            "arguments": self._code.open_arguments(job),
            "files": self._code.files_folder(job),
        }
