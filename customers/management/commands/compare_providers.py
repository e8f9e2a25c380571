"""`manage.py compare_providers --organization CODE`: customers here and at their providers."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from billing.models import Organization
from customers.management.imports import NOTHING_DONE, SOME_REFUSED, RowsCommand, find_organization
from customers.mirrors import Comparison, DriftRound
from customers.providers import drift
from customers.providers.drift import Connection
from customers.providers.failures import Failure

_SHOWN = 20
# A connection that can't be asked is asked again after this, so often.
_WAIT = 10.0
_ATTEMPTS = 3


class Command(RowsCommand):
    """Compares: exit code 0 if nothing differs, 1 if something does, 2 if it can't be told."""

    gives_way = True
    help = (
        "Ask payment providers and integrations what they have of the customers linked to them, "
        "and say what differs. Nothing is changed on either side. What was stopped goes on where "
        "it was when it is started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the organization, and perhaps one of its connections."""
        parser.add_argument(
            "--organization", metavar="CODE", required=True, help="the organization's code"
        )
        parser.add_argument("--connection", metavar="CODE", help="one connection, not all of them")
        parser.add_argument(
            "--per-second",
            type=float,
            default=5.0,
            metavar="N",
            help="how many customers are asked about in a second; 5 if absent",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, and say what differs."""
        organization = find_organization(options["organization"])
        connections = _connections(organization, options["connection"])
        pause = drift.PER_JOB / max(options["per_second"], 0.01)
        is_told = [self._compare(connection, pause) for connection in connections]
        if not all(is_told):
            raise SystemExit(NOTHING_DONE)
        found = [drift.drift_of(connection) for connection in connections]
        if any(one.differing or one.unknown for one in found):
            raise SystemExit(SOME_REFUSED)

    def _compare(self, connection: Connection, pause: float) -> bool:
        """Compare one connection to the end; return whether that was possible."""
        round_ = drift.begin(connection)
        if round_.compared:
            words = _("%(name)s: going on after %(number)d customers.")
            self.stdout.write(words % {"name": connection, "number": round_.compared})
        _walk(round_, pause)
        if round_.problem:
            words = _("%(name)s could not be asked: %(problem)s")
            self.stderr.write(words % {"name": connection, "problem": round_.problem})
            return False
        self._say(connection, round_)
        return True

    def _say(self, connection: Connection, found: DriftRound) -> None:
        what = drift.drift_of(connection)
        words = _(
            "%(name)s: %(compared)d compared, %(differing)d differ, %(unknown)d could not be asked."
        )
        self.stdout.write(
            words
            % {
                "name": connection,
                "compared": found.compared,
                "differing": what.differing,
                "unknown": what.unknown,
            }
        )
        for one in drift.worst(connection)[:_SHOWN]:
            self.stdout.write(f"  {one.mirror.customer.external_id}: {_fields(one)}")


def _connections(organization: Organization, code: str | None) -> list[Connection]:
    """Return the connections to compare.

    :raises CommandError: if the one that was named is not there, or can't be asked.
    """
    found = [one for one in drift.comparable(organization.pk) if code in (None, one.code)]
    if code and not found:
        words = _("There is no connection %s whose provider can be asked.")
        raise CommandError(words % code, returncode=NOTHING_DONE)
    return found


def _walk(found: DriftRound, pause: float) -> None:
    failures = 0
    is_more = True
    while is_more:
        began = time.monotonic()
        try:
            is_more, failures = drift.go_on(found), 0
        except Failure as failure:
            failures += 1
            if failures == _ATTEMPTS:
                drift.stop(found, failure)
                return
            time.sleep(_WAIT)
            continue
        if is_more:
            time.sleep(max(0.0, pause - (time.monotonic() - began)))


def _fields(one: Comparison) -> str:
    return ", ".join(one.differing) or str(one.error_message)
