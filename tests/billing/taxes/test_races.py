"""Taxes that are made, deleted and used at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from billing.errors import Invalid, NotFound
from billing.events.actor import SYSTEM
from billing.models import Tax
from billing.taxes.change import TaxChange
from billing.taxes.write import create_tax, delete_tax
from customers.models import AppliedTax
from customers.write import write_customer
from tests.billing.builders import make_organization, make_tax
from tests.billing.racing import start, together, wait_until_waiting
from tests.customers.posting import wish

pytestmark = pytest.mark.django_db(transaction=True)


class TestCreateTax:
    def test_gives_a_code_once(self):
        """Seen to fail, with an IntegrityError, when `lock_organization` locks nothing."""
        organization = make_organization()

        def create(number):
            change = TaxChange(name=f"Tax {number}", code="vat", rate=number)
            return lambda: create_tax(organization.id, change, SYSTEM)

        outcomes = together(*map(create, range(8)))

        refusals = [found.problems for found in outcomes if isinstance(found, Invalid)]
        assert refusals == [{"code": ["value_already_exist"]}] * 7
        assert sum(isinstance(found, Tax) for found in outcomes) == 1


class TestDeleteTax:
    def test_lets_no_customer_take_the_tax_meanwhile(self):
        """Seen to fail when `freeze_configuration` locks nothing: a link to a deleted tax stays.

        The customer comes while the deletion is between its unlinking and its end.
        """
        organization = make_organization()
        make_tax(organization, code="vat")
        change = wish("c1", tax_codes=["vat"])

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                delete_tax(organization.id, "vat", SYSTEM)
                customer = start(pool, lambda: write_customer(organization.id, change, SYSTEM))
                wait_until_waiting(1)
            with pytest.raises(NotFound):
                customer.result(20)

        assert not AppliedTax.objects.exists()

    def test_waits_for_a_customer_that_takes_the_tax(self):
        """Seen to fail when `freeze_configuration` locks nothing: the link outlives the tax."""
        organization = make_organization()
        make_tax(organization, code="vat")

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                write_customer(organization.id, wish("c1", tax_codes=["vat"]), SYSTEM)
                deletion = start(pool, lambda: delete_tax(organization.id, "vat", SYSTEM))
                wait_until_waiting(1)
            deletion.result(20)

        assert not AppliedTax.objects.exists()
        assert Tax.objects.get().deleted_at is not None
