"""`manage.py undo_import ID`: put back what an import changed, delete what it created."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from billing.errors import NotAllowed
from customers.batches import Batch
from customers.bulk.words import why_words
from customers.imports.run import only_import, set_aside
from customers.intakes import Import
from customers.management.imports import (
    NOTHING_DONE,
    SOME_REFUSED,
    ProgressLine,
    RowsCommand,
    find_import,
    operator,
    short,
)
from customers.models import Customer
from customers.undo import preview_undo, undo_batch

_SHOWN = 50


class Command(RowsCommand):
    """Takes an import back: exit code 0, 1 if some customers stay, 2 if nothing is done."""

    help = (
        "Put back what an import changed and delete what it created, except where somebody has "
        "changed it since: those customers are listed, untouched. A second time does nothing; "
        "an interrupted one goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the import."""
        parser.add_argument("import", metavar="ID", help="the import, as import_customers named it")
        parser.add_argument("--dry-run", action="store_true", help="show what would happen")
        parser.add_argument("--reason", metavar="TEXT", help="kept with every change")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take it back, or show what that would do."""
        intake = find_import(options["import"])
        if intake.started_at is None:
            raise CommandError(_("This import has written nothing."), returncode=NOTHING_DONE)
        try:
            with only_import(intake.organization_id):
                set_aside(intake)
                undo = self._undo(intake, options)
        except NotAllowed:
            raise CommandError(
                _("An import of this organization is running. Wait for its end."),
                returncode=NOTHING_DONE,
            ) from None
        self._say(undo, dry_run=options["dry_run"])
        if undo.skipped or (undo.forecast or {}).get("skipped"):
            raise SystemExit(SOME_REFUSED)

    def _undo(self, intake: Import, options: dict[str, Any]) -> Batch:
        actor = operator(options["reason"])
        organization_id = intake.organization_id
        done = Batch.objects.filter(undoes_id=intake.id, state=Batch.State.DONE).first()
        if done is not None and not options["dry_run"]:
            self.stdout.write(_("This import was taken back already; once more:"))
        with ProgressLine(self.stdout, intake.new + intake.changed, _("Taking back")) as line:
            take_back = preview_undo if options["dry_run"] else undo_batch
            return take_back(
                organization_id, intake.id, actor, lambda batch: line.show(batch.position)
            )

    def _say(self, undo: Batch, *, dry_run: bool) -> None:
        found = undo.forecast if dry_run and undo.forecast else {
            "done": undo.done, "unchanged": undo.unchanged, "skipped": undo.skipped,
        }  # fmt: skip
        words = (
            _("%(total)s customers: %(done)s would be put back, %(unchanged)s are as before, "
              "%(skipped)s would be left as they are.")
            if dry_run
            else _("%(total)s customers: %(done)s put back, %(unchanged)s were as before, "
                   "%(skipped)s left as they are.")
        )  # fmt: skip
        numbers = {name: f"{count:,}" for name, count in found.items()}
        self.stdout.write(words % {"total": f"{undo.total:,}", **numbers})
        self._list_left(undo)
        if dry_run:
            self.stdout.write(_("Nothing was written: this was a dry run."))
        else:
            self.stdout.write(_("This can be taken back in turn: it is %s.") % short(undo.id))

    def _list_left(self, undo: Batch) -> None:
        """Name the customers that were left as they are, with who changed them and when."""
        left = undo.items.filter(why__isnull=False).order_by("position")
        items = list(left.values_list("customer_id", "why")[: _SHOWN + 1])
        ids = [customer_id for customer_id, _why in items]
        names = dict(
            Customer.objects.filter(organization=undo.organization_id, id__in=ids).values_list(
                "id", "external_id"
            )
        )
        for customer_id, why in items[:_SHOWN]:
            self.stdout.write(f"  {names.get(customer_id, customer_id)}: {why_words(why or {})}")
        if len(items) > _SHOWN:
            self.stdout.write(_("  ... and more; the back office lists all of them."))
