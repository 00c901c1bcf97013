"""What the store is told when an attempt is over: the Finish of each way in which that can come about. No I/O."""

from __future__ import annotations

from dataclasses import replace

from runwright.clock import Micros
from runwright.lifecycle import Ending, Outcome, decide
from runwright.model import Claim, Finish, TaskProgress
from runwright.worker.ending import INTERNAL, internal
from runwright.worker.job import Job


def finish_of(job: Job) -> Finish:
    """The ending of a job as its outcome has it; if nothing can be made of that, as an error of the engine."""
    assert job.outcome is not None, "its code has ended"
    try:
        return _finish(job, job.outcome)
    except Exception as fault:  # noqa: BLE001 - the endings of others are told in the same batch
        return failed(job.claim, job.started_at, job.ended_at, fault)


def _finish(job: Job, outcome: Outcome) -> Finish:
    decision = decide(outcome, job.ended_at)
    progress = job.progress_value
    if progress is not None and outcome.ending is Ending.RETURNED and progress.total > 0:
        progress = TaskProgress(progress.total, progress.total, progress.message)
    return Finish(
        key=job.claim.key,
        token=job.claim.token,
        event=decision.event,
        attempt_status=decision.attempt,
        started_at=job.started_at,
        completed_at=max(job.ended_at, job.started_at),
        attempt=job.claim.attempt,
        result=outcome.result,
        error=outcome.error,
        due_at=decision.due_at,
        failed=decision.failed,
        warnings=tuple(job.warnings),
        progress=progress,
        cpu_seconds=job.cpu_seconds,
    )


def failed(claim: Claim, started_at: Micros, now: Micros, fault: Exception) -> Finish:
    """A run that the engine itself cannot bring to its end, as an error of kind ``internal``."""
    return _bare(claim, started_at or now, now, Outcome(Ending.RAISED, error=internal(fault), retryable=False))


def released(claim: Claim, now: Micros) -> Finish:
    """A run that was claimed and cannot begin here: it waits again, for another worker."""
    return _bare(claim, now, now, Outcome(Ending.RELEASED))


def refused(finish: Finish, fault: Exception) -> Finish | None:
    """What is told of an ending that the store does not take; None if this was it already."""
    if finish.error is not None and finish.error.kind == INTERNAL:
        return None
    decision = decide(Outcome(Ending.RAISED, error=internal(fault), retryable=False), finish.completed_at)
    return replace(
        finish, event=decision.event, attempt_status=decision.attempt, result=None, error=internal(fault), due_at=None,
        failed=True, warnings=(), progress=None, cpu_seconds=None,
    )  # fmt: skip


def _bare(claim: Claim, started_at: Micros, now: Micros, outcome: Outcome) -> Finish:
    decision = decide(outcome, now)
    return Finish(
        key=claim.key,
        token=claim.token,
        event=decision.event,
        attempt_status=decision.attempt,
        started_at=started_at,
        completed_at=max(now, started_at),
        attempt=claim.attempt,
        error=outcome.error,
        due_at=decision.due_at,
        failed=decision.failed,
    )
