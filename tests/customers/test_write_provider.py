"""The payment provider of a customer (customers.md 2.7)."""

import pytest

from customers.models import ProviderLink
from tests.billing.builders import make_organization, make_payment_provider
from tests.customers.posting import post, refused, shown, unchanged

NOT_FOUND = {"base": ["payment_provider_not_found"]}
CODE_MISSING = {"base": ["payment_provider_code_missing"]}
CARD = "4242 4242-4242.4242"


@pytest.fixture
def acme(organization):
    """An organization with two Stripe connections and one each of GoCardless and Adyen."""
    for kind, code in (("stripe", "s1"), ("stripe", "s2"), ("gocardless", "g1"), ("adyen", "a1")):
        make_payment_provider(organization, type=kind, code=code)
    return organization


def configure(organization, /, **values):
    return post(organization, billing_configuration=values)


def refuse(organization, /, **values):
    return refused(organization, billing_configuration=values)


def link(organization):
    """Return what the answer shows of the provider; None without one."""
    found = shown(organization)["billing_configuration"]
    if found["payment_provider"] is None:
        assert len(found) == 6
        assert found["payment_provider_code"] is None
        return None
    shared = ("payment_provider_code", "provider_customer_id", "sync", "sync_with_provider")
    methods = (found["provider_payment_methods"],) if "provider_payment_methods" in found else ()
    assert bool(methods) == (found["payment_provider"] == "stripe")
    return tuple(found[name] for name in shared) + methods


class TestProviderAbsent:
    """Rule 1."""

    def test_leaves_the_stored_one_and_applies_the_rest_to_it(self, acme):
        configure(acme, payment_provider="stripe", payment_provider_code="s1")

        configure(acme, provider_customer_id="cus_1", sync=True, sync_with_provider=True,
                  provider_payment_methods=["link", "card"])  # fmt: skip

        assert link(acme) == ("s1", "cus_1", True, True, ["link", "card"])

    def test_moves_to_another_connection_of_the_stored_type(self, acme):
        configure(acme, payment_provider="stripe", payment_provider_code="s1")

        configure(acme, payment_provider_code="s2")

        assert link(acme) == ("s2", None, False, False, ["card"])

    @pytest.mark.parametrize("code", ["nope", "g1", "S1", "s1 ", "s1\0"])
    def test_refuses_a_code_that_is_not_of_the_stored_type(self, acme, code):
        configure(acme, payment_provider="stripe", payment_provider_code="s1")

        assert refuse(acme, payment_provider_code=code) == NOT_FOUND

    def test_without_a_stored_one_ignores_the_rest(self, acme):
        post(acme)
        odd = {
            "payment_provider_code": "nope",
            "provider_customer_id": CARD,
            "sync": True,
            "sync_with_provider": True,
            "provider_payment_methods": ["nonsense", "link", "customer_balance"],
        }

        unchanged(acme, lambda: configure(acme, **odd))
        assert link(acme) is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [("payment_provider_code", []), ("provider_customer_id", "x" * 256), ("sync", "x"),
         ("sync_with_provider", []), ("provider_payment_methods", "card")],
    )  # fmt: skip
    def test_without_a_stored_one_still_checks_types_and_length(self, acme, name, value):
        assert refuse(acme, **{name: value}) == {name: ["value_is_invalid"]}


class TestProviderNull:
    """Rule 2."""

    def test_unlinks_everything_and_ignores_the_rest(self, acme):
        configure(acme, payment_provider="stripe", payment_provider_code="s1", sync=True,
                  provider_customer_id="cus_1", sync_with_provider=True)  # fmt: skip

        outcome = configure(
            acme,
            payment_provider=None,
            payment_provider_code="nope",
            provider_customer_id=CARD,
            provider_payment_methods=["nonsense"],
            sync=True,
        )

        assert link(acme) is None
        assert not ProviderLink.objects.exists()
        assert outcome.diff == {
            "billing_configuration.payment_provider": ["stripe", None],
            "billing_configuration.payment_provider_code": ["s1", None],
            "billing_configuration.provider_customer_id": ["cus_1", None],
            "billing_configuration.sync": [True, None],
            "billing_configuration.sync_with_provider": [True, None],
            "billing_configuration.provider_payment_methods": [["card"], None],
        }

    def test_keeps_the_settings_beside_it(self, acme):
        configure(acme, payment_provider="adyen", invoice_grace_period=3)

        configure(acme, payment_provider=None)

        assert shown(acme)["billing_configuration"]["invoice_grace_period"] == 3

    def test_changes_nothing_where_none_is(self, acme):
        post(acme)

        unchanged(acme, lambda: configure(acme, payment_provider=None))

    def test_starts_afresh_afterwards(self, acme):
        configure(acme, payment_provider="stripe", payment_provider_code="s1", sync=True,
                  provider_customer_id="cus_1", provider_payment_methods=["boleto"])  # fmt: skip
        configure(acme, payment_provider=None)

        configure(acme, payment_provider="stripe", payment_provider_code="s1")

        assert link(acme) == ("s1", None, False, False, ["card"])


