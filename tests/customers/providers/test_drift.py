"""What differs at a connection: every customer asked about, by night or by command."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.models import ChangeRecord
from customers.mirrors import Comparison, DriftRound
from customers.models import Customer, ProviderLink
from customers.providers import drift, tasks
from customers.providers.failures import Failure
from tests.billing.builders import make_organization, make_payment_provider
from tests.customers.posting import post

pytestmark = pytest.mark.django_db


@pytest.fixture
def linked(organization, at_stripe, stripe):
    """Six customers linked to Stripe, two of which are not the same there."""
    for number in range(6):
        configuration = {"payment_provider": "stripe", "provider_customer_id": f"cus_{number}"}
        post(
            organization,
            f"c{number}",
            name=f"Customer {number}",
            billing_configuration=configuration,
        )
        stripe.customers[f"cus_{number}"] = {
            "id": f"cus_{number}",
            "name": f"Customer {number}",
            "invoice_settings": {},
        }
    stripe.customers["cus_1"]["name"] = "Ann"
    stripe.customers["cus_4"]["phone"] = "+33 1"
    return at_stripe


def compare_all(organization, *options):
    """Run the command, and return its exit code and what it said."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command(
            "compare_providers",
            *("--organization", organization.slug, "--per-second", "10000", *options),
            stdout=out,
            stderr=err,
        )
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue() + err.getvalue()


class TestCommand:
    def test_names_what_differs_and_changes_neither_side(self, organization, linked, stripe):
        before = (ChangeRecord.objects.count(), str(stripe.customers))

        code, said = compare_all(organization)

        assert code == 1
        assert "6 compared, 2 differ, 0 could not be asked" in said
        assert "c1: name" in said
        assert "c4: phone" in said
        assert (ChangeRecord.objects.count(), str(stripe.customers)) == before
        assert all(call.method == "GET" for call in stripe.calls)

    def test_ends_with_0_if_all_is_the_same(self, organization, linked, stripe):
        for customer in Customer.objects.all():
            found = stripe.customers[customer.provider_link.provider_customer_id]
            found |= {"name": customer.name, "phone": None}

        code, said = compare_all(organization)

        assert code == 0
        assert "0 differ" in said

    def test_says_who_is_not_there_any_more(self, organization, linked, stripe):
        for number in (1, 4):
            del stripe.customers[f"cus_{number}"]

        code, said = compare_all(organization)

        assert code == 1
        assert "0 differ, 2 could not be asked" in said
        assert "c1: No such" in said

    def test_ends_with_2_if_nobody_may_be_asked(self, organization, linked):
        linked.secrets = {"secret_key": "sk_wrong"}
        linked.save()

        code, said = compare_all(organization)

        assert code == 2
        assert "Invalid API Key" in said

    def test_asks_at_no_other_connection(self, organization, linked, stripe):
        other = make_payment_provider(organization, code="other")

        code, _ = compare_all(organization, "--connection", other.code)

        assert (code, stripe.calls) == (0, [])

    def test_knows_no_connection_of_another_organization(self, linked):
        assert list(drift.comparable(make_organization().pk)) == []


class TestRound:
    def test_goes_on_where_it_was_stopped(self, organization, linked, stripe, monkeypatch):
        """Red when the place is kept only at the end of a chunk: some are asked about twice."""
        found = drift.begin(linked)
        real = drift.compare
        calls = []

        def dies(sides):
            calls.append(sides)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return real(sides)

        monkeypatch.setattr(drift, "compare", dies)
        with pytest.raises(KeyboardInterrupt):
            drift.go_on(found)
        monkeypatch.setattr(drift, "compare", real)

        again = drift.begin(linked)
        assert not drift.go_on(again)

        assert again.started_at == found.started_at
        assert again.compared == 6
        paths = [call.path for call in stripe.calls]
        assert len(paths) == len(set(paths)) == 5

    def test_passes_by_whom_it_could_not_ask_about(self, linked, stripe):
        """Red when the place does not move on a failure: one bad answer would end every round."""
        stripe.fail("garbage", times=1)
        found = drift.begin(linked)

        with pytest.raises(Failure):
            drift.go_on(found)
        assert not drift.go_on(found)

        assert found.finished_at is not None
        assert Comparison.objects.filter(theirs__isnull=True).count() == 1

    def test_leaves_deleted_customers_and_those_not_there_yet(self, organization, linked, stripe):
        ProviderLink.objects.filter(provider_customer_id="cus_1").update(provider_customer_id=None)
        Customer.objects.filter(external_id="c4").update(deleted_at="2026-01-01T00:00Z")

        drift.go_on(drift.begin(linked))

        assert len(stripe.calls) == 4
        assert drift.drift_of(linked) == drift.Drift(4, 0, 0)


class TestNight:
    def test_compares_in_small_jobs_with_a_pause(self, linked, monkeypatch):
        monkeypatch.setattr(drift.go_on, "__defaults__", (4,))

        tasks.compare_connections(0)
        first = self._taken()
        tasks.compare_connection(**first.args)
        later = self._taken()
        tasks.compare_connection(**later.args)

        found = DriftRound.objects.get()
        assert (found.compared, found.finished_at is None) == (6, False)
        assert later.scheduled_at - first.scheduled_at > timedelta(seconds=4)
        assert self._waiting() == []

    def test_ends_at_the_night_s_measure(self, linked, monkeypatch):
        monkeypatch.setattr(drift.go_on, "__defaults__", (2,))
        found = drift.begin(linked)

        tasks.compare_connection(str(found.pk), left=drift.PER_JOB)

        found.refresh_from_db()
        assert (found.compared, found.finished_at) == (2, None)
        assert self._waiting() == []

    def test_gives_up_on_a_provider_that_is_down(self, linked, stripe):
        found = drift.begin(linked)
        stripe.fail("error", times=10)

        for failures in range(5):
            tasks.compare_connection(str(found.pk), left=1_000, failures=failures)

        found.refresh_from_db()
        assert found.problem
        assert found.finished_at is None

    def _taken(self):
        """Take the one job there is, as a worker does."""
        [job] = self._waiting()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job.id])
        return job

    def _waiting(self):
        jobs = ProcrastinateJob.objects.filter(task_name="customers.compare_connection")
        return list(jobs.order_by("id"))
