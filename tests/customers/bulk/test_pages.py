"""The pages of bulk work, by Django's client."""

import json

import pytest
from django.urls import reverse

from billing.models import ChangeRecord
from customers.batches import Batch
from customers.models import Customer
from tests.billing.builders import make_organization, make_tax
from tests.customers.builders import make_customer, make_customers
from tests.customers.bulk.work import confirm, preview, write
from tests.staff import sign_in, text_of

NEW = "/admin/customers/bulk/new/"
TERM = {"term_how": "set", "term": "30"}


def page_of(batch, what=""):
    """Return the address of a batch."""
    return f"/admin/customers/bulk/{batch.pk}/{what}"


def choose(client, organization, customers, kind="edit", **fields):
    """Post a choice of customers, as the list or the form does."""
    chosen = {"customer": [str(one.pk) for one in customers]}
    sent = {"organization": str(organization.pk), "kind": kind} | chosen | fields
    return client.post(NEW, sent)


def act(client, organization, batch, do, **fields):
    """Post one of the buttons of a batch's page."""
    return client.post(page_of(batch), {"organization": str(organization.pk), "do": do} | fields)


@pytest.fixture
def lead(organization):
    """The browser of a finance lead."""
    return sign_in(organization, role="finance_lead")


@pytest.fixture
def two(organization):
    """Two customers."""
    return make_customers(organization, [{"name": "One GmbH"}, {"name": "Two SARL"}])


class TestChoosePage:
    def test_asks_what_to_change_and_keeps_the_choice(self, organization, lead, two):
        page = choose(lead, organization, two)

        assert "For 2 chosen customers." in text_of(page)
        assert page.content.decode().count('name="customer"') == 2

    def test_previews_what_is_asked_for(self, organization, lead, two):
        answer = choose(lead, organization, two, **TERM)

        batch = Batch.objects.get()
        assert answer.url == page_of(batch)
        assert batch.wish == {"net_payment_term": {"to": 30}}
        page = text_of(lead.get(answer.url))
        assert "One GmbH" in page
        assert "30 days" in page
        assert not Customer.objects.filter(net_payment_term=30).exists()

    def test_takes_all_that_match_the_list(self, organization, lead, two):
        choose(lead, organization, [], all="1", query="q=sarl", **TERM)

        assert [item.customer_id for item in Batch.objects.get().items.all()] == [two[1].pk]

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"term_how": ""}, "Choose at least one thing to change."),
            ({"term_how": "set"}, "This can't be empty."),
            ({"term_how": "", "currency_how": "set", "currency": "eus"}, "“eus” is not a currency"),
            ({"term_how": "", "note_how": "set"}, "This can't be empty."),
            ({"term_how": "", "taxes_how": "add"}, "This can't be empty."),
        ],
    )
    def test_says_what_is_missing_and_keeps_what_was_typed(
        self, organization, lead, two, fields, words
    ):
        page = choose(lead, organization, two, **fields, note_value="typed")

        assert page.status_code == 422
        assert words in text_of(page)
        assert "typed" in page.content.decode()
        assert not Batch.objects.exists()

    def test_refuses_a_form_of_another_organization(self, lead, two, organization):
        """Fails when the page believes whatever organization it works in now."""
        answer = choose(lead, make_organization(), two, **TERM)

        assert answer.url == reverse("admin:customers_customer_changelist")
        assert not Batch.objects.exists()

    def test_takes_no_customer_of_another_organization(self, organization, lead):
        theirs = make_customer(make_organization())

        choose(lead, organization, [theirs], **TERM)

        assert not Batch.objects.exists()

    @pytest.mark.parametrize(
        ("role", "kind", "status"),
        [
            ("finance", "edit", 302),
            ("finance", "restore", 302),
            ("finance", "delete", 403),
            ("finance_lead", "delete", 302),
            ("auditor", "edit", 403),
            ("viewer", "restore", 403),
            ("operator", "edit", 403),
        ],
    )
    def test_is_for_those_who_may(self, organization, two, role, kind, status):
        client = sign_in(organization, role=role)

        assert choose(client, organization, two, kind, **TERM).status_code == status


