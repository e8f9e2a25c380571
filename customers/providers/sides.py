"""Where a mirror's customer, link and events are found: at payment providers, at integrations."""

from abc import ABC, abstractmethod
from typing import Any
from uuid import UUID

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from customers.change import CustomerChange
from customers.mirrors import Mirror
from customers.models import Customer, IntegrationLink, ProviderLink
from customers.providers import events
from customers.providers.adapter import Failure, Subject
from customers.write import write_customer


class Side(ABC):
    """One of the two kinds of links."""

    @abstractmethod
    def subject(self, mirror: Mirror, *, lock: bool = False) -> Subject | None:
        """Return the customer and its link to the mirror's connection; None if either is gone.

        :param lock: hold the customer until the end of the transaction.
        """

    @abstractmethod
    def store_id(self, subject: Subject, remote_id: str) -> None:
        """Write the id by which the other side knows the customer, and tell of it."""

    @abstractmethod
    def announce_failure(self, subject: Subject, failure: Failure) -> None:
        """Tell that the other side refused, or could not be reached for too long."""


class ProviderSide(Side):
    """Links to payment providers."""

    def subject(self, mirror: Mirror, *, lock: bool = False) -> Subject | None:
        """Return the customer and its link to the mirror's connection."""
        customer = _customer_of(mirror, lock=lock)
        link = (
            ProviderLink.objects.select_related("connection", "customer")
            .filter(
                organization_id=mirror.organization_id,
                customer_id=mirror.customer_id,
                connection_id=mirror.payment_provider_id,
            )
            .first()
        )
        return Subject(customer, link) if customer and link else None

    def store_id(self, subject: Subject, remote_id: str) -> None:
        """Write the id as every change of a customer is written."""
        store_provider_id(subject.customer, str(subject.link.connection), remote_id)

    def announce_failure(self, subject: Subject, failure: Failure) -> None:
        """Tell of it as an event of the customer."""
        if isinstance(subject.link, ProviderLink):
            events.announce_failure(subject.link, failure)


def store_provider_id(customer: Customer, provider: str, remote_id: str) -> None:
    """Write what a provider calls a customer, and tell of it; call it in a transaction.

    :param provider: who gave the id, for the history.
    """
    actor = Actor(ChangeRecord.Door.PROVIDER, provider)
    configuration = {"provider_customer_id": remote_id}
    change = CustomerChange.read(
        {"external_id": customer.external_id, "billing_configuration": configuration}
    )
    write_customer(customer.organization_id, change, actor)
    events.announce_created(customer)


class IntegrationSide(Side):
    """Links to integrations; those of a partner rest (contract: customers.md 2.10)."""

    def subject(self, mirror: Mirror, *, lock: bool = False) -> Subject | None:
        """Return the customer and its link to the mirror's connection."""
        customer = _customer_of(mirror, lock=lock)
        link = (
            IntegrationLink.objects.select_related("connection", "customer")
            .filter(
                organization_id=mirror.organization_id,
                customer_id=mirror.customer_id,
                connection_id=mirror.integration_id,
            )
            .first()
        )
        if customer is None or customer.account_type == Customer.AccountType.PARTNER:
            return None
        return Subject(customer, link) if link else None

    def store_id(self, subject: Subject, remote_id: str) -> None:
        """Write the id as every change of a customer is written."""
        customer, link = subject
        assert isinstance(link, IntegrationLink)  # noqa: S101  # mypy: it is of this side
        actor = Actor(ChangeRecord.Door.PROVIDER, str(link.connection))
        change = CustomerChange.naming(customer.external_id, link.pk, remote_id)
        write_customer(customer.organization_id, change, actor)
        events.announce_booked(link)

    def announce_failure(self, subject: Subject, failure: Failure) -> None:
        """Tell of it as an event of the customer."""
        if isinstance(subject.link, IntegrationLink):
            events.announce_integration_failure(subject.link, failure)


def _customer_of(mirror: Mirror, *, lock: bool) -> Customer | None:
    customers = Customer.objects.kept().filter(
        organization_id=mirror.organization_id, pk=mirror.customer_id
    )
    return (customers.select_for_update(no_key=True) if lock else customers).first()


_PROVIDERS = ProviderSide()
_INTEGRATIONS = IntegrationSide()


def side_of(mirror: Mirror) -> Side:
    """Return the side that a mirror is on."""
    return _PROVIDERS if mirror.payment_provider_id else _INTEGRATIONS


def mirror_at(organization_id: UUID, customer_id: UUID, **connection: UUID) -> Mirror:
    """Return the mirror of a customer at a connection, made if there is none.

    :param connection: `payment_provider_id` or `integration_id`.
    """
    key: dict[str, Any] = {"organization_id": organization_id, "customer_id": customer_id}
    return Mirror.objects.get_or_create(**{**key, **connection})[0]
