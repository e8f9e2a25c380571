"""import_lago: one organization plays the Lago account, another takes it over."""

import io
import re
from pathlib import Path

import httpx2
import pytest
from django.core.management import CommandError, call_command

from billing.events.actor import SYSTEM
from billing.events.models import ChangeRecord
from billing.models import BillingEntity, InvoiceCustomSection, Organization, Tax, WebhookEndpoint
from customers.batches import Batch
from customers.delete import delete_customers
from customers.intakes import Import, ImportRow
from customers.lago import client as client_module
from customers.lago import details as details_module
from customers.lago import walk as walk_module
from customers.lago.here import customers_here
from customers.lago.intake import open_intake
from customers.models import Customer, CustomerMetadata
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
    make_webhook_endpoint,
)
from tests.customers.builders import make_customer
from tests.customers.lago.account import URL, make_wire

_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{11}(?=[0-9a-f])[0-9a-f]")


class AtOnce:
    """Does at once, on the connection of the test, what threads do side by side."""

    def __init__(self, *_args, **_options): ...

    map = staticmethod(map)

    def shutdown(self, **_options): ...


def elsewhere(_request, reply):
    """Give every object the id it has on another server; this one's are taken."""

    def other(match):
        text = match[0]
        return text[:-1] + b"%x" % (int(text[-1:], 16) ^ 1)

    content = _UUID.sub(other, reply.content)
    return httpx2.Response(reply.status_code, headers=reply.headers, content=content)


@pytest.fixture
def account(db):
    """What Lago holds: an organization with one of everything."""
    found = make_organization(
        name="Lago's", slug="at-lago", document_number_prefix="LAG-1234", country="FR",
        default_currency="EUR", timezone="Europe/Paris", net_payment_term=14,
    )  # fmt: skip
    vat = make_tax(found, code="vat", rate="20.5", description="On all")
    make_tax(found, code="city", name="City", rate=3)
    print_me = make_section(found, code="thanks", details="Thank you")
    make_section(found, code="bank", name="Bank", details="IBAN")
    make_billing_entity(found, code="acme_de", name="Acme DE", country="DE", taxes=[vat],
                        sections=[print_me])  # fmt: skip
    make_payment_provider(found, code="stripe-eu")
    make_integration(found, code="netsuite-eu")
    make_customer(found, external_id="gone")
    delete_customers(found.id, ["gone"], SYSTEM)
    make_customer(
        found, external_id="crm/47.11", name="Canal", firstname="Anne", country="FR", city="Paris",
        currency="EUR", timezone="Europe/Paris", net_payment_term=30, email="a@b.co, c@d.eu",
        billing_entity_code="acme_de", tax_codes=["vat", "city"], logo_url="",
        metadata=[{"key": "PO", "value": "17", "display_in_invoice": True}],
        shipping_address={"city": "Lyon", "country": "FR"},
        billing_configuration={
            "invoice_grace_period": 3, "document_locale": "fr", "payment_provider": "stripe",
            "provider_customer_id": "cus_1", "sync_with_provider": True,
            "provider_payment_methods": ["card", "link"],
        },
        integration_customers=[{"integration_type": "netsuite", "external_customer_id": "8841",
                                "subsidiary_id": "2"}],
        invoice_custom_section_codes=["bank"],
    )  # fmt: skip
    make_customer(found, external_id="plain", account_type="partner")
    make_customer(found, external_id="unprinted", skip_invoice_custom_sections=True)
    make_customer(found, external_id="inherits", billing_entity_code="acme_de")
    Customer.objects.filter(organization=found).update(created_at="2024-02-29T12:00:00Z")
    CustomerMetadata.objects.filter(organization=found).update(created_at="2024-03-01T12:00:00Z")
    Tax.objects.filter(organization=found).update(created_at="2023-01-01T00:00:00Z")
    return found


@pytest.fixture
def wire(account, monkeypatch):
    """The way to the account, whatever client the command makes."""
    found = make_wire(account, elsewhere)
    make = client_module.LagoClient.__init__

    def init(self, url, key, **options):
        make(self, url, key, **options | {"transport": found})

    monkeypatch.setattr(client_module.LagoClient, "__init__", init)
    monkeypatch.setattr(details_module, "ThreadPoolExecutor", AtOnce)
    return found


