"""The shape of a wish, and all its problems at once (customers.md 2.2 to 2.4, 2.13)."""

import pytest

from billing import values
from customers.change import KNOWN_KEYS, CustomerChange
from customers.models import Customer
from tests.customers.posting import problems, read, wish

TEXTS = ("name", "firstname", "lastname", "legal_name", "legal_number", "phone",
         "external_salesforce_id")  # fmt: skip
BLANK_IS_NULL = ("tax_identification_number", "city", "state", "zipcode", "address_line1",
                 "address_line2")  # fmt: skip
STRUCTURED = {
    "object": ("billing_configuration", "shipping_address"),
    "list": ("metadata", "tax_codes", "invoice_custom_section_codes", "integration_customers"),
}


class TestAbsentNullEmpty:
    def test_sends_to_the_writer_only_what_came(self):
        assert wish().row() == {"external_id": "c1", "fields": {}}

    def test_tells_null_from_absent(self):
        assert wish(name=None, city=None).row()["fields"] == {"name": None, "city": None}

    @pytest.mark.parametrize("name", TEXTS)
    def test_keeps_empty_text(self, name):
        assert wish(**{name: ""}).row()["fields"] == {name: ""}
        assert wish(**{name: "  "}).row()["fields"] == {name: "  "}

    @pytest.mark.parametrize("name", BLANK_IS_NULL)
    def test_makes_blank_null(self, name):
        for blank in ("", "  "):
            assert wish(**{name: blank}).row()["fields"] == {name: None}
        if name not in ("tax_identification_number",):
            sent = wish(shipping_address={name: " "}).row()["shipping"]
            assert sent == {name: None}

    @pytest.mark.parametrize(
        ("fields", "stored"),
        [
            ({"email": " "}, {"email": None}),
            ({"country": " "}, {"country": None}),
            ({"customer_type": ""}, {"customer_type": None}),
            ({"url": "", "logo_url": ""}, {"url": "", "logo_url": ""}),
            ({"net_payment_term": ""}, {"net_payment_term": None}),
            ({"finalize_zero_amount_invoice": None}, {"finalize_zero_amount_invoice": "inherit"}),
            ({"currency": None, "timezone": None}, {"currency": None, "timezone": None}),
            ({"skip_invoice_custom_sections": None}, {}),
            ({"skip_invoice_custom_sections": ""}, {}),
            ({"billing_entity_code": None}, {}),
            ({"billing_entity_code": ""}, {}),
        ],
    )
    def test_knows_the_exceptions(self, fields, stored):
        assert wish(**fields).row() == {"external_id": "c1", "fields": stored}

    @pytest.mark.parametrize("name", [*STRUCTURED["object"], *STRUCTURED["list"]])
    def test_takes_a_null_structure_as_absent(self, name):
        change = wish(**{name: None})

        assert (change.problems.by_field, change.row()) == ({}, wish().row())

    @pytest.mark.parametrize("name", STRUCTURED["object"])
    def test_refuses_what_is_no_object(self, name):
        for value in ("", "x", [], [{}], True, 1, 1.5):
            assert problems(**{name: value}) == {name: ["value_is_invalid"]}
        assert problems(**{name: {}}) == {}

    @pytest.mark.parametrize("name", STRUCTURED["list"])
    def test_refuses_what_is_no_list(self, name):
        for value in ("", "x", {}, {"0": {}}, True, 1):
            assert problems(**{name: value}) == {name: ["value_is_invalid"]}
        assert problems(**{name: []}) == {}

    @pytest.mark.parametrize("name", ["metadata", "integration_customers"])
    def test_refuses_elements_that_are_no_objects(self, name):
        for element in (None, "", "x", 1, True, []):
            assert problems(**{name: [{"key": "k", "value": "v"}, element]})[name] == [
                "value_is_invalid"
            ]

    @pytest.mark.parametrize("name", ["tax_codes", "invoice_custom_section_codes"])
    def test_refuses_elements_that_are_no_strings(self, name):
        for element in (None, 1, True, [], {}):
            assert problems(**{name: ["a", element]}) == {name: ["value_is_invalid"]}

    def test_refuses_containers_for_scalars(self):
        for name in KNOWN_KEYS - {"external_id", *STRUCTURED["object"], *STRUCTURED["list"]}:
            for value in ([], {}, ["a"], {"a": "b"}):
                assert problems(**{name: value}) == {name: ["value_is_invalid"]}, name


