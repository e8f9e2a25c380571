"""A crash between an accounting program's answer and our commit: never two records there."""

import pytest

from customers.models import Mirror
from customers.providers.adapter import adapter_of
from customers.providers.sides import IntegrationSide
from customers.providers.turn import Turn
from tests.customers.posting import post
from tests.customers.providers.bookkeeping import ADAPTERS, linked, remote_id
from tests.customers.providers.conftest import come_back, work_off
from tests.customers.providers.dying import Killed, dies, dies_after

pytestmark = pytest.mark.django_db
# Where the worker dies; None is the program's own adapter.
POINTS = {
    "before the call": (None, "create", False),
    "after the answer": (None, "create", True),
    "while storing the id": (IntegrationSide, "store_id", True),
    "before the commit": (Turn, "_succeed", True),
}


@pytest.mark.parametrize("point", POINTS)
class TestCrash:
    def _die(self, monkeypatch, program, point):
        kind, name, after = POINTS[point]
        kind = kind or ADAPTERS[program.kind]
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, dies_after(getattr(kind, name)) if after else dies)
            with pytest.raises(Killed):
                work_off(now=True)

    def test_leaves_one_record(self, organization, program, monkeypatch, point):
        """Red when a creation begins without looking for what an earlier one made."""
        linked(organization, program)
        self._die(monkeypatch, program, point)
        assert remote_id() is None
        program.fake.forget_keys()

        come_back()

        assert list(program.fake.customers) == [remote_id()]
        assert (Mirror.objects.get().state, Mirror.objects.get().todo) == ("ok", [])

    def test_leaves_one_record_though_the_customer_changed(
        self, organization, program, monkeypatch, point
    ):
        """Red when an attempt sends the customer as it is then."""
        linked(organization, program)
        self._die(monkeypatch, program, point)
        post(organization, "c1", name="Bob")
        program.fake.forget_keys()

        come_back()

        assert list(program.fake.customers) == [remote_id()]
        assert adapter_of(program.connection).read(remote_id())["name"] == "Bob"