class TestBatchPage:
    def test_does_it_once_however_often_it_is_asked(self, organization, lead, two):
        batch = preview(organization, two, net_payment_term={"to": 30})

        first = act(lead, organization, batch, "start", reason="month end")
        act(lead, organization, batch, "start", reason="again")

        assert first.url == page_of(batch)
        records = ChangeRecord.objects.filter(batch_id=batch.pk)
        assert [one.reason for one in records] == ["month end", "month end"]
        assert "2 done" in text_of(lead.get(first.url))

    def test_asks_for_a_reason_where_taxes_change(self, organization, lead, two):
        make_tax(organization, code="vat")
        batch = preview(organization, two, tax_codes={"how": "add", "codes": ["vat"]})

        page = act(lead, organization, batch, "start", reason=" ")

        assert page.status_code == 422
        assert "Say why" in text_of(page)
        assert not ChangeRecord.objects.filter(batch_id=batch.pk).exists()

    def test_lists_who_was_left_out_and_why(self, organization, lead, two):
        batch = preview(organization, two, net_payment_term={"to": 30})
        write(organization, two[0], net_payment_term=7)
        confirm(batch)

        page = text_of(lead.get(page_of(batch)))
        file = b"".join(lead.get(page_of(batch, "left-out.csv")).streaming_content).decode()

        assert "1 done" in page
        assert "1 left out" in page
        assert "shop changed this at" in page
        assert f'{two[0].external_id},One GmbH,Left out,"shop changed this at' in file

    def test_is_undone_after_a_preview(self, organization, lead, two):
        batch = confirm(preview(organization, two, net_payment_term={"to": 30}))

        seen = act(lead, organization, batch, "undo")
        before = Customer.objects.filter(net_payment_term=30).count()
        undo = Batch.objects.get(undoes=batch)
        act(lead, organization, undo, "start")

        assert seen.url == page_of(undo)
        assert before == 2
        assert not Customer.objects.filter(net_payment_term=30).exists()
        assert "This was taken back." in text_of(lead.get(page_of(batch)))

    def test_lets_only_those_undo_a_restoration_who_may_delete(self, organization, lead, two):
        confirm(preview(organization, two, Batch.Kind.DELETE))
        batch = confirm(preview(organization, two, Batch.Kind.RESTORE))

        refused = act(sign_in(organization), organization, batch, "undo")

        assert refused.status_code == 403
        assert act(lead, organization, batch, "undo").status_code == 302

    def test_leaves_an_import_under_way_to_its_own_pages(self, organization, lead):
        batch = Batch.objects.create(
            organization=organization, kind="import", state="running", door="import", actor_name="A"
        )

        assert act(lead, organization, batch, "stop").status_code == 404
        assert lead.get(page_of(batch)).status_code == 200

    def test_leads_into_another_of_ones_organizations(self, organization, two):
        other = make_organization(name="Hooli")
        client = sign_in(organization, other)
        batch = preview(other, [make_customer(other)], net_payment_term={"to": 30})

        page = client.get(page_of(batch), follow=True)

        assert "This belongs to Hooli: you now work there." in text_of(page)

    def test_forgets_a_preview_that_nobody_wants(self, organization, lead, two):
        batch = preview(organization, two, net_payment_term={"to": 30})

        act(lead, organization, batch, "discard")

        assert not Batch.objects.exists()

    def test_never_forgets_what_was_done(self, organization, lead, two):
        batch = confirm(preview(organization, two, net_payment_term={"to": 30}))

        act(lead, organization, batch, "discard")

        assert Batch.objects.exists()

    def test_refuses_a_form_of_another_organization(self, organization, lead, two):
        batch = preview(organization, two, net_payment_term={"to": 30})

        act(lead, make_organization(), batch, "start")

        batch.refresh_from_db()
        assert batch.state == "previewed"

    @pytest.mark.parametrize("what", ["", "progress/", "left-out.csv"])
    def test_hides_the_batches_of_other_organizations(self, lead, what):
        other = make_organization()
        batch = preview(other, [make_customer(other)], net_payment_term={"to": 30})

        assert lead.get(page_of(batch, what)).status_code == 404

    def test_shows_hostile_names_as_text(self, organization, lead):
        customer = make_customer(organization, name="<script>alert(1)</script>")
        batch = preview(organization, [customer], net_payment_term={"to": 30})

        assert "<script>alert(1)" not in lead.get(page_of(batch)).content.decode()

    def test_tells_how_far_it_is(self, organization, lead, two):
        batch = confirm(preview(organization, two, net_payment_term={"to": 30}))

        progress = json.loads(lead.get(page_of(batch, "progress/")).content)

        assert progress == {"state": "done", "percent": 100, "position": 2}


class TestBatchesPage:
    def test_lists_what_was_done_newest_first(self, organization, lead, two):
        confirm(preview(organization, two, net_payment_term={"to": 30}))
        confirm(preview(organization, two[:1], Batch.Kind.DELETE))
        other = make_organization()
        confirm(preview(other, [make_customer(other)], net_payment_term={"to": 99}))

        page = text_of(lead.get("/admin/customers/bulk/"))

        assert page.index("Delete 1 customer") < page.index("Change 2 customers")
        assert "99 days" not in page

    def test_says_that_there_is_none_yet(self, lead):
        assert "None yet" in text_of(lead.get("/admin/customers/bulk/"))