class TestExternalId:
    @pytest.mark.parametrize(
        ("value", "code"),
        [(None, "value_is_mandatory"), (" ", "value_is_mandatory"), ("a\0", "value_is_invalid"),
         ("x" * 256, "value_is_too_long"), ([], "value_is_invalid")],
    )  # fmt: skip
    def test_is_required(self, value, code):
        assert problems(value, name="A") == {"external_id": [code]}
        assert dict(read('{"name": "A"}').problems.by_field) == {
            "external_id": ["value_is_mandatory"]
        }

    def test_names_no_customer_when_it_fails(self):
        assert wish("x" * 256).external_id == values.NO_SUCH_CODE


class TestFields:
    def test_knows_exactly_the_keys_of_the_contract(self):
        assert sorted(KNOWN_KEYS) == sorted(
            """external_id billing_entity_code account_type name firstname lastname legal_name
            legal_number phone external_salesforce_id tax_identification_number customer_type email
            url logo_url country address_line1 address_line2 city state zipcode shipping_address
            currency timezone net_payment_term finalize_zero_amount_invoice
            skip_invoice_custom_sections invoice_custom_section_codes tax_codes metadata
            integration_customers billing_configuration""".split()
        )

    def test_ignores_unknown_keys_at_every_level(self):
        change = wish(
            nonsense=1,
            slug="X",
            sequential_id=7,
            lago_id="x",
            shipping_address={"county": "x", "city": "A"},
            billing_configuration={"vat_rate": 20, "sync": True},
            metadata=[{"key": "k", "value": "v", "lago_id": 5}],
            integration_customers=[{"integration_type": "xero", "email": 5}],
        )

        assert not change.problems
        assert change.row() == {
            "external_id": "c1",
            "fields": {},
            "shipping": {"city": "A"},
            "configuration": {},
            "provider": {"sync": True},
            "metadata": [{"key": "k", "value": "v"}],
            "integrations": [{"integration_type": "xero"}],
        }

    @pytest.mark.parametrize(
        ("name", "length"),
        [
            *(
                (name, 255)
                for name in (*TEXTS, "tax_identification_number", "city", "state", "zipcode")
            ),
            ("address_line1", 1024),
            ("address_line2", 1024),
            ("url", 2048),
            ("logo_url", 2048),
        ],
    )
    def test_have_lengths_counted_in_characters(self, name, length):
        assert problems(**{name: "é" * length}) == {}
        assert problems(**{name: "é" * (length + 1)}) == {name: ["value_is_too_long"]}
        assert Customer._meta.get_field(name).max_length == length

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("account_type", None, "value_is_invalid"),
            ("account_type", "", "value_is_invalid"),
            ("account_type", "Partner", "value_is_invalid"),
            ("account_type", 1, "value_is_invalid"),
            ("customer_type", "x", "value_is_invalid"),
            ("customer_type", " ", "value_is_invalid"),
            ("email", "a@b", "invalid_email_format"),
            ("email", 1, "invalid_email_format"),
            ("url", "javascript:x", "url_is_invalid"),
            ("logo_url", "data:x", "url_is_invalid"),
            ("country", "UK", "not_a_valid_country_code"),
            ("country", 1, "not_a_valid_country_code"),
            ("currency", "", "value_is_invalid"),
            ("currency", "eur", "value_is_invalid"),
            ("currency", 1, "value_is_invalid"),
            ("timezone", "", "invalid_timezone"),
            ("timezone", "europe/paris", "invalid_timezone"),
            ("timezone", 1, "invalid_timezone"),
            ("timezone", True, "value_is_invalid"),
            ("net_payment_term", -1, "value_is_out_of_range"),
            ("net_payment_term", 1.5, "value_is_invalid"),
            ("finalize_zero_amount_invoice", "", "invalid_value"),
            ("finalize_zero_amount_invoice", 1, "invalid_value"),
            ("finalize_zero_amount_invoice", [], "value_is_invalid"),
            ("skip_invoice_custom_sections", "yes", "value_is_invalid"),
            ("billing_entity_code", True, "value_is_invalid"),
        ],
    )
    def test_fail_with_their_own_code(self, name, value, code):
        assert problems(**{name: value}) == {name: [code]}

    @pytest.mark.parametrize("name", sorted(KNOWN_KEYS - {"external_id"}))
    def test_never_let_a_lone_surrogate_or_a_nul_through(self, name):
        """PostgreSQL takes neither; a single one would turn a refusal into a failure."""
        for text in ("\\ud800", "a\\ud800", "a\\u0000", "\\u0000"):
            for value in (f'"{text}"', f'["{text}"]'):
                change = read(f'{{"external_id": "c1", "{name}": {value}}}')

                written = str(change.row())
                assert "\\ud800" not in written
                assert "\\x00" not in written
        assert list(problems(**{name: "\ud800"})) == [name]

    def test_echoes_odd_time_zones(self):
        for zone in ("GMT+12", "Europe/Kiev", "Europe/Kyiv", "UTC"):
            assert wish(timezone=zone).row()["fields"] == {"timezone": zone}

    def test_keep_numbers_as_they_were_written(self):
        change = read(
            '{"external_id": 20.50, "phone": 1.500, "city": 0, "net_payment_term": "007"}'
        )

        assert change.external_id == "20.50"
        assert change.row()["fields"] == {"phone": "1.500", "city": "0", "net_payment_term": 7}


