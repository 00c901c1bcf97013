"""User code and how it ended: prepares the call, makes it, and says what came of it. The only methods that run in the
lanes; they touch the job and nothing else of the engine.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import traceback
from dataclasses import dataclass

from pydantic_core import PydanticSerializationError, to_json

from runwright.admission import Admission
from runwright.auth.sealing import SealError
from runwright.clock import Rng
from runwright.errors import RunwrightError
from runwright.lifecycle import Ending, Outcome
from runwright.model import RunError
from runwright.retry import Discard, RetryLater, Snooze
from runwright.tasks.context import RunCancelled, RunContext, current
from runwright.tasks.invoke import invocation
from runwright.tasks.secrets import mask
from runwright.worker.job import Job, clean, current_job

TRACEBACK_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a run in this worker; seconds and bytes. ``timeout`` is for tasks that set none themselves."""

    timeout: float | None = 300.0
    cancel_grace: float = 10.0
    log_bytes: int = 10 * 1024 * 1024
    result_bytes: int = 1024 * 1024


class UserCode:
    """Makes the call of each form of task, and turns whatever happens into an Outcome."""

    def __init__(self, admission: Admission, rng: Rng, limits: Limits) -> None:
        self._admission = admission
        self._rng = rng
        self._limits = limits

    async def run_async(self, job: Job) -> None:
        """Execute a coroutine task, step by step; on the loop of the tasks."""
        try:
            context, args, kwargs = self._prepare(job)
            current.set(context)
            current_job.set(job)
            call = invocation(job.task).call
            assert call is not None, "a task in this lane is awaited"
            job.ended(self._returned(await call(context, args, kwargs)))
        except asyncio.CancelledError as error:
            job.ended(self._stopped(job, error))
        except BaseException as error:  # noqa: BLE001 - user code may raise anything; the outcome says what it means
            job.ended(self._raised(job, error))

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
            outcome = self._returned(call(context, args, kwargs))
            # one that ignored the end of its time has returned too late
            job.ended(self._stopped(job, None) if job.expired else outcome)
        except BaseException as error:  # noqa: BLE001 - as above
            job.ended(self._raised(job, error))

    def _prepare(self, job: Job) -> tuple[RunContext, tuple[object, ...], dict[str, object]]:
        claim = job.claim
        try:
            arguments = self._admission.open_arguments(claim.arguments)
            args, kwargs = job.task.signature.load(self._admission.bind_files(job.task, claim.run_id, arguments))
        except (RunwrightError, SealError, ValueError) as error:
            raise Discard(f"arguments: {error}") from error
        context = RunContext(
            job,
            id=claim.run_id,
            task_name=claim.task,
            attempt=claim.attempt,
            user=claim.user,
            entity=claim.entity,
            arguments=mask(arguments, pointers) if (pointers := job.task.signature.secret_pointers) else arguments,
            state=None if claim.state is None else json.loads(claim.state),
        )
        return context, args, kwargs

    def _returned(self, result: object) -> Outcome:
        if result is None:
            return Outcome(Ending.RETURNED)
        try:
            text = to_json(result, inf_nan_mode="null")
        except (PydanticSerializationError, ValueError, RecursionError) as error:
            what = f"the result ({type(result).__name__}) cannot be written as JSON: {clean(str(error))[:500]}"
            return Outcome(Ending.RAISED, error=RunError("result", what), retryable=False)
        if len(text) > self._limits.result_bytes:
            what = f"the result has {len(text)} bytes; at most {self._limits.result_bytes} are kept: write it to a file"
            return Outcome(Ending.RAISED, error=RunError("result", what), retryable=False)
        return Outcome(Ending.RETURNED, clean(text.decode()))

    def _stopped(self, job: Job, error: BaseException | None) -> Outcome:
        if job.expired and not job.cancel_wanted:
            late = RunError("timeout", f"it ran longer than its {job.timeout:g} s")
            return Outcome(Ending.EXPIRED, error=late, wait_seconds=self._wait(job, None))
        if job.cancel_wanted:
            return Outcome(Ending.STOPPED)
        if job.released or job.lost:
            return Outcome(Ending.RELEASED)
        cause = error if error is not None else RuntimeError("stopped")
        return Outcome(Ending.RAISED, error=described(cause), wait_seconds=self._wait(job, cause))

    def _raised(self, job: Job, error: BaseException) -> Outcome:
        if isinstance(error, RunCancelled) or job.cancelled:
            return self._stopped(job, error)
        if isinstance(error, Snooze):
            return Outcome(Ending.SNOOZED, wait_seconds=max(0.0, error.seconds))
        if isinstance(error, Discard):
            return Outcome(Ending.RAISED, error=described(error), retryable=False)
        if isinstance(error, RetryLater):
            left = self._wait(job, None) is not None
            return Outcome(
                Ending.RAISED, error=described(error), wait_seconds=max(0.0, error.seconds) if left else None
            )
        return Outcome(Ending.RAISED, error=described(error), wait_seconds=self._wait(job, error))

    def _wait(self, job: Job, error: BaseException | None) -> float | None:
        own, given = job.task.retry, job.claim.retry
        policy = given if given is not None else own
        covered = own if own is not None else policy  # types are known to the task's own policy only
        if policy is None or (error is not None and covered is not None and not covered.covers(error)):
            return None
        return policy.wait_seconds(job.claim.failures + 1, self._rng.random())


def described(error: BaseException) -> RunError:
    """An exception as it is kept: its type's name, its text, and the traceback without the engine's own frames."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith("runwright."):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    if len(text) > TRACEBACK_CHARACTERS:
        text = f"{text[: TRACEBACK_CHARACTERS // 2]}\n… left out …\n{text[-TRACEBACK_CHARACTERS // 2 :]}"
    return RunError(type(error).__name__, clean(str(error))[:4000], clean(text))
