"""A FastAPI application that answers first and sends the receipt afterwards. The page of its jobs is at /jobs.

    TASK_ADMIN_TOKEN=choose-one uvicorn fastapi_app:app

The manager lives on the application's own loop, opens with it, and closes in good order.
"""

from __future__ import annotations

from fastapi import FastAPI

from runwright import Retry, RunContext, Settings, TaskManager, task
from runwright.fastapi import Manager, lifespan


@task(title="Receipt by mail", category="orders", retry=Retry(max_retries=5, delay=10), unique="{order}")
async def send_receipt(order: int, address: str, *, run: RunContext) -> str:
    """Sends the receipt of an order; a mail server that is away is tried again."""
    run.log.info("order %d goes to %s", order, address)
    return f"receipt {order} sent to {address}"


manager = TaskManager(Settings.load(), tasks=[send_receipt])
app = FastAPI(lifespan=lifespan(manager, mount="/jobs"))


@app.post("/orders/{order}", status_code=202)
async def place_order(order: int, address: str, manager: Manager) -> dict[str, str]:
    """Take an order; its receipt is certain to be sent from the moment of this answer."""
    run = await manager.start(send_receipt, {"order": order, "address": address})
    return {"receipt": f"/receipts/{run.id}"}


@app.get("/receipts/{run_id}")
async def receipt(run_id: str, manager: Manager) -> dict[str, object]:
    """How far the receipt is."""
    run = await manager.get(run_id)
    return {"status": run.status, "result": run.result}