class TestProviderSet:
    """Rules 3 and 4."""

    def test_finds_the_connection_by_code(self, acme):
        configure(acme, payment_provider="stripe", payment_provider_code="s2")

        assert link(acme) == ("s2", None, False, False, ["card"])

    @pytest.mark.parametrize("code", [None, ""])
    def test_takes_the_only_connection_without_a_code(self, acme, code):
        configure(acme, payment_provider="gocardless", payment_provider_code=code)

        assert link(acme) == ("g1", None, False, False)

    def test_needs_a_code_among_several(self, acme):
        assert refuse(acme, payment_provider="stripe") == CODE_MISSING
        configure(acme, payment_provider="adyen")
        assert refuse(acme, payment_provider="stripe") == CODE_MISSING

    def test_keeps_the_stored_connection_of_an_unchanged_type(self, acme):
        configure(acme, payment_provider="stripe", payment_provider_code="s2")

        unchanged(acme, lambda: configure(acme, payment_provider="stripe"))

    @pytest.mark.parametrize(
        ("provider", "code"),
        [("cashfree", None), ("cashfree", "s1"), ("stripe", "g1"), ("stripe", "nope"),
         ("adyen", "A1"), ("stripe", " ")],
    )  # fmt: skip
    def test_refuses_what_is_not_there(self, acme, provider, code):
        values = {"payment_provider": provider, "payment_provider_code": code}

        assert refuse(acme, **values) == NOT_FOUND
        configure(acme, payment_provider="gocardless")
        assert refuse(acme, **values) == NOT_FOUND

    def test_knows_no_connection_of_others(self, organization):
        make_payment_provider(make_organization(), type="stripe", code="s1")

        assert refuse(organization, payment_provider="stripe") == NOT_FOUND
        assert (
            refuse(organization, payment_provider="stripe", payment_provider_code="s1") == NOT_FOUND
        )


class TestProviderChanged:
    """Rule 5."""

    BEFORE = {
        "payment_provider": "stripe",
        "payment_provider_code": "s1",
        "provider_customer_id": "cus_1",
        "sync": True,
        "sync_with_provider": True,
        "provider_payment_methods": ["boleto", "card"],
    }

    @pytest.mark.parametrize(
        ("values", "after"),
        [
            # another connection: the id goes, methods and flags stay
            ({"payment_provider": "stripe", "payment_provider_code": "s2"},
             ("s2", None, True, True, ["boleto", "card"])),
            ({"payment_provider_code": "s2"}, ("s2", None, True, True, ["boleto", "card"])),
            ({"payment_provider_code": "s2", "provider_customer_id": "cus_2"},
             ("s2", "cus_2", True, True, ["boleto", "card"])),
            ({"payment_provider_code": "s2", "provider_customer_id": "cus_1"},
             ("s2", "cus_1", True, True, ["boleto", "card"])),
            ({"payment_provider_code": "s2", "provider_customer_id": None},
             ("s2", None, True, True, ["boleto", "card"])),
            # the same connection, named again
            ({"payment_provider_code": "s1"}, ("s1", "cus_1", True, True, ["boleto", "card"])),
            ({"provider_customer_id": " "}, ("s1", None, True, True, ["boleto", "card"])),
            ({"sync": None}, ("s1", "cus_1", False, True, ["boleto", "card"])),
            ({"sync_with_provider": ""}, ("s1", "cus_1", True, False, ["boleto", "card"])),
            ({"provider_payment_methods": []}, ("s1", "cus_1", True, True, ["boleto", "card"])),
            ({"provider_payment_methods": ["card", "boleto"]},
             ("s1", "cus_1", True, True, ["card", "boleto"])),
            # another provider: id, methods and flags go unless they are sent
            ({"payment_provider": "gocardless"}, ("g1", None, False, False)),
            ({"payment_provider": "gocardless", "provider_customer_id": "CU1", "sync": True},
             ("g1", "CU1", True, False)),
            ({"payment_provider": "adyen", "sync_with_provider": True}, ("a1", None, False, True)),
        ],
    )  # fmt: skip
    def test_clears_what_belongs_to_the_old_one(self, acme, values, after):
        configure(acme, **self.BEFORE)

        configure(acme, **values)

        assert link(acme) == after

    def test_starts_with_card_when_coming_to_stripe(self, acme):
        configure(acme, payment_provider="gocardless", sync=True, provider_customer_id="CU1")

        configure(acme, payment_provider="stripe", payment_provider_code="s1")

        assert link(acme) == ("s1", None, False, False, ["card"])


