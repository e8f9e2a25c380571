from typing import Any

from django.core.management.base import BaseCommand

from billing.staff.roles import as_document


class Command(BaseCommand):
    """Print the table of roles as docs/roles.md shows it."""

    help = "Print who may do what, by role, as Markdown."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(as_document(), ending="")
