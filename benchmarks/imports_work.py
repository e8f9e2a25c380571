"""One timed piece of work on an import, in a process of its own: `python -m ... WHAT FILE`."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import django


def main(what: str, file: str) -> None:
    """Do it and print seconds, rows and memory as JSON."""
    django.setup()
    from billing.events.actor import Actor
    from billing.models import ChangeRecord, Organization
    from customers.imports.check import check_import
    from customers.imports.mapping import map_columns
    from customers.imports.reading import read_table
    from customers.imports.run import run_import
    from customers.imports.sources import recognize
    from customers.imports.staging import settle, stage
    from customers.management.imports import give_way

    give_way()  # as the command does

    organization = Organization.objects.get(slug="acme")
    actor = Actor(ChangeRecord.Door.IMPORT, "bench")
    began = time.perf_counter()
    source = recognize(Path(file))
    table = read_table(source)
    intake = stage(organization.id, source, table, actor)
    settle(intake, map_columns(table.header))
    staged = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF)
    intake = check_import(intake) if what == "check" else run_import(intake)
    after = resource.getrusage(resource.RUSAGE_SELF)
    ended = time.perf_counter()
    print(json.dumps({
        "rows": intake.total, "seconds": ended - began, "staging": staged - began,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory": after.ru_maxrss / 1024, "counts": _counts(intake),
    }))  # fmt: skip


def _counts(intake: Any) -> list[int]:
    return [intake.new, intake.changed, intake.unchanged, intake.refused]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
