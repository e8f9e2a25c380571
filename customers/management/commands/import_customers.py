"""`manage.py import_customers FILE --organization CODE`: take a file of customers in."""

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from billing.errors import NotAllowed
from billing.organizations.models import Organization
from customers.imports.check import check_import
from customers.imports.mapping import PRESETS, Blank, ColumnMap, map_columns
from customers.imports.reading import read_table
from customers.imports.refusals import FileRefused
from customers.imports.report import write_refused
from customers.imports.run import ask_to_stop, run_import
from customers.imports.runner import MovedAside
from customers.imports.sources import Format, recognize
from customers.imports.staging import empty, settle, stage
from customers.intakes import Import
from customers.management.imports import (
    NOTHING_DONE,
    SOME_REFUSED,
    ProgressLine,
    RowsCommand,
    find_import,
    find_organization,
    operator,
    short,
)

_NOT_ALLOWED = {
    "import_is_running": lazy("Another import of this organization is running. Wait for its end."),
    "import_was_undone": lazy("This import was taken back. Import the file anew."),
}


class Command(RowsCommand):
    """Imports customers: exit code 0, 1 if some rows were refused, 2 if nothing was done."""

    gives_way = True
    help = (
        "Import customers from CSV, XLSX or JSON Lines. Every good row is written, once; refused "
        "rows go to a file beside this one, each with what is wrong. undo_import takes it back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, what its columns mean, and what to do about refused rows."""
        parser.add_argument("file", metavar="FILE", nargs="?", help="the file; none with --resume")
        parser.add_argument("--organization", metavar="CODE", help="the organization's code")
        parser.add_argument(
            "--format",
            choices=[one.value for one in Format],
            help="told by the file itself if absent",
        )
        columns = parser.add_mutually_exclusive_group()
        columns.add_argument("--map", metavar="FILE", help="a mapping file: what each column fills")
        columns.add_argument("--preset", choices=PRESETS, help="the program that wrote the file")
        parser.add_argument("--dry-run", action="store_true", help="show what would happen")
        parser.add_argument("--on-error", choices=[*Import.OnError], default="skip",
                            help="stop: check the whole file first, and write nothing of it if a "
                                 "row is refused")  # fmt: skip
        parser.add_argument("--blank", choices=[*Blank], help="what a blank cell means: keep the "
                            "value that is there (as usual), or clear it")  # fmt: skip
        parser.add_argument("--limit", type=_positive, metavar="N", help="only the first N rows")
        parser.add_argument("--resume", metavar="ID", help="go on with an interrupted import")
        parser.add_argument("--reason", metavar="TEXT", help="kept with every change")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file, or go on with an import."""
        try:
            intake = self._resumed(options) if options["resume"] else self._staged(options)
            if options["dry_run"]:
                self._dry_run(intake)
            else:
                self._run(intake, options)
        except FileRefused as refused:
            words = _("Nothing was imported.")
            raise CommandError(f"{words}\n{refused}", returncode=NOTHING_DONE) from None
        except NotAllowed as refused:
            raise CommandError(str(_NOT_ALLOWED[refused.code]), returncode=NOTHING_DONE) from None

    def _resumed(self, options: dict[str, Any]) -> Import:
        if options["file"] or options["dry_run"]:
            raise CommandError(
                _("--resume goes on with a file that is in already: give no FILE, no --dry-run."),
                returncode=NOTHING_DONE,
            )
        intake = find_import(options["resume"], options["organization"])
        if intake.state == Import.State.DONE:
            raise CommandError(
                _("This import has come to its end; there is nothing to resume."),
                returncode=NOTHING_DONE,
            )
        return intake

    def _staged(self, options: dict[str, Any]) -> Import:
        """Read the whole file, and return it as rows that wait."""
        organization = find_organization(options["organization"])
        if not options["file"]:
            raise CommandError(_("Which FILE?"), returncode=NOTHING_DONE)
        path = Path(options["file"])
        source = recognize(path, Format(options["format"]) if options["format"] else None)
        table = read_table(source)
        columns = self._columns(table.header, options)
        self._say_notes([*source.notes, *table.notes])
        self.stdout.write(_("Reading %s …") % path.name)
        actor = operator(options["reason"])
        intake = stage(organization.id, source, table, actor, limit=options["limit"])
        intake.on_error = options["on_error"]
        settle(intake, columns)
        self._warn_of_repetition(organization, intake)
        return intake

    def _columns(self, header: list[str], options: dict[str, Any]) -> ColumnMap:
        document = _read_text(options["map"]) if options["map"] else None
        blank = Blank(options["blank"]) if options["blank"] else None
        return map_columns(header, preset=options["preset"], document=document, blank=blank)

    def _say_notes(self, notes: list[str]) -> None:
        for note in notes:
            self.stdout.write(note)

    def _warn_of_repetition(self, organization: Organization, intake: Import) -> None:
        same = Import.objects.filter(
            organization=organization, sha256=intake.sha256, state=Import.State.DONE
        ).first()
        if same is not None and same.ended_at is not None:
            self.stdout.write(
                _("The same file was imported on %(day)s by %(who)s.")
                % {"day": f"{same.ended_at:%Y-%m-%d %H:%M} UTC", "who": same.actor_name}
            )

    def _dry_run(self, intake: Import) -> None:
        """Show what would happen, and leave nothing behind."""
        try:
            with ProgressLine(self.stdout, intake.total, _("Checking")) as line:
                check_import(intake, lambda now: line.show(now.behind))
            refused = self._write_refused(intake)
            self._sum_up(intake, _("would be new"), _("would change"))
        finally:
            intake.rows.all().delete()
            intake.delete()
        self.stdout.write(_("Nothing was written: this was a dry run."))
        if refused:
            raise SystemExit(_code(intake))

    def _run(self, intake: Import, options: dict[str, Any]) -> None:
        if intake.on_error == Import.OnError.STOP and not intake.started_at:
            self._refuse_all(intake)
        self.stdout.write(_("Import %s") % short(intake.id))
        before = signal.signal(signal.SIGINT, lambda *_: ask_to_stop(intake))
        try:
            with ProgressLine(self.stdout, intake.total, _("Importing")) as line:
                intake = run_import(intake, lambda now: line.show(now.behind))
        except (DatabaseError, MovedAside) as error:
            self._say_resume(intake)
            raise CommandError(_("The import was interrupted: %s") % error) from error
        finally:
            signal.signal(signal.SIGINT, before)
        refused = self._write_refused(intake)
        self._sum_up(intake, _("new"), _("changed"))
        if intake.state != Import.State.DONE:
            self._say_resume(intake)
        elif not refused:
            empty(intake)  # taking it back needs the records alone
        if refused or intake.state != Import.State.DONE:
            raise SystemExit(_code(intake))

    def _refuse_all(self, intake: Import) -> None:
        """Check the whole file first; end here if a row of it is refused."""
        with ProgressLine(self.stdout, intake.total, _("Checking")) as line:
            intake = check_import(intake, lambda now: line.show(now.behind))
        if intake.refused:
            self._write_refused(intake)
            self._sum_up(intake, _("would be new"), _("would change"))
            intake.rows.all().delete()
            intake.delete()
            raise CommandError(
                _("Nothing was imported: rows were refused, and --on-error is stop."),
                returncode=NOTHING_DONE,
            )

    def _write_refused(self, intake: Import) -> int:
        """Write the refused rows beside the working directory's files, and say where."""
        if not intake.refused:
            return 0
        path = Path(f"{Path(intake.file_name).stem}.refused-{short(intake.id)}.csv")
        count = write_refused(intake, path)
        self.stdout.write(_("Refused rows, with what is wrong: %s") % path)
        return count

    def _sum_up(self, intake: Import, new: str, changed: str) -> None:
        """Say what became of how many rows; the numbers add up to the rows of the file."""
        numbers = [
            (intake.new, new), (intake.changed, changed), (intake.unchanged, _("unchanged")),
            (intake.refused, _("refused")),
        ]  # fmt: skip
        left = intake.total - intake.behind
        if left:
            numbers.append((left, _("not reached")))
        parts = ", ".join(f"{number:,} {word}" for number, word in numbers)
        words = ngettext("%(total)s row: %(parts)s.", "%(total)s rows: %(parts)s.", intake.total)
        self.stdout.write(words % {"total": f"{intake.total:,}", "parts": parts})
        if intake.warnings:
            self.stdout.write(_("%s rows look mistaken and were taken.") % f"{intake.warnings:,}")

    def _say_resume(self, intake: Import) -> None:
        self.stdout.write(
            _("It stopped after %(behind)s of %(total)s rows. Go on with:\n"
              "  manage.py import_customers --resume %(id)s")
            % {"behind": f"{intake.behind:,}", "total": f"{intake.total:,}",
               "id": short(intake.id)}
        )  # fmt: skip


def _code(intake: Import) -> int:
    """Return the exit code of an import that did not go through as a whole."""
    good = intake.new + intake.changed + intake.unchanged
    return SOME_REFUSED if good else NOTHING_DONE


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _read_text(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileRefused(
            _("%(name)s can't be read: %(reason)s.") % {"name": name, "reason": error.strerror}
        ) from None
    except UnicodeDecodeError:
        raise FileRefused(_("%s is not UTF-8 text.") % name) from None
