"""Which column fills what."""

import pytest

from customers.imports.mapping import PRESETS, Blank, map_columns
from customers.imports.names import suggest_target
from customers.imports.refusals import FileRefused
from customers.imports.targets import TARGETS, join_list, split_list
from customers.imports.wishes import WishReader


def refusal(header, **options):
    with pytest.raises(FileRefused) as refused:
        map_columns(header, **options)
    return str(refused.value)


def wish(header, cells, **options):
    return WishReader(header, map_columns(header, **options)).read(cells)


class TestMapColumns:
    def test_knows_every_name_of_the_wire_and_skips_what_nobody_writes(self):
        header = [name for name in TARGETS if name != "metadata"]

        found = map_columns([*header, "metadata.po", "lago_id", "created_at"])

        assert found.columns == {name: [name] for name in [*header, "metadata.po"]}

    def test_names_unknown_columns_with_a_guess(self):
        words = refusal(["external_id", "Firma", "qwxz"])

        assert "“Firma” is not known. Did you mean legal_name?" in words
        assert "“qwxz” is not known. Rename it" in words

    @pytest.mark.parametrize(
        "header, words",
        [
            (["name"], "No column fills external_id"),
            (["external_id", "name", "Name"], "both fill name"),
            (["external_id", "metadata", "metadata.po"], "all metadata"),
            (["external_id", f"metadata.{'k' * 21}"], "is not known"),
        ],
    )
    def test_refuses_headers_that_mean_two_things_or_none(self, header, words):
        assert words in refusal(header)

    def test_reads_a_mapping_file(self):
        document = """
columns:
  No: external_id
  Firm: {to: legal_name}
  Money: {to: currency, read: upper}
  Land: {to: country, read: country}
  PO: metadata.po
  Twice: [name, email]
  Internal: null
fixed:
  tax_codes: [vat]
  net_payment_term: 30
values:
  country: {Freedonia: FR}
blank: clear
"""
        header = ["No", "Firm", "Money", "Land", "PO", "Twice", "Internal"]

        found = wish(header, ["c1", None, "eur", "Deutschland", None, "a", "x"], document=document)
        other = wish(header, ["c2", "F", "USD", "Freedonia", "1", None, None], document=document)

        assert found.values == {
            "external_id": "c1", "legal_name": None, "currency": "EUR", "country": "DE",
            "name": "a", "email": "a", "tax_codes": ["vat"], "net_payment_term": "30",
        }  # fmt: skip
        assert found.notes == {"po": None}
        assert (other.values["country"], other.notes) == ("FR", {"po": "1"})

    @pytest.mark.parametrize(
        "document, words",
        [
            ("columns:\n  No: external_id\n  A: nam", "columns.A, line 3: A customer has no nam"),
            ("columns:\n  nam: name", "line 2: The file has no column “nam”. Did you mean name?"),
            ("colums: {}", "line 1: There is no key colums here. Did you mean columns?"),
            ("columns: [a]", "line 1: Keys and values"),
            ("columns:\n  No: {to: name, read: lower}", "line 2: Use one of: upper"),
            ("fixed:\n  external_id: a", "line 2: Customers can't all have"),
            ("blank: maybe", "line 1: Use one of: keep, clear"),
            ("a: [", "This is not YAML"),
            ("fixed:\n  name: env:PATH", "line 2: Values of the environment"),
        ],
    )
    def test_names_the_line_of_what_is_wrong(self, document, words, monkeypatch):
        assert words in refusal(["No", "name"], document=document)

    def test_lets_a_word_of_the_command_count_most(self):
        assert (
            map_columns(["external_id"], document="blank: clear", blank=Blank.KEEP).blank == "keep"
        )


class TestPresets:
    def test_are_those_of_the_manual(self):
        assert PRESETS == ("chargebee", "lago", "quickbooks", "recurly", "stripe", "tarn")

    def test_reads_stripe(self):
        header = ["id", "Description", "Email", "Currency", "Address Postal Code", "Created (UTC)",
                  "Business Vat ID", "region (metadata)"]  # fmt: skip
        document = "preset: stripe\ncolumns:\n  region (metadata): metadata.region"

        found = wish(header, ["cus_1", "x", "a@b.co", "eur", "75010", "2026", "FR1", "EU"],
                     document=document)  # fmt: skip

        assert found.values == {
            "external_id": "cus_1", "email": "a@b.co", "currency": "EUR", "zipcode": "75010",
            "tax_identification_number": "FR1",
        }  # fmt: skip
        assert found.notes == {"region": "EU"}

    def test_takes_metadata_of_stripe_without_being_told(self):
        found = wish(["id", "po (metadata)"], ["cus_1", "7"], preset="stripe")

        assert found.notes == {"po": "7"}

    def test_reads_lago(self):
        header = ["external_id", "lago_id", "taxes", "integration_customers", "error_details"]
        cells = {
            "external_id": "c1", "lago_id": "x", "taxes": [{"code": "vat"}],
            "integration_customers": [{"type": "xero", "integration_code": "x1"}],
        }  # fmt: skip

        found = wish(header, cells, preset="lago")

        assert found.values["tax_codes"] == ["vat"]
        assert found.values["integration_customers"][0]["integration_type"] == "xero"

    @pytest.mark.parametrize(
        "preset, header, cells, values",
        [
            ("chargebee", ["Customer Id", "Company", "Billing Address Country"], ["1", "A", "US"],
             {"external_id": "1", "legal_name": "A", "country": "US"}),
            ("recurly", ["account_code", "vat_number", "country"], ["1", "V", "Germany"],
             {"external_id": "1", "tax_identification_number": "V", "country": "DE"}),
            ("quickbooks", ["Name", "Street", "ZIP"], ["Ann", "1 Rue", "75"],
             {"external_id": "Ann", "name": "Ann", "address_line1": "1 Rue", "zipcode": "75"}),
        ],
    )  # fmt: skip
    def test_reads_the_others(self, preset, header, cells, values):
        assert wish(header, cells, preset=preset).values == values


class TestSuggestTarget:
    @pytest.mark.parametrize(
        "name, target",
        [
            ("Kundennummer", "external_id"), ("Société", "legal_name"), ("E-Mail", "email"),
            ("VAT ID", "tax_identification_number"), ("Shipping City", "shipping_address.city"),
            ("Postal  code", "zipcode"), ("emial", "email"), ("zzz", None), ("", None),
        ],
    )  # fmt: skip
    def test_knows_what_people_call_things(self, name, target):
        assert suggest_target(name) == target


class TestLists:
    @pytest.mark.parametrize("codes", [[], ["a"], ["a", "b"], ["a|b", "\\", "c\\|"], [" a "]])
    def test_survive_a_cell(self, codes):
        assert split_list(join_list(codes)) == codes
