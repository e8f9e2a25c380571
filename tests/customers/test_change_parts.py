"""The structured parts of a wish (customers.md 2.4, 2.7, 2.8, 2.10, 2.11)."""

import pytest

from tests.customers.posting import problems, read, wish


class TestShippingAddress:
    def test_reports_under_its_own_keys(self):
        bad = {"address_line1": "x" * 1025, "address_line2": [], "city": "x" * 256,
               "zipcode": True, "state": "x" * 256, "country": "UK"}  # fmt: skip

        assert problems(shipping_address=bad) == {
            "shipping_address_line1": ["value_is_too_long"],
            "shipping_address_line2": ["value_is_invalid"],
            "shipping_city": ["value_is_too_long"],
            "shipping_zipcode": ["value_is_invalid"],
            "shipping_state": ["value_is_too_long"],
            "shipping_country": ["not_a_valid_country_code"],
        }


class TestBillingConfiguration:
    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("invoice_grace_period", -1, "value_is_out_of_range"),
            ("invoice_grace_period", "x", "value_is_invalid"),
            ("subscription_invoice_issuing_date_anchor", "", "value_is_invalid"),
            ("subscription_invoice_issuing_date_anchor", 1, "value_is_invalid"),
            ("subscription_invoice_issuing_date_adjustment", "x", "value_is_invalid"),
            ("document_locale", "", "not_a_valid_language_code"),
            ("document_locale", "pt-br", "not_a_valid_language_code"),
            ("document_locale", 1, "not_a_valid_language_code"),
            ("document_locale", {}, "value_is_invalid"),
            ("payment_provider", "", "value_is_invalid"),
            ("payment_provider", "Stripe", "value_is_invalid"),
            ("payment_provider", 1, "value_is_invalid"),
            ("payment_provider_code", [], "value_is_invalid"),
            ("provider_customer_id", "x" * 256, "value_is_invalid"),
            ("provider_customer_id", {}, "value_is_invalid"),
            ("sync", "x", "value_is_invalid"),
            ("sync_with_provider", 2, "value_is_invalid"),
            ("provider_payment_methods", "card", "value_is_invalid"),
            ("provider_payment_methods", {}, "value_is_invalid"),
            ("provider_payment_methods", [1], "value_is_invalid"),
            ("provider_payment_methods", [None], "value_is_invalid"),
        ],
    )
    def test_reports_under_the_sub_key(self, name, value, code):
        assert problems(billing_configuration={name: value}) == {name: [code]}

    def test_survives_odd_text_among_payment_methods(self):
        """A lone surrogate, or a NUL, would break the statement that the methods are sent with."""
        read_methods = (
            '{"external_id": "c", "billing_configuration": {"provider_payment_methods": [%s]}}'
        )

        assert dict(read(read_methods % '"\\ud800"').problems.by_field) == {
            "provider_payment_methods": ["value_is_invalid"]
        }
        assert read(read_methods % '"ca\\u0000rd"').row()["provider"]["methods"] == ["card"]

    @pytest.mark.parametrize("name", ["sync", "sync_with_provider"])
    def test_makes_null_flags_false(self, name):
        for value in (None, ""):
            assert wish(billing_configuration={name: value}).row()["provider"] == {name: False}

    def test_takes_empty_lists_and_codes_as_absent(self):
        for code in (None, ""):
            for methods in (None, []):
                configuration = {"payment_provider_code": code, "provider_payment_methods": methods}

                assert "provider" not in wish(billing_configuration=configuration).row()


