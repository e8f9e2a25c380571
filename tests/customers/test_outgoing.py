"""What goes out comes in again: as it was, in every format, and nothing runs as a formula."""

import csv
import io
import os
import zipfile

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import values
from billing.models import Organization
from customers.cells import restore
from customers.imports.sources import Format
from customers.models import METADATA_KEY_LENGTH, Customer
from customers.outgoing import write_file
from customers.read import customer_json
from customers.search import CustomerQuery
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.builders import make_customer, make_customers
from tests.customers.imports.bringing import counts, imported
from tests.customers.imports.test_command import call

# `make soak` asks for ten thousand.
CUSTOMERS = int(os.environ.get("TARN_SOAK_CUSTOMERS", "200"))
FORMULAS = ["=1+1", "+49 30", "-5", "@SUM(A1)", "\t=1", "\r=1", "'=1", "'", "''", "＝1"]


def furnished(**options) -> Organization:
    """Return an organization with everything a customer can point to."""
    organization = make_organization(**options)
    make_billing_entity(organization, code="second|one")
    for code in ("vat", "a|b", "\\", "=tax"):
        make_tax(organization, code=code, name=code)
    for code in ("sec", "s|2"):
        make_section(organization, code=code)
    make_payment_provider(organization, code="stripe-1")
    make_payment_provider(organization, type="gocardless", code="gc")
    make_integration(organization, code="ns")
    make_integration(organization, type="salesforce", code="sf")
    return organization


text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
) | st.sampled_from([*FORMULAS, "", " ", "_x0041_", "a\r\nb", "a,b;c|d", '"', "\x01", "0042"])
filled = text.filter(lambda one: one.strip() != "")
nullable = st.none() | text
address = st.fixed_dictionaries({}, optional={
    "address_line1": nullable, "city": nullable, "zipcode": nullable, "state": nullable,
    "country": st.sampled_from([None, *values.COUNTRIES[:20]]),
})  # fmt: skip
configuration = st.fixed_dictionaries({}, optional={
    "invoice_grace_period": st.none() | st.integers(0, values.INTEGER_MAX),
    "document_locale": st.sampled_from([None, *values.DOCUMENT_LOCALES]),
    "subscription_invoice_issuing_date_anchor": st.sampled_from([None, "current_period_end"]),
}) | st.one_of(
    st.fixed_dictionaries({
        "payment_provider": st.just("stripe"), "sync": st.booleans(),
        "sync_with_provider": st.booleans(),
        "provider_customer_id": st.none() | st.sampled_from(["cus_1", "=cus"]),
        "provider_payment_methods": st.sampled_from([["card"], ["sepa_debit", "card", "card"]]),
    }),
    st.fixed_dictionaries({"payment_provider": st.just("gocardless")}),
)  # fmt: skip
metadata = st.lists(
    st.fixed_dictionaries({
        "key": filled.map(lambda one: one[:METADATA_KEY_LENGTH]).filter(lambda one: one.strip()),
        "value": filled, "display_in_invoice": st.booleans(),
    }), max_size=5, unique_by=lambda one: one["key"],
)  # fmt: skip
integrations = st.lists(
    st.sampled_from([
        {"integration_type": "netsuite", "external_customer_id": "=8", "subsidiary_id": "2"},
        {"integration_type": "salesforce", "sync_with_provider": True},
        {"integration_type": "salesforce", "external_customer_id": "0042"},
        {"integration_type": "netsuite", "sync_with_provider": True},
    ]), max_size=2, unique_by=lambda one: one["integration_type"],
)  # fmt: skip
sections = st.sampled_from([
    {}, {"skip_invoice_custom_sections": True}, {"invoice_custom_section_codes": ["sec", "s|2"]},
])  # fmt: skip
wish = st.fixed_dictionaries(
    {},
    optional={
        "name": nullable, "firstname": nullable, "lastname": nullable, "legal_name": nullable,
        "legal_number": nullable, "tax_identification_number": nullable, "phone": nullable,
        "external_salesforce_id": nullable, "url": st.sampled_from([None, "", "https://a.co/=1"]),
        "email": st.sampled_from([None, "a@b.co", "=a@b.co, +c@d.eu"]), "city": nullable,
        "country": st.sampled_from([None, "FR"]), "address_line1": nullable,
        "currency": st.sampled_from([None, "EUR"]), "timezone": st.sampled_from([None, "UTC"]),
        "net_payment_term": st.none() | st.integers(0, 90),
        "customer_type": st.sampled_from([None, "company"]),
        "account_type": st.sampled_from(["customer", "partner"]),
        "finalize_zero_amount_invoice": st.sampled_from(["inherit", "skip"]),
        "billing_entity_code": st.sampled_from(["acme_corp", "second|one"]),
        "tax_codes": st.lists(st.sampled_from(["vat", "a|b", "\\", "=tax"]), unique=True),
        "shipping_address": address, "billing_configuration": configuration,
        "metadata": metadata, "integration_customers": integrations,
    },
)  # fmt: skip
wishes = st.builds(lambda one, two: {**one, **two}, wish, sections)


