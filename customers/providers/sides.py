"""Where a mirror's customer, link and events are found: at payment providers, at integrations."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from typing import Any, ClassVar, TypeGuard
from uuid import UUID

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from customers.change import CustomerChange
from customers.mirrors import Mirror
from customers.models import Customer, IntegrationLink, ProviderLink
from customers.providers import events
from customers.providers.adapter import Link, Subject
from customers.write import write_customer


class Side(ABC):
    """One of the two kinds of links."""

    links: ClassVar[type[Link]]

    def subjects(self, mirrors: Iterable[Mirror]) -> dict[UUID, Subject]:
        """Return the customers and their links to the mirrors' connections, by mirror.

        Those that are gone are left out.
        """
        mirrors = list(mirrors)
        found = self.links.objects.select_related("customer").prefetch_related("connection")
        links: dict[tuple[UUID, UUID | None], Link] = {
            (link.customer_id, link.connection_id): link
            for link in found.filter(
                organization_id__in={one.organization_id for one in mirrors},
                customer_id__in={one.customer_id for one in mirrors},
                customer__deleted_at=None,
            )
        }
        linked = ((one.pk, links.get((one.customer_id, connection_id(one)))) for one in mirrors)
        return {pk: Subject(link.customer, link) for pk, link in linked if self._is_active(link)}

    def subject(self, mirror: Mirror, *, lock: bool = False) -> Subject | None:
        """Return the customer and its link to the mirror's connection; None if either is gone.

        :param lock: hold the customer until the end of the transaction.
        """
        if lock:
            customers = Customer.objects.select_for_update(no_key=True)
            held = customers.filter(organization_id=mirror.organization_id, pk=mirror.customer_id)
            list(held.values_list("pk"))
        return self.subjects([mirror]).get(mirror.pk)

    def _is_active(self, link: Link | None) -> TypeGuard[Link]:
        return link is not None

    @abstractmethod
    def store_id(self, subject: Subject, remote_id: str) -> None:
        """Write the id by which the other side knows the customer, and tell of it."""


def connection_id(mirror: Mirror) -> UUID | None:
    """Return the id of the mirror's connection, of whichever kind."""
    return mirror.payment_provider_id or mirror.integration_id


class ProviderSide(Side):
    """Links to payment providers."""

    links = ProviderLink

    def store_id(self, subject: Subject, remote_id: str) -> None:
        """Write the id as every change of a customer is written."""
        store_provider_id(subject.customer, str(subject.link.connection), remote_id)


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

    links = IntegrationLink

    def _is_active(self, link: Link | None) -> TypeGuard[Link]:
        return link is not None and link.customer.account_type != Customer.AccountType.PARTNER

    def store_id(self, subject: Subject, remote_id: str) -> None:
        """Write the id as every change of a customer is written."""
        customer, link = subject
        assert isinstance(link, IntegrationLink)  # noqa: S101  # mypy: it is of this side
        actor = Actor(ChangeRecord.Door.PROVIDER, str(link.connection))
        change = CustomerChange.naming(customer.external_id, link.pk, remote_id)
        write_customer(customer.organization_id, change, actor)
        events.announce_booked(link)


_PROVIDERS = ProviderSide()
_INTEGRATIONS = IntegrationSide()


def side_of(mirror: Mirror) -> Side:
    """Return the side that a mirror is on."""
    return _PROVIDERS if mirror.payment_provider_id else _INTEGRATIONS


def subjects_of(mirrors: Collection[Mirror]) -> dict[UUID, Subject]:
    """Return the customers and links of mirrors, of both sides, by mirror."""
    found: dict[UUID, Subject] = {}
    for side in (_PROVIDERS, _INTEGRATIONS):
        ours = [mirror for mirror in mirrors if side_of(mirror) is side]
        found |= side.subjects(ours) if ours else {}
    return found


def mirror_at(organization_id: UUID, customer_id: UUID, **connection: UUID) -> Mirror:
    """Return the mirror of a customer at a connection, made if there is none.

    :param connection: `payment_provider_id` or `integration_id`.
    """
    key: dict[str, Any] = {"organization_id": organization_id, "customer_id": customer_id}
    return Mirror.objects.get_or_create(**{**key, **connection})[0]