class TestProviderCustomerId:
    @pytest.mark.parametrize("value", [CARD, "4242424242424242", "4222222222222"])
    def test_is_no_card_number(self, acme, value):
        values = {"payment_provider": "adyen", "provider_customer_id": value}

        assert refuse(acme, **values) == {"provider_customer_id": ["value_is_invalid"]}
        configure(acme, payment_provider="adyen")
        assert refuse(acme, provider_customer_id=value) == {
            "provider_customer_id": ["value_is_invalid"]
        }

    def test_may_be_shared_and_is_kept_as_sent(self, acme):
        values = {"payment_provider": "adyen", "provider_customer_id": " 4242 4242 4242 4241 "}

        for name in ("c1", "c2"):
            post(acme, name, billing_configuration=values)

        assert link(acme)[1] == " 4242 4242 4242 4241 "

    def test_has_255_characters(self, acme):
        configure(acme, payment_provider="adyen", provider_customer_id="é" * 255)

        assert link(acme)[1] == "é" * 255


class TestPaymentMethods:
    @pytest.mark.parametrize(
        "methods",
        [["card"], ["sepa_debit"], ["customer_balance"], ["customer_balance", "customer_balance"],
         ["card", "link"], ["link", "card", "card"],
         ["card", "sepa_debit", "us_bank_account", "bacs_debit", "link", "boleto", "crypto"]],
    )  # fmt: skip
    def test_are_kept_in_order_with_doubles(self, acme, methods):
        values = {"payment_provider": "stripe", "payment_provider_code": "s1"}

        configure(acme, **values, provider_payment_methods=methods)

        assert link(acme)[-1] == methods
        unchanged(acme, lambda: configure(acme, provider_payment_methods=methods))

    @pytest.mark.parametrize(
        ("methods", "codes"),
        [
            (["nope"], ["value_is_invalid"]),
            (["nope", "neither"], ["value_is_invalid"]),
            (["Card"], ["value_is_invalid"]),
            ([""], ["value_is_invalid"]),
            (["link"], ["value_is_invalid"]),
            (["link", "nope"], ["value_is_invalid", "value_is_invalid"]),
            (["card", "customer_balance"],
             ["customer_balance cannot be combined with other payment methods"]),
            (["link", "nope", "customer_balance"],
             ["value_is_invalid", "value_is_invalid",
              "customer_balance cannot be combined with other payment methods"]),
        ],
    )  # fmt: skip
    def test_follow_the_rules_of_stripe(self, acme, methods, codes):
        values = {"payment_provider": "stripe", "payment_provider_code": "s1"}
        expected = {"provider_payment_methods": codes}

        assert refuse(acme, **values, provider_payment_methods=methods) == expected
        configure(acme, **values)
        assert refuse(acme, provider_payment_methods=methods) == expected

    def test_are_ignored_elsewhere(self, acme):
        configure(acme, payment_provider="adyen", provider_payment_methods=["nope", "link"])

        assert link(acme) == ("a1", None, False, False)
        unchanged(acme, lambda: configure(acme, provider_payment_methods=["card"]))

    def test_default_to_card(self, acme):
        for methods in (None, []):
            post(acme, str(methods), billing_configuration={
                "payment_provider": "stripe", "payment_provider_code": "s1",
                "provider_payment_methods": methods})  # fmt: skip
            configuration = shown(acme, str(methods))["billing_configuration"]
            assert configuration["provider_payment_methods"] == ["card"]


class TestAllProblems:
    def test_of_the_provider_at_once(self, acme):
        assert refuse(acme, payment_provider="stripe", provider_customer_id=CARD,
                      provider_payment_methods=["link", "x"]) == {
            "base": ["payment_provider_code_missing"],
            "provider_customer_id": ["value_is_invalid"],
            "provider_payment_methods": ["value_is_invalid", "value_is_invalid"],
        }  # fmt: skip

    def test_say_nothing_of_the_connection_when_its_code_cannot_be_read(self, acme):
        assert refuse(acme, payment_provider="stripe", payment_provider_code=[],
                      provider_payment_methods=["link"]) == {
            "payment_provider_code": ["value_is_invalid"],
            "provider_payment_methods": ["value_is_invalid"],
        }  # fmt: skip

    def test_say_nothing_of_the_rest_when_the_provider_cannot_be_read(self, acme):
        configure(acme, payment_provider="stripe", payment_provider_code="s1")

        assert refuse(acme, payment_provider="x", payment_provider_code="g1",
                      provider_customer_id=CARD, provider_payment_methods=["link"]) == {
            "payment_provider": ["value_is_invalid"]
        }  # fmt: skip
