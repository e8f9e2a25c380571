"""Jobs that deliver webhooks, and keep their tables small."""

from datetime import datetime

from django.db import transaction
from procrastinate.contrib.django import app

from billing.webhooks import queue
from billing.webhooks.courier import Courier

_courier: Courier | None = None


@app.task(name="billing.deliver_webhooks", queue="webhooks")
async def deliver_webhooks(organization_id: str | None = None) -> None:
    """Deliver what is due; where a courier is already at it, tell it that there is more.

    Deferred in the transaction of the change, so that it starts right after the commit.
    """
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
        await _deliver_at(due)


async def _deliver_at(due: datetime) -> None:
    await app.configure_task(
        "billing.deliver_webhooks", queue="webhooks", schedule_at=due
    ).defer_async()


@app.periodic(cron="* * * * *", periodic_id="deliver_webhooks")
@app.task(name="billing.deliver_stranded", queueing_lock="deliver_stranded", queue="webhooks")
async def deliver_stranded(timestamp: int) -> None:
    """Deliver what a worker that died has left."""
    await deliver_webhooks()


@app.periodic(cron="41 3 * * *", periodic_id="forget_webhooks")
@app.task(name="billing.forget_webhooks", queueing_lock="forget_webhooks")
def forget_webhooks(timestamp: int) -> None:
    """Drop the bodies and records that are too old."""
    with transaction.atomic():
        queue.forget()
