"""What runs beside requests: files of customers, checks of their tax numbers, likely duplicates."""

from contextlib import suppress
from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from customers.export import forget_exports, left_behind
from customers.export import write_export as _write_export
from customers.pairs import search_duplicates
from customers.tax_numbers import check_changed_numbers


@app.task(name="customers.write_export")
def write_export(export_id: str) -> None:
    """Write the file that somebody asked for."""
    _write_export(UUID(export_id))


def ask_to_write(export_id: UUID) -> None:
    """Have a worker write the file soon; asked twice, it is done once."""
    with suppress(AlreadyEnqueued), transaction.atomic():
        task = write_export.configure(queueing_lock=f"customers.export:{export_id}")
        task.defer(export_id=str(export_id))


@app.periodic(cron="* * * * *", periodic_id="take_up_exports")
@app.task(name="customers.take_up_exports", queueing_lock="customers.take_up_exports")
def take_up_exports(timestamp: int) -> None:
    """Have those files written whose worker was killed."""
    for export_id in left_behind():
        ask_to_write(export_id)


@app.periodic(cron="23 * * * *", periodic_id="forget_exports")
@app.task(name="customers.forget_exports", queueing_lock="customers.forget_exports")
def forget_old_exports(timestamp: int) -> None:
    """Delete files that are a week old."""
    forget_exports()


@app.periodic(cron="* * * * *", periodic_id="check_tax_numbers")
@app.task(name="customers.check_tax_numbers", queueing_lock="customers.check_tax_numbers")
def check_tax_numbers(timestamp: int) -> None:
    """Check the tax numbers that were changed since the last time."""
    check_changed_numbers()


@app.periodic(cron="*/10 * * * *", periodic_id="search_duplicates")
@app.task(name="customers.search_duplicates", queueing_lock="customers.search_duplicates")
def search_for_duplicates(timestamp: int) -> None:
    """Look for pairs of customers that may be the same, where customers changed."""
    search_duplicates()
