"""`manage.py export_customers --organization CODE`: customers as a file that imports again."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from django.core.management.base import CommandError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from billing.setup.problems import guess
from customers.criteria import CRITERIA
from customers.imports.sources import Format
from customers.management.imports import NOTHING_DONE, ProgressLine, RowsCommand, find_organization
from customers.outgoing import TooManyRows, write_file
from customers.search import ORDER_PARAMETER, TEXT_PARAMETER, CustomerQuery


class Command(RowsCommand):
    """Exports customers with every value that can be written."""

    gives_way = True
    help = (
        "Write customers to a file with every value that can be written. Imported again, it "
        "changes nothing. No cell is taken for a formula."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the organization, the format, which customers, and where to."""
        parser.add_argument("--organization", metavar="CODE", help="the organization's code")
        parser.add_argument(
            "--format", choices=[one.value for one in Format], help="by the file's name, else csv"
        )
        parser.add_argument("--filter", metavar="NAME=VALUE", action="append", default=[],
                            help="as in the address of the back office's list: country=FR, "
                                 "q=brasserie; may be given several times")  # fmt: skip
        parser.add_argument("--output", metavar="FILE", help="standard output if absent")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file, all of it or nothing."""
        organization = find_organization(options["organization"])
        query = CustomerQuery.read(organization.id, _filters(options["filter"]))
        path = Path(options["output"]) if options["output"] else None
        wanted = _format(options["format"], path)
        try:
            if path is None:
                write_file(query, wanted, sys.stdout.buffer)
            else:
                self._write(query, wanted, path)
        except TooManyRows:
            raise CommandError(
                _("A worksheet holds 1,048,575 customers, and these are more. Use --format csv."),
                returncode=NOTHING_DONE,
            ) from None
        except OSError as error:
            raise CommandError(
                _("%(name)s can't be written: %(reason)s.")
                % {"name": path or "-", "reason": error.strerror},
                returncode=NOTHING_DONE,
            ) from None

    def _write(self, query: CustomerQuery, wanted: Format, path: Path) -> None:
        """Write beside the file and put it in its place at the end: nobody reads half of it."""
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            total = query.queryset().count()
            with aside.open("xb") as out, ProgressLine(self.stdout, total, _("Exporting")) as line:
                # What it holds is private until its owner says otherwise.
                aside.chmod(0o600)
                count = write_file(query, wanted, out, line.show)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        self.stdout.write(
            _("%(count)s customers written to %(name)s.") % {"count": f"{count:,}", "name": path}
        )


def _format(named: str | None, path: Path | None) -> Format:
    if named:
        return Format(named)
    suffix = path.suffix.lower().lstrip(".") if path else ""
    return Format(suffix) if suffix in [*Format] else Format.CSV


def _filters(filters: list[str]) -> MultiValueDict[str, str]:
    """Return the filters as an address would have them.

    :raises CommandError: if one is not known; to leave it out would export too much.
    """
    known = [*CRITERIA, TEXT_PARAMETER, ORDER_PARAMETER]
    pairs = [pair for one in filters for pair in parse_qsl(one, keep_blank_values=True)]
    for name, value in pairs:
        if name not in known or not value:
            words = _("There is no filter %s.") % name + guess(name, known)
            raise CommandError(
                f"{words} " + _("There are: %s") % ", ".join(known), returncode=NOTHING_DONE
            )
    if len(pairs) < len(filters):
        raise CommandError(_("Write a filter as NAME=VALUE."), returncode=NOTHING_DONE)
    found: MultiValueDict[str, str] = MultiValueDict()
    for name, value in pairs:
        found.appendlist(name, value)
    return found
