"""Rows that customers are known to agree with are not decided again; all others are."""

import json
from random import Random

import pytest

from billing.events.actor import SYSTEM
from billing.models import BillingEntity, InvoiceCustomSection, PaymentProvider, Tax
from billing.organizations.write import archive_billing_entity, restore_billing_entity
from billing.sections.write import delete_section
from billing.taxes.write import delete_tax
from customers.change import CustomerChange
from customers.delete import delete_customers
from customers.imports import agreed, judging
from customers.imports import runner as running
from customers.imports.arrival import repeat
from customers.imports.check import check_import
from customers.imports.mapping import ColumnMap
from customers.imports.mending import mend_cell
from customers.imports.staging import settle
from customers.intakes import Agreement, Import
from customers.models import Customer
from customers.read import customer_json
from customers.write import write_customers
from tests.billing.builders import (
    make_billing_entity,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.imports.bringing import checked_import, counts, imported, staged
from tests.customers.imports.files import write

FILE = (
    "external_id,name,tax_codes,invoice_custom_section_codes\nc1,Ann,vat,bank\nc2,Bob,vat,later\n"
)


@pytest.fixture
def decided(monkeypatch):
    """Return the numbers of the rows that were read and judged, as they come."""
    numbers: list[int] = []
    read = judging.Judge.read

    def noting(judge, found):
        numbers.extend(row.number for row in found)
        return read(judge, found)

    monkeypatch.setattr(judging.Judge, "read", noting)
    return numbers


@pytest.fixture
def path(organization, tmp_path, decided):
    """Return a file that has been imported, by whose rows everything is as it is."""
    make_tax(organization, code="vat")
    make_section(organization, code="bank")
    path = write(tmp_path, FILE)
    imported(organization, path)
    decided.clear()
    return path


def change(organization, external_id, **values):
    wish = CustomerChange.read({"external_id": external_id, **values})
    write_customers(organization.id, [wish], SYSTEM)


class TestAgreement:
    def test_spares_the_same_rows_a_decision(self, organization, path, decided):
        assert counts(imported(organization, path)) == (0, 0, 2, 0)
        assert decided == []

    def test_spares_the_preview_of_them_as_well(self, organization, path, decided):
        found = check_import(staged(organization, path))

        assert counts(found) == (0, 0, 2, 0)
        assert {(one.state, one.version) for one in found.rows.all()} == {("unchanged", 1)}
        assert decided == []

    def test_ends_with_the_version_of_the_customer(self, organization, path, decided):
        """Seen to fail when the version is not compared."""
        change(organization, "c2", name="Bo")

        assert counts(imported(organization, path)) == (0, 1, 1, 0)
        assert decided == [3]
        assert Customer.objects.get(external_id="c2").name == "Bob"

    def test_comes_back_for_who_is_found_unchanged(self, organization, path, decided):
        """Who changed in what the file says nothing of is decided once more, not for ever."""
        change(organization, "c2", city="Lyon")
        imported(organization, path)
        assert decided == [3]
        decided.clear()

        assert counts(imported(organization, path)) == (0, 0, 2, 0)
        assert decided == []

    def test_ends_with_the_cells(self, organization, path, decided):
        """Seen to fail when the digest is not compared."""
        path.write_text(path.read_text().replace("Bob", "Bo"))

        assert counts(imported(organization, path)) == (0, 1, 1, 0)
        assert decided == [3]

    def test_ends_with_the_column_map(self, organization, path, decided):
        """Seen to fail when the terms leave the map out."""
        document = "fixed: {city: Lyon}"

        assert counts(imported(organization, path, document=document)) == (0, 2, 0, 0)

    def test_ends_with_the_rules(self, organization, path, decided, monkeypatch):
        """Seen to fail when the terms leave the rules out."""
        monkeypatch.setattr(agreed, "_rules", lambda: "of tomorrow")

        imported(organization, path)

        assert decided == [2, 3]

    def test_ends_with_the_configuration(self, organization, path, decided):
        """Seen to fail when the terms leave the sections out: what was nothing is one now."""
        make_section(organization, code="later")

        assert counts(imported(organization, path)) == (0, 1, 1, 0)

        delete_section(organization.id, "bank", SYSTEM)
        assert counts(imported(organization, path)) == (0, 0, 2, 0)

    def test_ends_when_a_tax_is_called_otherwise(self, organization, path):
        """Seen to fail when the terms leave the taxes out."""
        Tax.objects.filter(organization=organization).update(code="tva")

        assert counts(imported(organization, path)) == (0, 0, 0, 2)

    def test_ends_when_a_billing_entity_is_archived(self, organization, tmp_path, decided):
        make_billing_entity(organization, code="old")
        path = write(tmp_path, "external_id,billing_entity_code\nc1,old\n")
        imported(organization, path)

        archive_billing_entity(organization.id, "old", SYSTEM)

        assert counts(imported(organization, path)) == (0, 0, 0, 1)

    def test_says_nothing_of_another_customer_of_the_same_name(self, organization, path):
        delete_customers(organization.id, ["c2"], SYSTEM)
        other = make_organization()

        assert counts(imported(organization, path)) == (1, 0, 1, 0)
        assert counts(imported(other, path)) == (0, 0, 0, 2)  # no such tax there

    def test_says_nothing_of_a_row_that_was_mended(self, organization, path):
        """Seen to fail when the digest of the cells stays with the row as they change."""
        intake = checked_import(organization, path.read_bytes())
        assert counts(intake) == (0, 0, 2, 0)

        mend_cell(intake, 3, "name", "Bo")

        assert counts(Import.objects.get(pk=intake.pk)) == (0, 1, 1, 0)
        again = repeat(Import.objects.get(pk=intake.pk), SYSTEM)
        settle(again, ColumnMap.load(again.mapping))
        assert counts(check_import(again)) == (0, 1, 1, 0)

    def test_says_nothing_of_rows_that_name_one_customer(self, organization, path):
        path.write_text(path.read_text() + "c2,Bob,vat,later\n")

        assert counts(imported(organization, path)) == (0, 0, 1, 2)

    def test_is_not_kept_for_whom_somebody_changed_meanwhile(self, organization, path):
        """Seen to fail when whatever version is there counts as the one that was looked at."""
        intake = staged(organization, path)
        Agreement.objects.all().delete()
        found = running.page_after(intake, 0, 10)
        change(organization, "c1", name="Anna")

        agreed.keep_agreed(intake, found.terms, [agreed.Agreed(2, "c1", 1)])

        assert not Agreement.objects.exists()

    def test_is_not_kept_where_the_terms_changed_meanwhile(self, organization, path):
        """Seen to fail when the terms of the end count instead of those of the beginning."""
        intake = staged(organization, path)
        Agreement.objects.all().delete()
        found = running.page_after(intake, 0, 10)
        make_section(organization, code="later")

        agreed.keep_agreed(intake, found.terms, [agreed.Agreed(2, "c1", 1)])

        assert not Agreement.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestTwoLanes:
    def test_keeps_and_finds_agreements(self, organization, tmp_path, decided, monkeypatch):
        """Between rows that agree stand some that don't, more than a batch takes."""
        monkeypatch.setattr(running, "SIZES", (2, 2))
        lines = [f"c{n},Name {n}" for n in range(40)]
        path = write(tmp_path, "\n".join(["external_id,name", *lines]) + "\n")
        imported(organization, path)
        assert Agreement.objects.count() == 40
        decided.clear()
        others = [*range(3), *range(17, 25), 39]
        for n in others:
            lines[n] += " Ltd"
        path.write_text("\n".join(["external_id,name", *lines]) + "\n")

        assert counts(imported(organization, path)) == (0, 12, 28, 0)
        assert sorted(set(decided)) == [n + 2 for n in others]
        decided.clear()
        assert counts(imported(organization, path)) == (0, 0, 40, 0)
        assert decided == []


@pytest.mark.django_db
class TestBeside:
    """Random files and changes, with what was agreed and without: nobody can tell the two apart."""

    @pytest.mark.parametrize("seed", range(4))
    def test_makes_no_difference(self, tmp_path, seed):
        """Seen to fail without the digest or the version in an agreement."""
        random, worlds = seeded(seed), [make_organization(), make_organization()]
        for step in range(20):
            random_step = random.choice([*_STEPS, *[_bring] * 6])
            own = random.getrandbits(32)
            found = [random_step(seeded(own), one, tmp_path) for one in worlds]
            Agreement.objects.filter(customer_id__in=_ids(worlds[1])).delete()
            assert found[0] == found[1], (seed, step)
            assert _shown(worlds[0]) == _shown(worlds[1]), (seed, step)


def seeded(seed):
    return Random(seed)  # noqa: S311  # not for secrets


def _ids(organization):
    return list(Customer.objects.filter(organization=organization).values_list("id", flat=True))


def _shown(organization):
    """Return all customers, but for what is their own in every world."""
    shown = {}
    for customer in Customer.objects.filter(organization=organization, deleted_at=None):
        form = json.loads(customer_json(organization.id, customer.external_id)[1])
        assert form["lago_id"] == str(customer.id)
        shown[customer.external_id] = customer.version, _without_ids(form)
    return shown


def _without_ids(value):
    if isinstance(value, dict):
        return {k: _without_ids(one) for k, one in value.items() if k not in _OWN}
    # What was made at one moment stands in the order of ids.
    return sorted(map(_without_ids, value), key=str) if isinstance(value, list) else value


_OWN = {"lago_id", "organization_id", "slug", "created_at", "updated_at", "billing_entity_code"}
_COLUMNS = {
    "name": ["Ann", "", "Bob"],
    "country": ["FR", "", "XX"],
    "tax_codes": ["vat", "vat|city", "", "city"],
    "invoice_custom_section_codes": ["bank", "bank|later", "later", ""],
    "billing_entity_code": ["old", "", "old"],
    "metadata.po": ["1", "2", ""],
    "shipping_address.city": ["Rome", ""],
    "billing_configuration.payment_provider": ["stripe", ""],
    "billing_configuration.provider_customer_id": ["cus_1", ""],
    "skip_invoice_custom_sections": ["", "", "true"],
}


def _bring(random, organization, tmp_path):
    """Import a file of few possible rows, so that many have been there before."""
    # Not from this step's own numbers alone: files come again.
    random = seeded(random.randrange(2))
    columns = [name for name in _COLUMNS if random.random() < 0.6]
    lines = [
        ",".join([f"c{n}", *(random.choice(_COLUMNS[name]) for name in columns)]) for n in range(6)
    ]
    blank = random.choice(["keep", "clear"])
    path = write(tmp_path, "\n".join([",".join(["external_id", *columns]), *lines]) + "\n")
    return counts(imported(organization, path, blank=blank))


def _edit(random, organization, _tmp_path):
    for number in range(6):
        if random.random() < 0.5:
            change(organization, f"c{number}", name="Eve", country="DE")


def _remove(random, organization, _tmp_path):
    names = Customer.objects.filter(organization=organization, deleted_at=None)
    if found := sorted(names.values_list("external_id", flat=True)):
        delete_customers(organization.id, [random.choice(found)], SYSTEM)


def _tax(random, organization, _tmp_path):
    code = random.choice(["vat", "city"])
    if Tax.objects.kept().filter(organization=organization, code=code).exists():
        delete_tax(organization.id, code, SYSTEM)
    else:
        make_tax(organization, code=code, name=code)


def _section(random, organization, _tmp_path):
    code = random.choice(["bank", "later"])
    found = InvoiceCustomSection.objects.filter(organization=organization, code=code)
    if found.filter(deleted_at=None).exists():
        delete_section(organization.id, code, SYSTEM)
    else:
        make_section(organization, code=code, name=code)


def _entity(_random, organization, _tmp_path):
    found = BillingEntity.objects.filter(organization=organization, code="old").first()
    if found is None:
        make_billing_entity(organization, code="old")
    elif found.archived_at is None:
        archive_billing_entity(organization.id, "old", SYSTEM)
    else:
        restore_billing_entity(organization.id, "old", SYSTEM)


def _provider(random, organization, _tmp_path):
    code = random.choice(["a", "b"])
    if not PaymentProvider.objects.filter(organization=organization, code=code).exists():
        make_payment_provider(organization, code=code, name="Stripe")


_STEPS = [_edit, _edit, _remove, _tax, _section, _entity, _provider]