class TestMetadata:
    @pytest.mark.parametrize(
        ("item", "found"),
        [
            ({"key": "", "value": "v"}, {"key": ["value_is_mandatory"]}),
            (
                {"key": None, "value": None},
                {"key": ["value_is_mandatory"], "value": ["value_is_mandatory"]},
            ),
            ({"key": "x" * 21, "value": "v"}, {"key": ["value_is_too_long"]}),
            ({"key": "k", "value": " "}, {"value": ["value_is_mandatory"]}),
            ({"key": "k", "value": "x" * 101}, {"value": ["value_is_too_long"]}),
            (
                {"key": [], "value": {}},
                {"key": ["value_is_invalid"], "value": ["value_is_invalid"]},
            ),
            (
                {"key": "k", "value": "v", "display_in_invoice": "x"},
                {"display_in_invoice": ["value_is_invalid"]},
            ),
            ({"key": "é" * 20, "value": "é" * 100}, {}),
            ({"key": "k", "value": 20.5}, {}),
        ],
    )
    def test_reports_under_the_bare_key(self, item, found):
        assert problems(metadata=[item]) == found

    def test_reports_a_code_once_for_all_items(self):
        items = [{"key": "x" * 21, "value": "v"}, {"key": "y" * 21, "value": "v"}]

        assert problems(metadata=items) == {"key": ["value_is_too_long"]}

    def test_counts_to_five(self):
        items = [{"key": f"k{n}", "value": "v"} for n in range(6)]

        assert problems(metadata=items[:5]) == {}
        assert problems(metadata=items) == {"metadata": ["invalid_count"]}

    @pytest.mark.parametrize(
        "odd", [None, "", "x", 5, True, [], {}, "b0a9d7a461f04c0e8f0b3d2c5c1b7e21"]
    )
    def test_takes_an_id_that_is_none_as_absent(self, odd):
        change = wish(metadata=[{"id": odd, "key": "k", "value": "v"}])

        assert not change.problems
        assert change.row()["metadata"][0]["id"] is None


class TestIntegrationCustomers:
    @pytest.mark.parametrize(
        ("item", "found"),
        [
            ({"integration_type": ""}, {"integration_type": ["value_is_invalid"]}),
            ({"integration_type": "Xero"}, {"integration_type": ["value_is_invalid"]}),
            ({"integration_type": 1}, {"integration_type": ["value_is_invalid"]}),
            (
                {"integration_type": "xero", "integration_code": []},
                {"integration_code": ["value_is_invalid"]},
            ),
            (
                {"integration_type": "xero", "external_customer_id": "x" * 256},
                {"external_customer_id": ["value_is_too_long"]},
            ),
            (
                {"integration_type": "xero", "sync_with_provider": "x"},
                {"sync_with_provider": ["value_is_invalid"]},
            ),
            (
                {"integration_type": "netsuite", "subsidiary_id": "x" * 256},
                {"subsidiary_id": ["value_is_too_long"]},
            ),
            (
                {"integration_type": "hubspot", "targeted_object": "people"},
                {"targeted_object": ["value_is_invalid"]},
            ),
            (
                {"integration_type": "hubspot", "targeted_object": ""},
                {"targeted_object": ["value_is_invalid"]},
            ),
        ],
    )
    def test_reports_under_the_bare_key(self, item, found):
        assert problems(integration_customers=[item]) == found

    def test_keeps_an_empty_subsidiary_and_drops_a_blank_remote_id(self):
        item = {"integration_type": "netsuite", "subsidiary_id": "", "external_customer_id": " "}

        [row] = wish(integration_customers=[item]).row()["integrations"]

        assert (row["subsidiary_id"], row["external_customer_id"]) == ("", None)


class TestSections:
    @pytest.mark.parametrize(
        ("skip", "codes", "row"),
        [
            (None, None, {"fields": {}}),
            (True, None, {"fields": {"skip_invoice_custom_sections": True}, "sections": []}),
            (False, None, {"fields": {"skip_invoice_custom_sections": False}}),
            (False, ["a"], {"fields": {"skip_invoice_custom_sections": False}, "sections": ["a"]}),
            (None, ["a"], {"fields": {"skip_invoice_custom_sections": False}, "sections": ["a"]}),
            (None, [], {"fields": {"skip_invoice_custom_sections": False}, "sections": []}),
        ],
    )
    def test_settle_with_skipping(self, skip, codes, row):
        change = wish(skip_invoice_custom_sections=skip, invoice_custom_section_codes=codes)

        assert change.row() == {"external_id": "c1"} | row

    @pytest.mark.parametrize("codes", [[], ["a"]])
    def test_are_not_both_skipped_and_selected(self, codes):
        found = problems(skip_invoice_custom_sections="t", invoice_custom_section_codes=codes)

        assert found == {
            "invoice_custom_sections": ["skip_sections_and_selected_ids_sent_together"]
        }
