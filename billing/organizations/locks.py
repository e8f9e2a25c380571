"""Which rows are held while the ground floor changes.

The order everywhere is: configuration lock, then the organization's row or customers' rows by
id, then counters.
"""

from uuid import UUID

from django.db import connection

from billing.organizations.models import Organization

# Writers of customers take the same lock, shared, before a customer comes to point to something.
CONFIGURATION_LOCK = 8401
SLUG_LOCK = 8403


def freeze_configuration(organization_id: UUID) -> None:
    """Wait for customers being written, and hold off others, until the transaction ends.

    Take it before anything goes that a customer may point to: a tax, a section, an active
    billing entity, a connection.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))",
            [CONFIGURATION_LOCK, str(organization_id)],
        )


def lock_slug(slug: str) -> None:
    """Hold off others who want the same handle for an organization until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [SLUG_LOCK, slug])


def lock_organization(organization_id: UUID) -> Organization:
    """Return the organization, held against every other change of the ground floor's objects.

    Links to the organization can still be written: they ask for a weaker lock.
    """
    return Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
