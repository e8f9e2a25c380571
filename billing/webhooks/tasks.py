"""Jobs that deliver webhooks, and keep their tables small."""

from django.db import transaction
from procrastinate.contrib.django import app

from billing import waking
from billing.webhooks import queue
from billing.webhooks.courier import Courier

_courier: Courier | None = None


@app.task(
    name="billing.deliver_webhooks", queue="webhooks", task_middleware=[waking.stops_with_worker]
)
async def deliver_webhooks(**of_older_versions: str) -> None:
    """Deliver what is due; where a courier is already at it, tell it that there is more."""
    global _courier
    if _courier is not None:
        _courier.wake()
        return
    _courier = Courier()
    try:
        due = await _courier.run()
    finally:
        _courier = None
    if due is not None:
        await waking.in_database(queue.wake_courier, due)


@app.periodic(cron="* * * * *", periodic_id="deliver_webhooks")
@app.task(name="billing.deliver_stranded", queueing_lock="deliver_stranded", queue="webhooks")
async def deliver_stranded(timestamp: int) -> None:
    """Have delivered what a worker that died has left, and what nobody was woken for."""
    await waking.retake("webhooks")
    await waking.in_database(queue.wake_courier)


@app.periodic(cron="41 3 * * *", periodic_id="forget_webhooks")
@app.task(name="billing.forget_webhooks", queueing_lock="forget_webhooks")
def forget_webhooks(timestamp: int) -> None:
    """Drop the bodies and records that are too old."""
    with transaction.atomic():
        queue.forget()
