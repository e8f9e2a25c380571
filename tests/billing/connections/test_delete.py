"""Deleting a connection: only where nothing hangs on it."""

from typing import Any

import pytest

from billing.connections.write import delete_connection
from billing.errors import NotAllowed, NotFound
from billing.events.actor import SYSTEM
from billing.models import ChangeRecord, Integration, Organization, PaymentProvider
from customers.models import Customer, IntegrationLink, ProviderLink
from tests.billing.builders import make_integration, make_organization, make_payment_provider
from tests.customers.builders import make_customer


class TestDeleteConnection:
    def test_deletes_and_records_it(self, organization: Organization) -> None:
        provider = make_payment_provider(organization, secrets={"secret_key": "sk_live_canary"})

        delete_connection(PaymentProvider, organization.id, provider.code, SYSTEM)

        record = ChangeRecord.objects.latest("id")
        assert not PaymentProvider.objects.exists()
        assert (record.resource, record.action) == ("payment_provider", "deleted")
        assert "canary" not in str(record.changes)

    @pytest.mark.parametrize("deleted", [False, True])
    @pytest.mark.parametrize("kind", [PaymentProvider, Integration])
    def test_refuses_while_a_customer_is_linked(
        self, organization: Organization, kind: Any, deleted: bool
    ) -> None:
        """Seen to fail without the count of linked customers."""
        make = make_payment_provider if kind is PaymentProvider else make_integration
        connection, customer = make(organization), make_customer(organization)
        values: Any = {"organization": organization, "customer": customer}
        if kind is PaymentProvider:
            ProviderLink.objects.create(connection=connection, **values)
        else:
            IntegrationLink.objects.create(connection=connection, type="netsuite", **values)
        if deleted:
            Customer.objects.update(deleted_at="2026-01-01T00:00:00Z")
        records = ChangeRecord.objects.count()

        with pytest.raises(NotAllowed):
            delete_connection(kind, organization.id, connection.code, SYSTEM)

        assert kind.objects.exists()
        assert ChangeRecord.objects.count() == records

    def test_finds_none_of_another_organization(self, organization: Organization) -> None:
        provider = make_payment_provider(make_organization())

        with pytest.raises(NotFound):
            delete_connection(PaymentProvider, organization.id, provider.code, SYSTEM)
