"""`manage.py compare_lago --url URL --organization CODE`: Lago and Tarn side by side."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from customers.lago.client import LagoRefused
from customers.lago.details import Details
from customers.lago.ground import read_ground
from customers.lago.verdict import compare_account
from customers.management.imports import NOTHING_DONE, SOME_REFUSED, RowsCommand, find_organization
from customers.management.lago import (
    CountLine,
    add_source,
    difference_file,
    open_client,
    say_verdict,
)


class Command(RowsCommand):
    """Compares: exit code 0 if nothing differs, 1 if something does, 2 if it can't be told."""

    gives_way = True
    help = (
        "Compare every customer of a Lago account, field by field, with those of an organization "
        "here; and the settings they stand on. Nothing is changed on either side. Differences go "
        "to a file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take both sides."""
        add_source(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, and say what differs."""
        organization = find_organization(options["organization"])
        path = difference_file(organization)
        try:
            with (
                open_client(options, self.stdout) as client,
                Details(client, wanted=not options["no_sections"]) as details,
                CountLine(self.stdout, "Comparing") as line,
            ):
                verdict = compare_account(
                    client, read_ground(client), organization.id, path, details, line.show
                )
        except LagoRefused as refused:
            raise CommandError(str(refused), returncode=NOTHING_DONE) from None
        say_verdict(self.stdout, verdict, path)
        if not verdict.is_clean:
            raise SystemExit(SOME_REFUSED)
