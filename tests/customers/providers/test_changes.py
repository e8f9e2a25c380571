"""Changes on their way to the mirrors: none lost, none twice, in order, and few jobs."""

import asyncio
import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from billing import waking
from billing.models import PaymentProvider
from billing.webhooks.models import Event
from customers.models import Customer, Mirror, MirrorChange
from customers.providers import changes
from customers.providers.changes import see_to_changes
from tests.billing.racing import together
from tests.customers.posting import post
from tests.customers.providers.conftest import events, jobs
from tests.customers.providers.dying import Killed, dies_after

pytestmark = pytest.mark.django_db
SYNC = {"payment_provider": "stripe", "sync_with_provider": True}


def linked(organization, external_id="c1", **values):
    return post(organization, external_id, billing_configuration=SYNC, **values)


def waiting():
    return MirrorChange.objects.count()


class TestManyChanges:
    def test_take_one_job_to_see_to_them_and_one_for_each_customer(self, organization, at_stripe):
        """Red with a job for each change, as red as with none."""
        for number in range(9):
            linked(organization, f"c{number % 3}", name=f"Ann {number}")
        assert [job.task_name for job in jobs()] == ["customers.mirror_changes"]
        assert waiting() == 9

        assert see_to_changes()

        assert waiting() == 0
        begun = jobs("customers.continue_mirror")
        assert len(begun) == 3
        assert {job.args["mirror_id"] for job in begun} == {
            str(pk) for pk in Mirror.objects.filter(todo=["create"]).values_list("pk", flat=True)
        }
        assert not see_to_changes()

    def test_matter_to_no_customer_without_a_link(self, organization, at_stripe):
        post(organization, "c1", name="Ann")
        post(organization, "c1", name="Bob")

        assert (waiting(), jobs()) == (0, [])

    def test_leave_the_job_of_a_mirror_that_has_one(self, organization, at_stripe):
        linked(organization, name="Ann")
        see_to_changes()
        linked(organization, name="Bob")

        see_to_changes()

        assert len(jobs("customers.continue_mirror")) == 1

    def test_lose_nothing_when_their_worker_dies(self, organization, at_stripe, monkeypatch):
        """Red where the changes are taken off in a transaction of their own."""
        linked(organization, name="Ann")
        with monkeypatch.context() as patch:
            patch.setattr(changes, "_keep", dies_after(changes._keep))
            with pytest.raises(Killed):
                see_to_changes()
        assert (waiting(), Mirror.objects.count(), jobs("customers.continue_mirror")) == (1, 0, [])

        see_to_changes()

        assert (waiting(), len(jobs("customers.continue_mirror"))) == (0, 1)

    def test_are_held_up_by_none_that_is_unfit(self, organization, at_stripe, monkeypatch):
        """Red where changes are seen to all or none."""
        unfit = linked(organization, "unfit", name="Ann").customer_id
        linked(organization, "fit", name="Bob")
        steps_after = changes.steps_after

        def steps(change, adapter, subject, **more):
            if subject.customer.pk == unfit:
                raise ValueError("of no sense")
            return steps_after(change, adapter, subject, **more)

        with monkeypatch.context() as patch:
            patch.setattr(changes, "steps_after", steps)
            see_to_changes()
            assert not see_to_changes()
        assert len(jobs("customers.continue_mirror")) == 1
        assert MirrorChange.objects.get().put_off_until > timezone.now() + timedelta(minutes=9)

        MirrorChange.objects.update(put_off_until=timezone.now() - timedelta(minutes=1))
        see_to_changes()

        assert (waiting(), len(jobs("customers.continue_mirror"))) == (0, 2)


class TestConnectionWithoutSecrets:
    @pytest.fixture(autouse=True)
    def bare(self, at_stripe):
        at_stripe.secrets = {}
        at_stripe.save()

    def test_refuses_without_a_job(self, organization, listener):
        """Red without the refusal at once: a job for each, and transactions by the dozen."""
        for external_id in ("c1", "c2"):
            linked(organization, external_id, name="Ann")

        see_to_changes()

        assert jobs("customers.continue_mirror") == []
        assert events() == ["customer.payment_provider_error"] * 2
        error = Event.objects.filter(event_type=events()[0]).first()
        assert '"error_code":"secret_key_missing"' in error.snapshot
        mirror = Mirror.objects.first()
        assert (mirror.state, mirror.failed_step, mirror.todo) == ("failed", "create", [])
        assert (mirror.error_code, mirror.creation_key) == ("secret_key_missing", None)
        assert PaymentProvider.objects.get().refused_since is not None

    def test_leaves_what_was_begun_to_who_began_it(self, organization):
        """Red where any creation is given up: what it made there would be made again."""
        linked(organization, name="Ann")
        see_to_changes()
        Mirror.objects.update(creation_key="5eb02857-a71e-4ea2-bcf9-57d3a41bc6ba", uncertain=True)
        linked(organization, name="Bob")

        see_to_changes()

        assert len(jobs("customers.continue_mirror")) == 1
        assert Mirror.objects.get().todo == ["create"]


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_sees_a_change_that_is_committed_after_its_job_was_taken(
        self, organization, at_stripe, monkeypatch
    ):
        """Red with no patience: the job is over before the change is to be seen."""
        monkeypatch.setattr(waking, "PATIENCE", 0.5)
        written, taken = threading.Event(), threading.Event()

        def write_slowly():
            with transaction.atomic():
                linked(organization, name="Ann")
                written.set()
                taken.wait(30)
            connection.close()

        def look():
            try:
                return see_to_changes()
            finally:
                taken.set()

        writer = threading.Thread(target=write_slowly)
        writer.start()
        written.wait(30)
        asyncio.run(waking.work_off(look))
        writer.join()

        assert (waiting(), Mirror.objects.get().todo) == (0, ["create"])

    def test_lets_nobody_overtake(self, organization, at_stripe, monkeypatch):
        """Red without the lock of the taker: the second change would be seen to first."""
        linked(organization, name="Ann")
        keep = changes._keep

        def keep_while_another_looks(*args, **kwargs):
            linked(organization, name="Bob")
            together(see_to_changes)
            assert waiting() == 2  # one of them ours, until the commit
            return keep(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(changes, "_keep", keep_while_another_looks)
            assert changes._see_to(1) == 1

        assert waiting() == 1

    def test_loses_nothing_of_many_writers_to_two_workers(self, organization, at_stripe):
        """Red where a change is taken off and its mirror is not kept."""
        done = threading.Event()

        def write(number):
            for turn in range(3):
                linked(organization, f"c{number % 8}-{turn}", name=f"Ann {number}")

        def see():
            while not done.is_set() or waiting():
                see_to_changes()
            close_old_connections()

        workers = [threading.Thread(target=see) for _ in range(2)]
        for worker in workers:
            worker.start()
        found = together(*(partial(write, number) for number in range(16)))
        done.set()
        for worker in workers:
            worker.join()

        assert found == [None] * 16
        assert Customer.objects.count() == Mirror.objects.filter(todo=["create"]).count() == 24
        begun = {job.args["mirror_id"] for job in jobs("customers.continue_mirror")}
        assert len(begun) == len(jobs("customers.continue_mirror")) == 24
