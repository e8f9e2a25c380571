"""A page where a customer sets up how to pay, made while the caller waits (customers.md 8)."""

from typing import Any
from uuid import UUID

from billing.errors import Invalid, NotAllowed, NotFound, ThirdPartyRefused, Unreachable
from customers.models import Customer, ProviderLink
from customers.providers.adapter import Adapter, Subject, adapter_of
from customers.providers.events import checkout_form
from customers.providers.failures import Failure, Refused
from customers.providers.turn import asked

# A caller waits for it.
_TIMEOUT = 10.0


def make_checkout(organization_id: UUID, external_id: str) -> dict[str, Any]:
    """Have the provider make the page, and return what the API answers; nothing is written.

    :raises NotFound: if there is no such customer.
    :raises NotAllowed: if the provider's links are stored only.
    :raises Invalid: if there is nothing to set up.
    :raises ThirdPartyRefused, Unreachable: as the provider answers.
    """
    subject, link = _subject(organization_id, external_id)
    adapter = adapter_of(link.connection, _TIMEOUT)
    if adapter is None or not adapter.has_checkout:
        raise NotAllowed("feature_not_supported")
    if adapter.creates and subject.remote_id is None:
        raise Invalid({"base": ["no_linked_payment_provider"]})
    if not adapter.has_checkout_for(subject):
        problem = "no_payment_methods_to_setup_available"
        raise Invalid({"provider_payment_methods": [problem]})
    return checkout_form(link, _ask(adapter, subject))


def _subject(organization_id: UUID, external_id: str) -> tuple[Subject, ProviderLink]:
    customer = (
        Customer.objects.kept()
        .filter(organization_id=organization_id, external_id=external_id)
        .first()
    )
    if customer is None:
        raise NotFound("customer")
    links = ProviderLink.objects.select_related("connection", "customer")
    link = links.filter(organization_id=organization_id, customer_id=customer.pk).first()
    if link is None:
        raise Invalid({"base": ["no_linked_payment_provider"]})
    return Subject(customer, link), link


def _ask(adapter: Adapter, subject: Subject) -> str:
    try:
        return asked(adapter, lambda: adapter.checkout_url(subject))
    except Refused as refusal:
        # `Gocardless`: the wire has a capital at the beginning only.
        third_party = str(adapter.connection.type).capitalize()
        raise ThirdPartyRefused(third_party, refusal.message) from refusal
    except Failure as failure:
        raise Unreachable(failure.message) from failure
