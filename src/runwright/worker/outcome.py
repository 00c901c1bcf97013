"""User code and how it ended: prepares the call, makes it, and says what came of it. The only methods that run in the
lanes; they touch the job and nothing else of the engine.
"""

from __future__ import annotations

import contextvars
import json
import logging
from dataclasses import dataclass
from typing import cast

from runwright.admission import Admission
from runwright.clock import Rng
from runwright.config import Settings
from runwright.errors import InvalidInput, RunwrightError
from runwright.lifecycle import Ending, Outcome
from runwright.model import JSON, JSONObject, Lane, RunError
from runwright.retry import Discard
from runwright.tasks.context import RunContext, current
from runwright.tasks.invoke import invocation
from runwright.tasks.secrets import mask
from runwright.tasks.uploads import bind_files
from runwright.worker.ending import Ended, How, Unreadable, internal, raised, returned
from runwright.worker.job import Job, current_job

logger = logging.getLogger("runwright.worker")


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the runs of this worker; seconds and bytes.

    ``timeout`` is for tasks that set none themselves; ``max_total`` bounds the runs of all lanes together;
    ``log_level``, a number of the logging module, is the least severe that is kept of what they log.
    """

    timeout: float | None = 300.0
    cancel_grace: float = 10.0
    log_bytes: int = 10 * 1024 * 1024
    result_bytes: int = 1024 * 1024
    max_total: int | None = None
    log_level: int = logging.INFO

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """What the settings say."""
        return cls(
            settings.timeout,
            settings.cancel_grace,
            settings.log_limit_bytes,
            settings.result_limit_bytes,
            settings.max_total,
            logging.getLevelNamesMapping()[settings.log_level],
        )


class UserCode:
    """Makes the call of each form of task, and turns whatever happens into an Outcome."""

    def __init__(self, admission: Admission, rng: Rng, limits: Limits) -> None:
        self._admission = admission
        self._rng = rng
        self.limits = limits

    async def run_async(self, job: Job) -> None:
        """Execute a coroutine task, step by step; on the loop of the tasks."""
        try:
            context, args, kwargs = self._prepare(job)
            current.set(context)
            current_job.set(job)
            call = invocation(job.task).call
            assert call is not None, "a task in this lane is awaited"
            ended = returned(await call(context, args, kwargs), self.limits.result_bytes)
        except BaseException as error:  # noqa: BLE001 - user code may raise anything; the outcome says what it means
            ended = raised(error, job.task.retry)
        self.conclude(job, ended)

    def run_thread(self, job: Job) -> None:
        """Execute a plain function; in a thread of its lane."""
        contextvars.Context().run(self._run_thread, job)  # a fresh context: nothing of one run is seen by the next

    def _run_thread(self, job: Job) -> None:
        try:
            context, args, kwargs = self._prepare(job)
            current.set(context)
            current_job.set(job)
            call = invocation(job.task).call_sync
            assert call is not None, "a task in this lane blocks"
            ended = returned(call(context, args, kwargs), self.limits.result_bytes)
        except BaseException as error:  # noqa: BLE001 - as above
            ended = raised(error, job.task.retry)
        self.conclude(job, ended)

    def open_arguments(self, job: Job) -> JSONObject:
        """The arguments of a job in clear, for the call itself and for nothing else. Raises Discard, Unreadable."""
        try:
            return self._admission.open_arguments(job.claim.arguments)
        except InvalidInput as error:
            raise Unreadable(str(error)) from error
        except RunwrightError as error:
            raise Discard(f"arguments: {error}") from error

    def state(self, job: Job) -> JSON:
        """What an earlier attempt of a job has saved. Raises Unreadable."""
        text = job.claim.state
        try:
            return None if text is None else cast("JSON", json.loads(text))
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"its saved state: {error}") from error

    def files_folder(self, job: Job) -> str | None:
        """Where the files of a job lie; None if its task takes none."""
        return self._admission.files_folder(job.task, job.claim.run_id)

    def _prepare(self, job: Job) -> tuple[RunContext, tuple[object, ...], dict[str, object]]:
        claim = job.claim
        arguments = self.open_arguments(job)
        try:
            args, kwargs = job.task.signature.load(
                bind_files(job.task.signature.upload_pointers, self.files_folder(job), arguments)
            )
        except (RunwrightError, ValueError) as error:
            raise Discard(f"arguments: {error}") from error
        context = RunContext(
            job,
            id=claim.run_id,
            task_name=claim.task,
            attempt=claim.attempt,
            user=claim.user,
            entity=claim.entity,
            arguments=mask(arguments, pointers) if (pointers := job.task.signature.secret_pointers) else arguments,
            state=self.state(job),
        )
        return context, args, kwargs

    def conclude(self, job: Job, ended: Ended) -> None:
        """Make a job's outcome of its end, whatever happens: without one it would hold its slot for ever."""
        try:
            outcome = self.judge(job, ended)
        except Exception as fault:
            logger.exception("run %s ended in a way that cannot be judged", job.claim.run_id)
            outcome = Outcome(Ending.RAISED, error=internal(fault), retryable=False)
        job.ended(outcome)

    def judge(self, job: Job, ended: Ended) -> Outcome:
        """What an end means for the run, given what was wanted of it meanwhile."""
        if job.expired and not job.cancel_wanted:  # one that ignored the end of its time has returned too late
            late = RunError("timeout", f"it ran longer than its {job.timeout:g} s")
            return Outcome(Ending.EXPIRED, error=late, wait_seconds=self._wait(job))
        told = job.cancelled and job.claim.lane is Lane.SERVICE  # it was to return, which is no end of its own
        match ended.how:
            case How.RETURNED if not told:
                return Outcome(Ending.RETURNED, ended.result)
            case How.UNUSABLE:
                return Outcome(Ending.RAISED, error=ended.error, retryable=False)
        if job.cancel_wanted:
            return Outcome(Ending.STOPPED)
        if job.released or job.lost:
            return Outcome(Ending.RELEASED)
        match ended.how:
            case How.SNOOZED:
                return Outcome(Ending.SNOOZED, wait_seconds=ended.seconds)
            case How.DISCARDED:
                return Outcome(Ending.RAISED, error=ended.error, retryable=False)
            case How.LATER:
                left = self._wait(job) is not None
                return Outcome(Ending.RAISED, error=ended.error, wait_seconds=ended.seconds if left else None)
        return Outcome(Ending.RAISED, error=ended.error, wait_seconds=self._wait(job) if ended.covered else None)

    def _wait(self, job: Job) -> float | None:
        policy = job.claim.retry if job.claim.retry is not None else job.task.retry
        return None if policy is None else policy.wait_seconds(job.claim.failures + 1, self._rng.random())
