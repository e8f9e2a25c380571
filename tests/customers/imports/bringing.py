"""Bringing files in, as the command does."""

from pathlib import Path
from typing import Any

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.models import Organization
from customers.imports.arrival import read_in, receive
from customers.imports.mapping import ColumnMap, guess_columns, map_columns
from customers.imports.reading import read_table
from customers.imports.report import refused_rows, say_all
from customers.imports.run import run_import
from customers.imports.sources import recognize
from customers.imports.staging import settle, stage
from customers.imports.tasks import take_on
from customers.intakes import Import

ACTOR = Actor(ChangeRecord.Door.IMPORT, "Ines", None, "Spring cleaning")

SMALL = b"external_id,name,country\nc1,Ann,FR\nc2,Bob,Deutschlnd\n"


def staged(organization: Organization, path: Path, **options: Any) -> Import:
    """Return the import of a file, of which nothing is written yet."""
    limit, on_error = options.pop("limit", None), options.pop("on_error", "skip")
    source = recognize(path)
    table = read_table(source)
    columns = map_columns(table.header, **options)
    intake = stage(organization.id, source, table, ACTOR, limit=limit)
    intake.on_error = on_error
    settle(intake, columns)
    return intake


def imported(organization: Organization, path: Path, **options: Any) -> Import:
    """Return the import of a file that has come to its end."""
    return run_import(staged(organization, path, **options))


def counts(intake: Import) -> tuple[int, int, int, int]:
    """Return how many rows are new, changed, unchanged, refused."""
    return intake.new, intake.changed, intake.unchanged, intake.refused


def refusals(intake: Import) -> dict[int, str]:
    """Return what is wrong by row number."""
    columns = ColumnMap.load(intake.mapping)
    return {number: say_all(flaws, columns) for number, _cells, flaws in refused_rows(intake)}


def checked_import(organization: Organization, content: bytes = SMALL) -> Import:
    """Return an import that was sent in by hand, with its preview."""
    intake = receive(organization, [content], "customers.csv", ACTOR)
    read_in(intake)
    intake.state = Import.State.MAPPED
    intake.mapping = guess_columns(intake.header).dump()
    intake.save()
    take_on(intake.pk)
    intake.refresh_from_db()
    return intake
