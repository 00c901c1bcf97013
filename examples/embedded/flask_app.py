"""A Flask application that makes a report in the background.

    flask --app flask_app run

Flask has no event loop, so the manager lives in a thread behind the one bridge for synchronous code. It is opened at
the first request, not at import: a server that forks does so in between, and threads do not survive a fork.
"""

from __future__ import annotations

from functools import cache

from flask import Flask

from runwright import Blocking, NotFound, RunContext, Settings, TaskManager, task


@task(title="Report of a month", category="report", timeout="5m")
def make_report(month: str, *, run: RunContext) -> dict[str, object]:
    """Adds up a month."""
    for day in range(1, 31):
        run.progress(day, 30, f"{month}-{day:02}")
        run.checkpoint_sync()
    return {"month": month, "days": 30}


@cache
def jobs() -> Blocking:
    """The manager, opened once for each process; it is closed in good order when the process ends."""
    return TaskManager(Settings.load(), tasks=[make_report]).in_thread().open()


app = Flask(__name__)


@app.post("/reports/<month>")
def order_report(month: str) -> tuple[dict[str, str], int]:
    run = jobs().start(make_report, {"month": month})
    return {"report": f"/reports/{run.id}"}, 202


@app.get("/reports/<run_id>")
def show_report(run_id: str) -> dict[str, object]:
    run = jobs().get(run_id)
    return {"status": run.status, "progress": run.progress and run.progress.current, "report": run.result}


@app.errorhandler(NotFound)
def not_found(error: NotFound) -> tuple[dict[str, str], int]:
    return {"error": error.message}, 404