@pytest.fixture
def target(account):
    """Where it goes: an organization that has the connections."""
    found = make_organization(name="Here", slug="here")
    make_payment_provider(found, code="stripe-eu")
    make_integration(found, code="netsuite-eu")
    return found


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(wire):
    """Run a command against the account; return its exit code and what it says."""

    def call(command="import_lago", **options):
        options = {"url": URL, "api_key": wire.client.key, "organization": "here"} | options
        code, said = 0, io.StringIO()
        try:
            call_command(command, stdout=said, **options)
        except SystemExit as left:
            code = left.code
        except CommandError as refused:
            code = refused.returncode
            said.write(str(refused))
        return code, said.getvalue()

    return call


def state():
    """Count every row that an import could make."""
    models = (Customer, CustomerMetadata, ChangeRecord, Tax, BillingEntity, InvoiceCustomSection,
              Import, ImportRow, Batch)  # fmt: skip
    return {model.__name__: model.objects.count() for model in models} | {
        "organization": list(Organization.objects.order_by("id").values_list("updated_at"))
    }


def shown(organization, *names):
    """Return customers as the API shows them."""
    return customers_here(organization.id, names)


class TestImportLago:
    def test_brings_everything_over(self, run, account, target):
        code, said = run()

        assert code == 0, said
        assert "4 customers: 4 new, 0 changed, 0 unchanged, 0 refused." in said
        assert "Nothing differs." in said
        names = ("crm/47.11", "plain", "unprinted", "inherits")
        theirs, ours = shown(account, *names), shown(target, *names)
        for name in names:
            kept = ("sequential_id", "slug", "created_at", "skip_invoice_custom_sections",
                    "billing_configuration", "shipping_address", "billing_entity_code")  # fmt: skip
            assert {key: ours[name][key] for key in kept} == {
                key: theirs[name][key] for key in kept
            }
        assert [one["code"] for one in ours["inherits"]["applicable_invoice_custom_sections"]] == [
            "thanks"
        ]

    def test_keeps_the_ids_that_programs_know(self, run, account, target):
        run()

        [theirs], [ours] = (list(shown(one, "crm/47.11").values()) for one in (account, target))
        for path in (
            lambda one: one["lago_id"],
            lambda one: one["metadata"][0]["lago_id"],
            lambda one: one["integration_customers"][0]["lago_id"],
            lambda one: one["taxes"][0]["lago_id"],
        ):
            old, new = path(theirs), path(ours)
            assert (old[:-1], int(old[-1], 16) ^ 1) == (new[:-1], int(new[-1], 16))
        assert ours["metadata"][0]["created_at"] == "2024-03-01T12:00:00Z"
        assert {tax["created_at"] for tax in ours["taxes"]} == {"2023-01-01T00:00:00Z"}

    def test_goes_on_counting_after_the_highest_number(self, run, target):
        """Leave the counter alone, and the next customer is given a number that is taken."""
        run()

        made = make_customer(target, external_id="next")

        assert (made.sequential_id, made.slug) == (6, "LAG-1234-006")

    def test_changes_nothing_the_second_time(self, run, account, target):
        """Red when what the organization says goes on to its default billing entity each time."""
        BillingEntity.objects.filter(organization=account, is_default=True).update(city="Oakland")
        run()
        before = ChangeRecord.objects.count()

        code, said = run()

        assert code == 0, said
        assert "0 new, 0 changed, 4 unchanged, 0 refused" in said
        assert ChangeRecord.objects.count() == before

    def test_writes_nothing_in_a_dry_run(self, run, target):
        before = state()

        code, said = run(dry_run=True)

        assert state() == before
        assert code == 0, said
        assert "4 customers: 4 would be new" in said
        assert "Would be made:" in said

    def test_names_connections_that_are_missing_before_it_writes(self, run, target):
        target.payment_providers.all().delete()
        before = state()

        code, said = run()

        assert code == 2
        assert "stripe-eu" in said
        assert "env:STRIPE_EU_SECRET_KEY" in said
        assert "netsuite" not in said
        left = {"Import", "ImportRow"}
        assert {k: v for k, v in state().items() if k not in left} == {
            k: v for k, v in before.items() if k not in left
        }

    def test_goes_on_once_the_connections_are_there(self, run, wire, target):
        target.payment_providers.all().delete()
        run()
        make_payment_provider(target, code="stripe-eu")
        asked = len(wire.paths)

        code, said = run(resume=True)

        assert code == 0, said
        assert target.customers.count() == 4
        again = [path for path in wire.paths[asked:] if "/customers/" in path]
        assert len(again) == 3  # those of the comparison only; one prints no sections

    def test_says_how_to_make_an_organization_that_is_missing(self, run, account):
        code, said = run(organization="nowhere")

        assert code == 2
        assert "code: nowhere" in said
        assert "document_number_prefix: LAG-1234" in said

    def test_leaves_out_what_the_rules_refuse_and_goes_on(self, run, account, target):
        Customer.objects.filter(external_id="plain").update(currency="XXQ")

        code, said = run()

        assert code == 1
        assert "3 new, 0 changed, 0 unchanged, 1 refused" in said
        assert "1 only at Lago" in said
        [file] = Path().glob("lago-here.refused-*.csv")
        text = file.read_text()
        assert "plain" in text
        assert "“XXQ” is not a currency code" in text

    def test_refuses_a_number_that_somebody_else_has(self, run, target):
        """Take the check away, and the unique index stops the whole import."""
        for number in range(4):
            make_customer(target, external_id=f"early {number}")

        code, said = run()

        assert code == 1
        [file] = Path().glob("lago-here.refused-*.csv")
        assert file.read_text().count("Another customer here has its number") == 3
        assert "1 new, 0 changed, 0 unchanged, 3 refused" in said

    def test_is_taken_back_and_made_again(self, run, target):
        """Do not restore, and the numbers of the deleted customers keep them out."""
        run()
        intake = Import.objects.get(organization=target)
        call_command("undo_import", intake.id.hex[:12], stdout=io.StringIO())
        assert target.customers.filter(deleted_at=None).count() == 0

        code, said = run()

        assert code == 0, said
        assert target.customers.count() == 4

    def test_leaves_other_organizations_alone(self, run, account, target):
        other = make_organization(slug="other")
        make_customer(other, external_id="plain", name="Ours")
        before = shown(other, "plain")

        run()

        assert shown(other, "plain") == before

    def test_does_not_take_over_where_events_go(self, run, account, target):
        make_webhook_endpoint(account)

        run()

        assert not WebhookEndpoint.objects.filter(organization=target).exists()

    def test_warns_when_somebody_will_be_told_of_everybody(self, run, target):
        make_webhook_endpoint(target)

        _code, said = run()

        assert "told of every customer" in said

    def test_reads_on_where_it_was_interrupted(self, run, wire, account, target, monkeypatch):
        monkeypatch.setattr(walk_module, "PAGE", 2)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        plain = wire.meddle

        def fail(request, reply):
            if "page=2" in request.url.query.decode():
                return httpx2.Response(401)
            return plain(request, reply)

        wire.meddle = fail
        code, said = run()
        assert code == 2
        assert "--resume" in said
        assert target.customers.count() == 0
        wire.meddle = plain
        theirs = open_intake(make_organization().pk, Import.objects.get().file_name, SYSTEM)

        code, said = run(resume=True)

        assert code == 0, said
        assert "4 customers: 4 new" in said
        assert (target.customers.count(), theirs.rows.count()) == (4, 0)