def exported(organization, wanted) -> bytes:
    out = io.BytesIO()
    write_file(CustomerQuery(organization.id), wanted, out)
    return out.getvalue()


_OWN = ("lago_id", "created_at", "updated_at", "id")


def without_own(value):
    """Return a customer without what is the organization's own: ids and times."""
    if isinstance(value, dict):
        return {key: without_own(one) for key, one in value.items() if key not in _OWN}
    if isinstance(value, list):
        return sorted(map(without_own, value), key=str)
    return value


def bodies(organization):
    import orjson

    names = Customer.objects.filter(organization=organization).values_list("external_id", flat=True)
    found = [orjson.loads(customer_json(organization.id, name)[1]) for name in names]
    return {
        one["external_id"]: {**without_own(one), "slug": None, "applicable_invoice_custom_sections":
                             [each["code"] for each in one["applicable_invoice_custom_sections"]]}
        for one in found
    }  # fmt: skip


class TestRoundTrip:
    @pytest.mark.parametrize("wanted", [*Format])
    def test_changes_nothing_and_makes_the_same_elsewhere(self, db, tmp_path, wanted):
        """Fails without the mark of an empty text, or without the escape of `|` in lists."""
        made = []

        @settings(
            max_examples=CUSTOMERS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(wishes, filled)
        def draw(one, name):
            made.append({**one, "external_id": f"{len(made)} {restore_safe(name)}"})

        draw()
        here, there = furnished(slug="here"), furnished(slug="there")
        for first in range(0, len(made), 500):
            make_customers(here, made[first : first + 500])
        with connection.cursor() as cursor:
            # As autovacuum would: plans for empty tables read all of them for every customer.
            cursor.execute("ANALYZE")
        path = tmp_path / f"customers.{wanted}"
        path.write_bytes(exported(here, wanted))

        again = imported(here, path, blank="clear")
        elsewhere = imported(there, path)

        assert counts(again) == (0, 0, len(made), 0)
        assert counts(elsewhere) == (len(made), 0, 0, 0)
        assert bodies(there) == bodies(here)


def restore_safe(name):
    return "".join(letter for letter in name if letter.isprintable())[:50]


class TestWriteFile:
    @pytest.mark.parametrize("formula", FORMULAS)
    def test_writes_no_formula_to_csv(self, organization, formula):
        make_customer(organization, external_id="c1", name=formula)

        _, row = csv.reader(io.StringIO(exported(organization, Format.CSV).decode("utf-8-sig"),
                                        newline=""))  # fmt: skip

        assert all(cell[:1] not in tuple("=+-@\t\r\n") for cell in row if cell)
        assert formula in map(restore, row)

    def test_writes_texts_only_to_workbooks(self, organization):
        make_customer(organization, external_id="=1+1", name="https://example.com")

        with zipfile.ZipFile(io.BytesIO(exported(organization, Format.XLSX))) as book:
            sheet = book.read("xl/worksheets/sheet1.xml")

        assert b"<f>" not in sheet
        assert b"hyperlink" not in sheet

    def test_never_shows_another_organization(self, organization):
        make_customer(make_organization(), external_id="theirs")

        for wanted in Format:
            assert b"theirs" not in exported(organization, wanted)


class TestExportCustomers:
    def test_writes_what_the_filter_means(self, organization, tmp_path):
        make_customer(organization, external_id="c1", country="FR")
        make_customer(organization, external_id="c2", country="DE")
        path = tmp_path / "out.jsonl"

        code, said = call("export_customers", organization="acme", filter=["country=FR"],
                          output=str(path))  # fmt: skip

        assert (code, "1 customers written" in said) == (0, True)
        assert b'"c1"' in path.read_bytes()
        assert b'"c2"' not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600

    def test_refuses_a_filter_that_it_does_not_know(self, organization, tmp_path):
        """Fails when unknown filters are left out: everybody would be exported."""
        path = tmp_path / "out.csv"

        code, said = call("export_customers", organization="acme", filter=["contry=FR"],
                          output=str(path))  # fmt: skip

        assert (code, "Did you mean country?" in said) == (2, True)
        assert not path.exists()

    def test_says_what_can_not_be_written(self, organization, tmp_path):
        code, said = call("export_customers", organization="acme", output=f"{tmp_path}/a/b.csv")

        assert (code, "can't be written" in said) == (2, True)
