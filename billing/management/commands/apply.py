"""`manage.py apply FILE`: set organizations up as a YAML file says."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.setup.apply import apply_setup
from billing.setup.problems import SetupRefused


class Command(BaseCommand):
    """Applies a set-up file, all of it or nothing."""

    help = (
        "Create what a set-up file (YAML) describes and the server lacks, change what differs, "
        "and leave the rest alone. Works while the server runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("file", metavar="FILE", help="the set-up file; - reads standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply the file and say what became of each object."""
        name = str(options["file"])
        shown = "Standard input" if name == "-" else name
        try:
            report = apply_setup(_read(name, shown))
        except SetupRefused as refusal:
            lines = "\n".join(f"  {line}" for line in refusal.problems.lines())
            raise CommandError(f"{shown} was not applied; nothing was changed.\n{lines}") from None
        self.stdout.write("\n".join(report.lines()))


def _read(name: str, shown: str) -> str:
    """Return the text of the file.

    :raises CommandError: if it can't be read.
    """
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{shown} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise CommandError(f"{shown} is not UTF-8 text, line {line}.") from None
