"""`manage.py create_api_key ORGANIZATION`: make a key for a program."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic_core import PydanticCustomError

from billing.api.keys import FUTURE_RESOURCES, READ, RESOURCES, WRITE, create_api_key
from billing.errors import Invalid
from billing.models import Organization
from billing.setup.access import point_in_time
from billing.setup.problems import guess
from billing.staff.sentences import sentence


class Command(BaseCommand):
    """Makes an API key and shows it, this once."""

    help = "Make an API key of an organization. The key is the last line; it is not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the organization, and what the key is for."""
        parser.add_argument("organization", metavar="ORGANIZATION", nargs="?", help="its code")
        parser.add_argument("--name", default="", help="what the key is for")
        parser.add_argument(
            "--permission",
            action="extend",
            nargs="+",
            metavar="RESOURCE:MODE",
            help="such as customer:read tax:write. Without any the key may do everything",
        )
        parser.add_argument("--expires-at", metavar="TIME", help="such as 2030-01-31T00:00:00Z")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the key."""
        code, given = options["organization"], options["permission"] or []
        if code is None and given and ":" not in given[-1]:
            *given, code = given  # it was said last: create_api_key --permission tax:read acme
        organization = _find(code)
        permissions = _permissions(given)
        try:
            expires_at = point_in_time(options["expires_at"])
        except PydanticCustomError:
            raise CommandError(
                f"“{options['expires_at']}” is no time. Write it like 2030-01-31T00:00:00Z."
            ) from None
        try:
            _, key = create_api_key(organization, options["name"], permissions, expires_at)
        except Invalid as refusal:
            [(field, codes), *_] = refusal.problems.items()
            raise CommandError(f"{field}: {sentence(field, codes[0], options['name'])}") from None
        self.stdout.write(f"A key of {organization.slug}; it is shown only now:")
        self.stdout.write(key)


def _find(code: str | None) -> Organization:
    if code is None:
        raise CommandError("Say whose key this is: create_api_key ORGANIZATION.")
    found = Organization.objects.filter(slug=code).first()
    if found is None:
        known = Organization.objects.values_list("slug", flat=True)
        raise CommandError(f"There is no organization {code}.{guess(code, known)}")
    return found


def _permissions(given: list[str]) -> dict[str, list[str]] | None:
    """Return the permissions by resource; None allows everything."""
    if not given:
        return None
    permissions: dict[str, list[str]] = {}
    for text in given:
        resource, _, mode = text.partition(":")
        known = RESOURCES | FUTURE_RESOURCES
        if resource not in known:
            raise CommandError(f"There is no resource {resource}.{guess(resource, known)}")
        if mode not in (READ, WRITE):
            raise CommandError(f"{text} must end with :{READ} or :{WRITE}.")
        permissions.setdefault(resource, []).append(mode)
    return permissions