class TestCompareLago:
    def test_finds_nothing_after_an_import(self, run, target):
        run()
        before = state()

        code, said = run("compare_lago")

        assert code == 0, said
        assert "4 customers at Lago, 4 here: 4 the same" in said
        assert state() == before

    @pytest.mark.parametrize(
        "plant, field",
        [
            (lambda one: Customer.objects.filter(organization=one, external_id="plain").update(
                city="Elsewhere"), "city"),
            (lambda one: CustomerMetadata.objects.filter(organization=one).update(value="18"),
             "metadata.*.value"),
            (lambda one: Customer.objects.filter(organization=one, external_id="plain").update(
                slug="X-1"), "slug"),
        ],
        ids=["own", "metadata", "slug"],
    )  # fmt: skip
    def test_finds_what_differs(self, run, target, plant, field):
        run()
        plant(target)

        code, said = run("compare_lago")

        assert code == 1
        assert "3 the same, 1 differ" in said
        assert f"  {field}: 1" in said

    def test_finds_who_is_only_on_one_side(self, run, account, target):
        run()
        make_customer(target, external_id="new here")
        make_customer(account, external_id="new there")

        code, said = run("compare_lago")

        assert code == 1
        assert "4 the same, 0 differ, 1 only at Lago, 1 only here" in said

    def test_finds_what_differs_below_the_customers(self, run, target):
        """Red when a section that another organization here has is taken for the target's."""
        run()
        Tax.objects.filter(organization=target, code="vat").update(rate=21)
        BillingEntity.objects.filter(organization=target, code="acme_de").update(city="Ulm")
        InvoiceCustomSection.objects.filter(organization=target, code="bank").update(code="b")

        code, said = run("compare_lago")

        assert code == 1
        assert "sections: 3 differences" in said
        assert "\nsection bank,',bank,\n" in next(Path().glob("*.differences-*.csv")).read_text()
