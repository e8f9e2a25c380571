"""What runs beside requests: files of customers, and checks of their tax numbers."""

from uuid import UUID

from procrastinate.contrib.django import app

from customers.export import forget_exports
from customers.export import write_export as _write_export
from customers.tax_numbers import check_changed_numbers


@app.task(name="customers.write_export")
def write_export(export_id: str) -> None:
    """Write the file that somebody asked for."""
    _write_export(UUID(export_id))


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