class TestAllProblems:
    def test_are_found_at_once(self):
        change = read(
            """{"name": [], "email": "a@b", "country": "UK", "currency": "eur", "url": "data:x",
            "timezone": "x", "net_payment_term": -1, "shipping_address": {"country": 1},
            "billing_configuration": {"document_locale": "xx", "payment_provider": "x",
            "provider_payment_methods": "card"}, "metadata": [{"key": "", "value": "v"}],
            "integration_customers": [{"integration_type": "x"}], "tax_codes": [1]}"""
        )

        assert dict(change.problems.by_field) == {
            "external_id": ["value_is_mandatory"],
            "name": ["value_is_invalid"],
            "email": ["invalid_email_format"],
            "country": ["not_a_valid_country_code"],
            "currency": ["value_is_invalid"],
            "url": ["url_is_invalid"],
            "timezone": ["invalid_timezone"],
            "net_payment_term": ["value_is_out_of_range"],
            "shipping_country": ["not_a_valid_country_code"],
            "document_locale": ["not_a_valid_language_code"],
            "payment_provider": ["value_is_invalid"],
            "provider_payment_methods": ["value_is_invalid"],
            "key": ["value_is_mandatory"],
            "integration_type": ["value_is_invalid"],
            "tax_codes": ["value_is_invalid"],
        }

    def test_leave_what_is_sound_for_the_database_to_judge(self):
        change = wish(
            name=[],
            tax_codes=["a"],
            metadata=[{"key": "x" * 21, "value": "v"}, {"key": "k", "value": "v"}],
            integration_customers=[
                {"integration_type": "x"},
                {"integration_type": "xero", "integration_code": "nope"},
                {"integration_type": "anrok", "integration_code": []},
            ],
        )

        row = change.row()

        assert row["taxes"] == ["a"]
        assert [item["key"] for item in row["metadata"]] == ["\x010", "k"]
        assert row["integrations"] == [{"integration_type": "xero", "integration_code": "nope"}]

    def test_are_the_same_when_asked_twice(self):
        change = wish(metadata=[{}] * 6, skip_invoice_custom_sections=1, tax_codes=[],
                      invoice_custom_section_codes=[])  # fmt: skip

        first = dict(change.problems.by_field)

        assert first == dict(change.problems.by_field)
        assert first == {
            "metadata": ["invalid_count"],
            "invoice_custom_sections": ["skip_sections_and_selected_ids_sent_together"],
        }

    def test_come_without_external_id_too(self):
        change = CustomerChange.read({})

        assert dict(change.problems.by_field) == {"external_id": ["value_is_mandatory"]}
