"""Sync in the back office: how the connections do, and notices that could not be handled."""

import pytest
from django.core.cache import cache
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from customers.mirrors import Comparison, Mirror, ProviderEvent
from customers.providers import drift
from tests.billing.builders import make_integration, make_organization, make_payment_provider
from tests.customers.builders import make_customer
from tests.staff import sign_in, text_of

pytestmark = pytest.mark.django_db
PAGE = "/admin/sync/"


def make_event(connection, **values):
    return ProviderEvent.objects.create(
        organization=connection.organization,
        connection=connection,
        remote_id=f"evt_{ProviderEvent.objects.count()}",
        happened_at=timezone.now(),
        **{"type": "customer.updated", "state": "failed", "error": "No luck.", "attempts": 6}
        | values,
    )


def make_mirror(connection, state="failed", **values):
    customer = make_customer(connection.organization)
    kind = "payment_provider" if connection._meta.model_name == "paymentprovider" else "integration"
    return Mirror.objects.create(
        organization=connection.organization,
        customer=customer,
        state=state,
        error_at=timezone.now(),
        **{kind: connection},
        **values,
    )


def queues_of(organization):
    cache.clear()
    shown = sign_in(organization).get("/admin/").context["queues"]
    return {one["queue"].key: (one["number"], one["link"]) for one in shown}


class TestHome:
    def test_counts_failures_of_both_kinds_apart(self, organization):
        make_mirror(make_payment_provider(organization))
        make_mirror(make_integration(organization))
        make_mirror(make_integration(organization, code="second"))
        make_mirror(make_payment_provider(make_organization()))

        found = queues_of(organization)

        assert found["failed_provider"][0] == "1"
        assert found["failed_integration"][0] == "2"

    @pytest.mark.parametrize("key", ["failed_provider", "failed_integration"])
    def test_leads_to_exactly_these_customers(self, organization, key):
        provider = make_mirror(make_payment_provider(organization))
        integration = make_mirror(make_integration(organization))
        wanted = provider if key == "failed_provider" else integration

        _, link = queues_of(organization)[key]
        page = sign_in(organization).get(link).content.decode()

        shown = {one.customer_id for one in (provider, integration) if str(one.customer_id) in page}
        assert shown == {wanted.customer_id}

    def test_counts_what_differs_and_what_was_not_handled(self, organization, at_stripe):
        mirror = make_mirror(at_stripe, state="ok")
        Comparison.objects.create(
            organization=organization, mirror=mirror, remote_id="cus_1",
            asked_at=timezone.now(), theirs={"name": "Bob"}, differing=["name"],
        )  # fmt: skip
        make_event(at_stripe)
        make_event(at_stripe, state="done")

        found = queues_of(organization)

        assert (found["differs"][0], found["provider_events"]) == ("1", ("1", PAGE))


class TestSyncPage:
    def test_shows_how_each_connection_does(self, organization, at_stripe):
        make_mirror(at_stripe)
        make_mirror(at_stripe, state="queued", todo=["create"])
        make_payment_provider(organization, code="mh", name="Hash", type="moneyhash")

        page = text_of(sign_in(organization).get(PAGE))

        assert "Stored only: Tarn does not call MoneyHash." in page
        assert "not yet; it is done every night" in page

    def test_is_linked_from_the_connections(self, organization, at_stripe):
        answer = sign_in(organization, role="operator").get("/admin/billing/paymentprovider/")

        assert f'href="{PAGE}"><span' in answer.content.decode()

    def test_begins_a_round(self, organization, at_stripe):
        client = sign_in(organization)

        client.post(PAGE, {"do": "compare", "id": at_stripe.pk})
        client.post(PAGE, {"do": "compare", "id": at_stripe.pk})

        waiting = ProcrastinateJob.objects.filter(task_name="customers.compare_connection")
        assert waiting.count() == 1
        assert "Under way" in text_of(client.get(PAGE))

    def test_says_why_a_round_could_not_go_on(self, organization, at_stripe):
        found = drift.begin(at_stripe)
        drift.stop(found, inbound_failure := drift.Failure("Stripe could not be reached."))

        assert inbound_failure.message in text_of(sign_in(organization).get(PAGE))

    def test_lists_what_could_not_be_handled_with_the_reason(self, organization, at_stripe):
        make_event(at_stripe, error="<script>No luck.</script>")
        make_event(at_stripe, type="setup_intent.succeeded", state="done")
        make_event(make_payment_provider(make_organization()), error="Elsewhere.")

        answer = sign_in(organization, role="viewer").get(PAGE)

        assert "&lt;script&gt;No luck." in answer.content.decode()
        assert "setup_intent" not in text_of(answer)
        assert "Elsewhere." not in text_of(answer)
        assert "Handle again" not in text_of(answer)

    def test_has_one_handled_again(self, organization, at_stripe):
        event = make_event(at_stripe)

        sign_in(organization).post(PAGE, {"do": "again", "id": event.pk})

        event.refresh_from_db()
        assert (event.state, event.attempts) == ("waiting", 0)
        [job] = ProcrastinateJob.objects.filter(task_name="customers.handle_provider_event")
        assert job.args == {"event_id": str(event.pk)}

    def test_has_nothing_of_others_handled_or_compared(self, organization):
        """Red when the organization is left out of either."""
        theirs = make_payment_provider(make_organization())
        event = make_event(theirs)
        client = sign_in(organization)

        answers = [
            client.post(PAGE, {"do": "again", "id": event.pk}),
            client.post(PAGE, {"do": "compare", "id": theirs.pk}),
            client.post(PAGE, {"do": "again", "id": "x"}),
        ]

        assert [one.status_code for one in answers] == [404, 404, 404]
        assert not ProcrastinateJob.objects.exists()
