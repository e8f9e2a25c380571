"""Forms that no page of ours makes are refused, and who sent them is written down."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from structlog.testing import capture_logs

from billing.models import Organization
from customers.batches import Batch
from tests.billing.builders import make_organization, make_tax, make_webhook_endpoint
from tests.customers.builders import make_customer
from tests.customers.bulk.work import preview
from tests.staff import records, sign_in

Sending = Callable[..., tuple[HttpResponse, list[Mapping[str, Any]]]]


@pytest.fixture
def lead(organization: Organization) -> Client:
    """The browser of a finance lead."""
    return sign_in(organization, role="finance_lead")


@pytest.fixture
def send(lead: Client) -> Sending:
    """Send a form; return the answer and what was written down of tampering."""

    def sending(address: str, /, client: Client | None = None, **data: Any) -> Any:
        with capture_logs() as logs:
            answer = (client or lead).post(address, data)
        return answer, [one for one in logs if one["event"].endswith("_form")]

    return sending


class TestTamperedForms:
    """Seen to fail with the middleware taken out of the settings."""

    def test_with_customers_of_somebody_else_are_written_down(
        self, organization: Organization, lead: Client, send: Sending
    ) -> None:
        theirs = make_customer(make_organization(name="Hooli"))
        recorded = records()

        answer, logs = send(
            reverse("admin:customers_bulk"),
            organization=organization.pk,
            kind="delete",
            customer=[theirs.pk],
        )

        [line] = logs
        assert answer.status_code == 302
        assert (records(), Batch.objects.count()) == (recorded, 0)
        assert line == {
            "event": "tampered_form",
            "log_level": "warning",
            "person": str(get_user(lead).pk),  # type: ignore[arg-type]  # has a session
            "organization": str(organization.pk),
            "route": "admin/customers/bulk/new/",
            "fields": ["customer"],
        }

    def test_for_an_organization_of_somebody_else_are_written_down(self, send: Sending) -> None:
        theirs = make_organization(name="Hooli")

        _, [line] = send(reverse("admin:customers_views"), organization=theirs.pk, do="save")

        assert line["fields"] == ["organization"]

    def test_for_no_organization_at_all_are_written_down(self, send: Sending) -> None:
        _, [line] = send(reverse("admin:customers_views"), organization="x'--", do="save")

        assert line["fields"] == ["organization"]

    def test_with_a_page_of_somebody_else_are_written_down(self, send: Sending) -> None:
        theirs = make_customer(make_organization(name="Hooli"))

        answer, [line] = send(reverse("admin:customers_customer_delete", args=[theirs.pk]))

        assert answer.status_code == 404
        assert line["fields"] == ["customer_id"]

    def test_with_a_row_of_somebody_else_are_written_down(self, send: Sending) -> None:
        theirs = make_tax(make_organization(name="Hooli"))

        answer, [line] = send(reverse("admin:billing_tax_change", args=[theirs.pk]), name="x")

        theirs.refresh_from_db()
        assert (answer.status_code, theirs.name == "x") == (302, False)
        assert line["fields"] == ["object_id"]

    def test_without_their_hidden_fields_are_written_down(
        self, organization: Organization, send: Sending
    ) -> None:
        tax = make_tax(organization)

        _, [line] = send(reverse("admin:billing_tax_change", args=[tax.pk]), name="x", seen="[")

        tax.refresh_from_db()
        assert tax.name != "x"
        assert line["fields"] == ["__all__"]

    def test_asking_for_what_no_button_does_are_written_down(
        self, organization: Organization, send: Sending
    ) -> None:
        batch = preview(organization, [make_customer(organization)], Batch.Kind.DELETE)

        answer, [line] = send(
            reverse("admin:customers_batch", args=[batch.pk]),
            organization=organization.pk,
            do="explode",
        )

        assert answer.status_code == 404
        assert line["fields"] == ["do"]

    def test_of_who_may_not_are_written_down(
        self, organization: Organization, send: Sending
    ) -> None:
        endpoint = make_webhook_endpoint(organization)
        viewer = sign_in(organization, role="viewer")
        address = reverse("admin:endpoint_action", args=[endpoint.pk])

        answer, [line] = send(address, client=viewer, do="pause")

        assert answer.status_code == 403
        assert line["event"] == "forbidden_form"

    def test_never_have_their_values_written_down(self, send: Sending) -> None:
        theirs = make_organization(name="Hooli")

        _, logs = send(reverse("admin:customers_views"), organization=theirs.pk, name="Ann Smith")

        assert str(theirs.pk) not in str(logs)
        assert "Ann" not in str(logs)


class TestHonestForms:
    def test_are_not_written_down(self, organization: Organization, send: Sending) -> None:
        answer, logs = send(
            reverse("admin:customers_columns"), organization=organization.pk, column=["name"]
        )

        assert (answer.status_code, logs) == (302, [])

    def test_opened_in_another_of_my_organizations_are_not_written_down(
        self, organization: Organization, send: Sending
    ) -> None:
        """Two tabs are no attack."""
        other = make_organization(name="Zeta")
        both = sign_in(organization, other, role="finance_lead")

        _, logs = send(reverse("admin:customers_views"), client=both, organization=other.pk)

        assert logs == []

    def test_of_strangers_are_not_written_down(self, db: None) -> None:
        with capture_logs() as logs:
            Client().post(reverse("admin:customers_views"), {"organization": str(uuid4())})

        assert [one for one in logs if one["event"].endswith("_form")] == []
