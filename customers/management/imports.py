"""What the commands about imports share: who is at work, on what, and how far it is."""

import getpass
import os
import sys
import time
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.organizations.models import Organization
from customers.intakes import Import

SOME_REFUSED = 1
NOTHING_DONE = 2
# Where no terminal shows a bar, a line now and then tells a log how far it is.
_SECONDS_BETWEEN_LINES = 10.0
# Of nineteen steps; each gives a fifth away.
_BEHIND = 5


class RowsCommand(BaseCommand):
    """A command for many rows: it does without what only screens and addresses need.

    `manage.py check` and `serve` check those; to check them here is to load them all.
    """

    requires_system_checks: tuple[str, ...] = ()

    gives_way = False
    """Whether it leaves the processor to others; not for who holds locks while it computes."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a program of its own."""
        if self.gives_way:
            give_way()
        super().run_from_argv(argv)


def give_way() -> None:
    """Have this process step back where others want the processor: three parts to them, one to it.

    Where nobody else wants it, nothing is lost.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(_BEHIND, os.getpriority(os.PRIO_PROCESS, 0)))


def find_organization(code: str | None) -> Organization:
    """Return the organization of this code.

    :raises CommandError: if there is none; those that there are are named.
    """
    found = Organization.objects.filter(slug=code).first() if code else None
    if found is None:
        codes = ", ".join(Organization.objects.order_by("slug").values_list("slug", flat=True)[:20])
        words = _("There is no organization %s.") % code if code else _("Which --organization?")
        raise CommandError(f"{words} " + _("There are: %s") % codes, returncode=NOTHING_DONE)
    return found


def find_import(name: str, organization: str | None = None) -> Import:
    """Return the import whose id begins like this.

    :raises CommandError: if there is none, or there are several.
    """
    digits = name.replace("-", "").lower()
    found = Import.objects.all()
    if organization:
        found = found.filter(organization=find_organization(organization))
    if len(digits) >= 6 and all(one in "0123456789abcdef" for one in digits):
        low, high = digits.ljust(32, "0")[:32], digits.ljust(32, "f")[:32]
        matching = list(found.filter(id__gte=UUID(low), id__lte=UUID(high))[:2])
        if len(matching) == 1:
            return matching[0]
    raise CommandError(_("There is no import %s.") % name, returncode=NOTHING_DONE)


def short(import_id: UUID) -> str:
    """Return as much of an id as people need to type."""
    return import_id.hex[:12]


def operator(reason: str | None) -> Actor:
    """Return whoever sits at this machine as the one behind the changes."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "manage.py"
    return Actor(ChangeRecord.Door.IMPORT, name, None, reason)


class ProgressLine:
    """Shows how far something is: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, out: OutputWrapper, total: int, what: str) -> None:
        self._out, self._total, self._what = out, total, what
        self._began = self._said = time.monotonic()
        self._first: int | None = None
        self._bar = _bar() if sys.stdout.isatty() else None
        self._task: Any = self._bar.add_task(what, total=total, rate="") if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, done: int) -> None:
        """Show that so many rows are done."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = done, now
        rate = (done - self._first) / max(now - self._began, 0.001)
        if self._bar:
            self._bar.update(self._task, completed=done, rate=f"{rate:,.0f}/s")
        elif now - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = now
            self._out.write(self._line(done, rate))

    def _line(self, done: int, rate: float) -> str:
        left = (self._total - done) / rate if rate else 0
        return _("%(what)s: %(done)s of %(total)s rows, %(rate)s a second, %(left)s left") % {
            "what": self._what, "done": f"{done:,}", "total": f"{self._total:,}",
            "rate": f"{rate:,.0f}", "left": f"{int(left) // 60}:{int(left) % 60:02} min",
        }  # fmt: skip


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(file=sys.stdout),
    )
