"""The back office on many customers: `python -m benchmarks.screens`, with DATABASE_URL set."""

import os
import subprocess
import sys
import time
from contextlib import redirect_stdout
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import django

LISTS = (
    "", "order=oldest", "order=external_id", "order=name", "order=name&country=DE",
    "q=brasserie", "q=qqq", "q=bench-987654", "q=nkc",
    "q=nk", "q=piedpiper", "q=hooli 12", "q=po:1234", "country=FR", "country=DE", "country=none",
    "currency=EUR", "entity=acme_corp", "tax=none", "tax=french_standard_vat", "provider=none",
    "provider=stripe-eu-1", "integration=none", "sync=waiting", "sync=failed",
    "tax_number=missing", "tax_number=suspicious", "tax_number=present", "readiness=incomplete",
    "readiness=complete", "readiness=zipcode", "customer_type=company", "account_type=partner",
    "metadata=po", "created_to=2020-01-01", "updated_from=2026-01-01", "changed_today=any",
    "deleted=yes", "q=hooli&tax_number=missing", "country=DE&provider=none", "q=ann&tax=none",
    "duplicates=likely", "country=DE&readiness=zipcode", "q=brasserie&currency=EUR&tax=none",
)  # fmt: skip
ROUNDS = 5
COMMAND = "export_customers"
EXPORTS = ("csv", "xlsx", COMMAND)
HOME = "/admin/"
DUPLICATES = "/admin/customers/duplicates/"


def main() -> None:
    """Print two tables: the pages' times and statements, and what an export takes.

    Each export is measured in a process that does nothing else: this program once more, told which.
    """
    django.setup()
    from django.db import close_old_connections

    person, organization_id = _person()
    if sys.argv[1:]:
        print(_export(person, organization_id, sys.argv[1]))
        return
    print("| screen | p50 | p95 | slowest | statements at most | aim |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    print(_pages(person, "lists and searches", _lists(), "300 ms, 12"))
    print(_pages(person, "a customer", _customers(organization_id), "300 ms, 20"))
    print(_pages(person, "Home, counted anew", [HOME], "300 ms"))
    print(_pages(person, "likely duplicates", [DUPLICATES], "300 ms, 12"))
    close_old_connections()
    print("\n| all exported, side by side | rows | rows a second | memory | at the peak | must |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    _print_exports()


def _print_exports() -> None:
    """Print a row for each way out; side by side, as a million rows take minutes."""
    command = [sys.executable, "-m", "benchmarks.screens"]
    started = [
        subprocess.Popen([*command, way], stdout=subprocess.PIPE, text=True) for way in EXPORTS
    ]
    for one in started:
        print(one.communicate()[0].strip())
        assert one.returncode == 0


def _person() -> tuple[Any, Any]:
    from django.contrib.auth import get_user_model

    from billing.models import Organization

    person, _ = get_user_model().objects.update_or_create(
        username="bench", defaults={"is_staff": True, "is_superuser": True}
    )
    return person, Organization.objects.get(slug="acme").pk


def _lists() -> list[str]:
    return [f"/admin/customers/customer/?{one}" for one in LISTS]


def _customers(organization_id: Any) -> list[str]:
    from customers.models import Customer

    found = Customer.objects.filter(organization=organization_id).order_by("created_at")[:10]
    return [f"/admin/customers/customer/{one.pk}/change/" for one in found]


def _pages(person: Any, title: str, addresses: list[str], aim: str) -> str:
    """Return a row: every address in turn, several times, as a browser asks for it."""
    from django.conf import settings
    from django.core.cache import cache
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    settings.ALLOWED_HOSTS = ["*"]
    client = Client()
    client.force_login(person)
    times, statements = [], []
    for number, address in product(range(ROUNDS + 1), addresses):
        if address == HOME:
            cache.clear()  # what was counted a minute ago
        with CaptureQueriesContext(connection) as asked:
            start = time.perf_counter()
            answer = client.get(address, secure=True)
            seconds = time.perf_counter() - start
        assert answer.status_code == 200, (address, answer.status_code)
        if number:  # the first round fills the caches
            times.append(seconds * 1_000)
            statements.append(len(asked))
    p95 = quantiles(times, n=20)[-1]
    cells = [title, *(f"{one:.0f} ms" for one in (median(times), p95, max(times)))]
    return f"| {' | '.join(cells)} | {max(statements)} | {aim} |"


def _export(person: Any, organization_id: Any, way: str) -> str:
    """Return a row: how fast all customers go out, and the memory of this process."""
    before, start = _memory("VmRSS"), time.perf_counter()
    rows = _by_command(organization_id) if way == COMMAND else _by_job(person, organization_id, way)
    seconds = time.perf_counter() - start
    title = f"jsonl, `{COMMAND}`" if way == COMMAND else f"{way}, by the worker's job"
    return (
        f"| {title} | {rows:,} | {rows / seconds:,.0f} | {before} MB | {_memory('VmHWM')} MB "
        "| 100 MB |"
    )


def _by_job(person: Any, organization_id: Any, file: str) -> int:
    """Write an export of the list with the usual columns; return its rows."""
    from customers.columns import DEFAULT_COLUMNS
    from customers.export import ask_for_export, write_export
    from customers.models import Export
    from customers.search import CustomerQuery

    export = ask_for_export(CustomerQuery(organization_id), person.pk, DEFAULT_COLUMNS, file, "en")
    write_export(export.pk)
    rows = Export.objects.get(pk=export.pk).rows
    Export.objects.filter(pk=export.pk).delete()
    return rows


def _by_command(organization_id: Any) -> int:
    """Write every value of every customer to nowhere; return how many there are."""
    from django.core.management import call_command

    from customers.models import CustomerCounter

    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123
        call_command(COMMAND, organization="acme", format="jsonl")
    return CustomerCounter.objects.get(organization=organization_id).kept


def _memory(name: str) -> int:
    """Return megabytes, by a name of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) // 1_024


if __name__ == "__main__":
    main()
