"""What the commands about Lago share: whom to ask, how far it is, what came of a comparison."""

import os
import re
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import yaml
from django.core.management.base import CommandError, OutputWrapper
from django.utils import timezone
from django.utils.translation import gettext as _
from stamina.instrumentation import set_on_retry_hooks

from billing.connections.change import INTEGRATIONS, PAYMENT_PROVIDERS
from billing.organizations.models import Organization
from customers.lago.client import LagoClient, Telling
from customers.lago.ground import Ground
from customers.lago.intake import Connection
from customers.lago.verdict import Verdict
from customers.management.imports import NOTHING_DONE, ProgressLine

KEY_VARIABLE = "LAGO_API_KEY"
_FIELDS_SHOWN = 20


def add_source(parser: ArgumentParser) -> None:
    """Take the Lago account and the organization."""
    parser.add_argument("--url", metavar="URL", required=True, help="https://api.getlago.com")
    parser.add_argument(
        "--api-key", metavar="KEY",
        help=f"a key that may read; better in the environment as {KEY_VARIABLE}, where other "
        "people on this machine don't see it",
    )  # fmt: skip
    parser.add_argument("--organization", metavar="CODE", help="the organization's code here")
    parser.add_argument(
        "--insecure-http", action="store_true", help="send the key in clear, within one machine"
    )
    parser.add_argument(
        "--no-sections", action="store_true",
        help="leave customers' custom sections out: quicker, since Lago shows them one by one",
    )  # fmt: skip


def open_client(options: dict[str, Any], out: OutputWrapper) -> LagoClient:
    """Return the client for the account that the options name; `out` is told when it must wait.

    :raises LagoRefused: if the address or the key can't be used.
    """
    key = options["api_key"] or os.environ.get(KEY_VARIABLE, "")
    if not key:
        raise CommandError(
            _("Which --api-key? It can stand in the environment as %s.") % KEY_VARIABLE,
            returncode=NOTHING_DONE,
        )
    set_on_retry_hooks([Telling(out.write)])
    return LagoClient(options["url"], key.strip(), insecure_http=options["insecure_http"])


class CountLine:
    """Shows how far something is whose length is told on the way."""

    def __init__(self, out: OutputWrapper, what: str) -> None:
        self._out, self._what = out, what
        self._stack = ExitStack()
        self._line: ProgressLine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def show(self, done: int, total: int) -> None:
        """Show that so many are done, of so many."""
        if self._line is None:
            self._line = self._stack.enter_context(ProgressLine(self._out, total, self._what))
        self._line.show(done)


def difference_file(organization: Organization) -> Path:
    """Return the name of a file for differences, in the working directory."""
    return Path(f"lago-{organization.slug}.differences-{timezone.now():%Y%m%d-%H%M%S}.csv")


def say_verdict(out: OutputWrapper, verdict: Verdict, path: Path) -> None:
    """Say what a comparison came to; the numbers add up to the customers of each side."""
    out.write(
        _("%(theirs)s customers at Lago, %(ours)s here: %(same)s the same, %(different)s differ, "
          "%(missing)s only at Lago, %(only)s only here.")
        % {"theirs": f"{verdict.theirs:,}", "ours": f"{verdict.ours:,}",
           "same": f"{verdict.same:,}", "different": f"{verdict.different:,}",
           "missing": f"{verdict.missing_here:,}", "only": f"{verdict.only_here:,}"}
    )  # fmt: skip
    if verdict.not_shown:
        out.write(_("Lago counts %s customers more than it shows.") % f"{verdict.not_shown:,}")
    for name, count in verdict.by_field.most_common(_FIELDS_SHOWN):
        out.write(f"  {name}: {count:,}")
    if verdict.ground:
        out.write(_("Settings, billing entities, taxes and sections: %s differences.")
                  % f"{verdict.ground:,}")  # fmt: skip
    if verdict.is_clean:
        out.write(_("Nothing differs."))
    elif path.exists():
        out.write(_("Every difference, field by field: %s") % path)


def setup_of_organization(code: str | None, ground: Ground) -> str:
    """Return a set-up file for the organization, as it is called at Lago."""
    theirs = ground.organization
    prefix = theirs.get("document_number_prefix")
    organization = {
        "code": code or "acme",
        "name": theirs.get("name") or code,
        **({"document_number_prefix": prefix} if prefix else {}),
        "billing_entities": [
            {
                "code": ground.default_entity,
                "default": True,
                "name": theirs.get("name") or ground.default_entity,
            }
        ],
    }
    return _yaml({"organizations": [organization]})


def setup_of_connections(code: str, missing: Sequence[Connection]) -> str:
    """Return a set-up file for connections; their secrets come from the environment."""
    organization: dict[str, Any] = {"code": code}
    for one in missing:
        name = one.code or one.type
        organization.setdefault(one.kind, []).append(
            {"type": one.type, "code": name, "name": name} | _secrets(one, name)
        )
    return _yaml({"organizations": [organization]})


def _secrets(one: Connection, name: str) -> dict[str, str]:
    shapes = {"payment_providers": PAYMENT_PROVIDERS, "integrations": INTEGRATIONS}[one.kind]
    shape = shapes.get(one.type)
    stem = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper() or one.type.upper()
    names = sorted(shape.secrets) if shape else []
    return {secret: f"env:{stem}_{secret.upper()}" for secret in names}


def _yaml(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
