"""`manage.py import_lago --url URL --organization CODE`: bring a Lago account over."""

import signal
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from billing.errors import NotAllowed
from billing.models import WebhookEndpoint
from billing.organizations.models import Organization
from customers.imports.check import check_import
from customers.imports.report import write_refused
from customers.imports.run import ask_to_stop, run_import
from customers.imports.runner import MovedAside
from customers.intakes import Import
from customers.lago.bring import Brought, bring_ground
from customers.lago.client import LagoClient, LagoRefused
from customers.lago.details import Details
from customers.lago.ground import read_ground
from customers.lago.intake import (
    forget,
    missing_connections,
    open_intake,
    read_customers,
    restore_deleted,
    shown_sections,
    unfinished_intake,
)
from customers.lago.verdict import compare_account
from customers.management.imports import (
    NOTHING_DONE,
    SOME_REFUSED,
    ProgressLine,
    RowsCommand,
    operator,
    short,
)
from customers.management.lago import (
    CountLine,
    add_source,
    difference_file,
    open_client,
    say_verdict,
    setup_of_connections,
    setup_of_organization,
)


class Command(RowsCommand):
    """Imports: exit code 0 if all is as at Lago, 1 if something is not, 2 if nothing was done."""

    help = (
        "Bring the customers of a Lago account over, with their ids, numbers and slugs, and what "
        "they stand on; then compare every one of them, field by field. Again and again, if you "
        "like: what is the same stays. undo_import takes the customers back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the account, the organization, and whether to write."""
        add_source(parser)
        parser.add_argument("--dry-run", action="store_true", help="show what would happen")
        parser.add_argument("--resume", action="store_true", help="go on where it was interrupted")
        parser.add_argument("--reason", metavar="TEXT", help="kept with every change")

    def handle(self, *args: Any, **options: Any) -> None:
        """Bring the account over, or show what that would do."""
        if options["resume"] and options["dry_run"]:
            raise CommandError(
                _("--resume goes on with writing: leave --dry-run out."), returncode=NOTHING_DONE
            )
        try:
            with (
                open_client(options, self.stdout) as client,
                Details(client, wanted=not options["no_sections"]) as details,
            ):
                _Work(self, client, details, options).run()
        except LagoRefused as refused:
            raise CommandError(str(refused), returncode=NOTHING_DONE) from None
        except NotAllowed as refused:
            words = {
                "import_is_running": _("Another import of this organization is running. Wait for "
                                       "its end."),
                "import_was_undone": _("This import was taken back. Start it without --resume."),
            }  # fmt: skip
            raise CommandError(words[refused.code], returncode=NOTHING_DONE) from None


class _Work:
    """One run of the command."""

    def __init__(
        self, command: Command, client: LagoClient, details: Details, options: dict[str, Any]
    ) -> None:
        self.client, self.details, self.options = client, details, options
        self.out = command.stdout
        self.ground = read_ground(client)
        self.organization = self._organization()

    def run(self) -> None:
        """Read, check what is missing, write, compare."""
        intake = self._intake()
        not_shown = self._read(intake)
        self.ground.note_sections(shown_sections(intake))
        self._refuse_missing(intake)
        if self.options["dry_run"]:
            self._dry_run(intake)
            return
        self._warn_of_endpoints()
        brought = self._bring(intake)
        self._say_brought(brought, dry_run=False)
        restored = restore_deleted(intake)
        if restored:
            self.out.write(
                _("%s customers were deleted here and are kept again.") % f"{restored:,}"
            )
        intake = self._write(intake)
        is_clean = self._compare()
        if intake.refused or brought.refused or not_shown or not is_clean:
            raise SystemExit(SOME_REFUSED)

    def _organization(self) -> Organization:
        code = self.options["organization"]
        if not code:
            raise CommandError(
                _("Which --organization? Its code here, or the one it shall have."),
                returncode=NOTHING_DONE,
            )
        found = Organization.objects.filter(slug=code).first()
        if found is None:
            raise CommandError(
                _("There is no organization %(code)s here. Make it with manage.py apply FILE:\n\n"
                  "%(setup)s") % {"code": code, "setup": setup_of_organization(code, self.ground)},
                returncode=NOTHING_DONE,
            )  # fmt: skip
        return found

    def _intake(self) -> Import:
        """Return the import to go on with, or a new one; an old one that wrote nothing goes."""
        actor = operator(self.options["reason"])
        found = unfinished_intake(self.organization.id, self.client.address)
        if self.options["resume"]:
            if found is None:
                raise CommandError(
                    _("There is nothing to resume: no import of %s was interrupted.")
                    % self.client.address, returncode=NOTHING_DONE,
                )  # fmt: skip
            return found
        if found is not None and found.started_at is None:
            forget(found)
        return open_intake(self.organization.id, self.client.address, actor)

    def _read(self, intake: Import) -> int:
        """Read what is not in yet; say what to do if that is interrupted."""
        if intake.started_at is not None:
            return 0
        try:
            with CountLine(self.out, _("Reading")) as line:
                missing = read_customers(self.client, self.ground, intake, self.details, line.show)
        except (LagoRefused, KeyboardInterrupt) as trouble:
            if self.options["dry_run"]:
                forget(intake)
                raise
            words = str(trouble) or _("Interrupted.")
            raise LagoRefused(words + "\n" + self._how_to_resume()) from None
        if missing:
            self.out.write(_("Lago counts %s customers more than it shows.") % f"{missing:,}")
        return missing

    def _refuse_missing(self, intake: Import) -> None:
        missing = missing_connections(intake)
        if not missing:
            return
        setup = setup_of_connections(self.organization.slug, missing)
        words = _("Customers are linked to connections that are not here, and Lago tells nobody "
                  "their secrets. Nothing was written. Make them with manage.py apply FILE:"
                  "\n\n%s") % setup  # fmt: skip
        if self.options["dry_run"]:
            forget(intake)
        else:
            words += "\n" + self._how_to_resume()
        raise CommandError(words, returncode=NOTHING_DONE)

    def _how_to_resume(self) -> str:
        return _("What was read is kept. Go on with the same command and --resume.")

    def _dry_run(self, intake: Import) -> None:
        """Do all of it in one transaction, tell, and take it back."""
        try:
            with transaction.atomic():
                brought = self._bring(intake)
                restore_deleted(intake)
                with ProgressLine(self.out, intake.total, _("Checking")) as line:
                    intake = check_import(intake, lambda now: line.show(now.behind))
                self._write_refused(intake)
                transaction.set_rollback(True)
        finally:
            forget(intake)
        self._say_brought(brought, dry_run=True)
        self._sum_up(intake, _("would be new"), _("would change"))
        self.out.write(_("Nothing was written: this was a dry run."))
        if intake.refused or brought.refused:
            raise SystemExit(SOME_REFUSED)

    def _bring(self, intake: Import) -> Brought:
        """Bring what customers stand on; it is no part of what an undo takes back."""
        actor = replace(intake.actor, batch_id=None)
        return bring_ground(self.organization.id, self.ground, actor)

    def _warn_of_endpoints(self) -> None:
        """Say that somebody will be told of all of them, while it can still be stopped."""
        count = WebhookEndpoint.objects.filter(organization=self.organization).count()
        if count:
            self.out.write(
                _("This organization has %d webhook endpoints. They are told of every customer "
                  "that arrives or changes.") % count
            )  # fmt: skip

    def _say_brought(self, brought: Brought, *, dry_run: bool) -> None:
        made = _("Would be made: %s") if dry_run else _("Made: %s")
        changed = _("Would change: %s") if dry_run else _("Changed: %s")
        for words, names in ((made, brought.created), (changed, brought.changed)):
            if names:
                self.out.write(words % ", ".join(names))
        for line in brought.refused:
            self.out.write(_("Not taken over: %s") % line)

    def _write(self, intake: Import) -> Import:
        self.out.write(_("Import %s") % short(intake.id))
        before = signal.signal(signal.SIGINT, lambda *_: ask_to_stop(intake))
        try:
            with ProgressLine(self.out, intake.total, _("Importing")) as line:
                intake = run_import(intake, lambda now: line.show(now.behind))
        except (DatabaseError, MovedAside) as error:
            raise CommandError(
                _("The import was interrupted: %s") % error + "\n" + self._how_to_resume()
            ) from error
        finally:
            signal.signal(signal.SIGINT, before)
        self._write_refused(intake)
        self._sum_up(intake, _("new"), _("changed"))
        if intake.state != Import.State.DONE:
            self.out.write(self._how_to_resume())
            raise SystemExit(SOME_REFUSED)
        return intake

    def _write_refused(self, intake: Import) -> None:
        if intake.refused:
            path = Path(f"lago-{self.organization.slug}.refused-{short(intake.id)}.csv")
            write_refused(intake, path)
            self.out.write(_("Refused customers, with what is wrong: %s") % path)

    def _sum_up(self, intake: Import, new: str, changed: str) -> None:
        """Say what became of how many customers; the numbers add up to those that were read."""
        numbers = [
            (intake.new, new), (intake.changed, changed), (intake.unchanged, _("unchanged")),
            (intake.refused, _("refused")),
        ]  # fmt: skip
        left = intake.total - intake.behind
        if left:
            numbers.append((left, _("not reached")))
        parts = ", ".join(f"{number:,} {word}" for number, word in numbers)
        self.out.write(
            _("%(total)s customers: %(parts)s.") % {"total": f"{intake.total:,}", "parts": parts}
        )

    def _compare(self) -> bool:
        """Compare all customers with Lago, asked anew; return whether nothing differs."""
        path = difference_file(self.organization)
        wanted = not self.options["no_sections"] and bool(self.ground.sections)
        try:
            with (
                Details(self.client, wanted=wanted) as details,
                CountLine(self.out, _("Comparing")) as line,
            ):
                verdict = compare_account(
                    self.client, self.ground, self.organization.id, path, details, line.show
                )
        except LagoRefused as refused:
            self.out.write(_("It is imported and not compared: %s\nCompare with manage.py "
                             "compare_lago.") % refused)  # fmt: skip
            return False
        say_verdict(self.out, verdict, path)
        return verdict.is_clean
