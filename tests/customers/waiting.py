"""Work that waits for somebody, in each queue of Home."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from billing.models import Organization
from customers.intakes import Import
from customers.mirrors import Comparison, Mirror
from customers.models import (
    Customer,
    DuplicatePair,
    Proposal,
    ProviderEvent,
    ProviderLink,
    TaxNumberProblem,
)
from customers.pairs import search_pairs
from customers.tax_numbers import check_changed_numbers
from tests.billing.builders import make_integration, make_payment_provider
from tests.customers.builders import make_customers

BAD_NUMBER = "FR41303265045"


def make_waiting_work(organization: Organization, at: datetime) -> None:
    """Have one piece of work wait in each queue since a moment."""
    own: dict[str, Any] = {"organization": organization}
    wish = {"email": "a@b.test", "tax_identification_number": BAD_NUMBER, "country": "FR"}
    one, other = make_customers(organization, [wish] * 2)
    check_changed_numbers()
    search_pairs(organization.pk)
    TaxNumberProblem.objects.filter(customer=other).delete()
    _fail_at_providers(own | {"customer": one}, at)
    Import.objects.create(**own, state="done", refused=1, file_size=1, ended_at=at)
    changes = {"city": [None, "Lyon"]}
    Proposal.objects.create(**own, customer=one, token=uuid4(), changes=changes, created_at=at)
    Customer.objects.filter(**own).update(updated_at=at)
    DuplicatePair.objects.filter(**own).update(found_at=at)
    TaxNumberProblem.objects.filter(**own).update(found_at=at)
    ProviderEvent.objects.filter(**own).update(received_at=at)


def _fail_at_providers(link: dict[str, Any], at: datetime) -> None:
    organization = link["organization"]
    provider = make_payment_provider(organization, code="w1", refused_since=at)
    ProviderLink.objects.create(**link, connection=provider, sync=False, sync_with_provider=True)
    failed = link | {"state": "failed", "error_at": at}
    Mirror.objects.create(**failed, integration=make_integration(organization, code="w2"))
    mirror = Mirror.objects.create(**failed, payment_provider=provider)
    Comparison.objects.create(
        organization=organization, mirror=mirror, remote_id="x", asked_at=at, differing=["name"]
    )
    ProviderEvent.objects.create(
        organization=organization, connection=provider, remote_id="e", type="t", happened_at=at,
        state="failed",
    )  # fmt: skip
