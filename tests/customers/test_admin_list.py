"""The list of customers as finance staff see it: found, narrowed, paged, kept as views."""

import random
import re
from base64 import urlsafe_b64encode
from html import unescape
from itertools import combinations
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.events.actor import SYSTEM
from customers import walking
from customers.criteria import CRITERIA
from customers.delete import delete_customer
from customers.models import Customer, ListChoice, SavedView
from customers.saved_views import choice_of
from tests.billing.builders import make_organization
from tests.customers.builders import make_customer, make_customers
from tests.customers.pages import LIST
from tests.staff import sign_in, text_of

VIEWS = f"{LIST}views/"
COLUMNS = f"{LIST}columns/"


@pytest.fixture
def clerk(organization):
    return sign_in(organization)


def ids(response):
    """Return the external ids on a page, in order."""
    return re.findall(r'class="t-muted t-small">(c\d+)<', response.content.decode())


def link(response, rel):
    """Return where the list goes on."""
    match = re.search(rf'rel="{rel}" href="([^"]+)"', response.content.decode())
    return LIST + unescape(match[1]) if match else None


# The cursor of a customer created in 2099.
FAR = urlsafe_b64encode(f"2099-01-01T00:00:00+00:00\x1f{UUID(int=0)}".encode()).decode().rstrip("=")


class TestList:
    def test_shows_what_the_columns_promise(self, clerk, organization):
        make_customer(organization, external_id="c1", name="Brasserie", country="FR")

        page = text_of(clerk.get(LIST))

        assert "Brasserie" in page
        assert "1 customer" in page
        assert "missing" in page
        assert "Acme" in page

    def test_leads_through_all_pages_and_back(self, clerk, organization):
        make_customers(organization, [{"external_id": f"c{n}"} for n in range(120)])

        first = clerk.get(LIST)
        second = clerk.get(link(first, "next"))
        third = clerk.get(link(second, "next"))
        back = clerk.get(link(third, "prev"))

        pages = [ids(first), ids(second), ids(third)]
        assert [len(page) for page in pages] == [50, 50, 20]
        assert len({one for page in pages for one in page}) == 120
        assert ids(back) == ids(second)
        assert (link(third, "next"), link(first, "prev")) == (None, None)

    def test_keeps_filters_and_order_while_paging(self, clerk, organization):
        wishes = [{"external_id": f"c{n}", "country": "FR" if n % 2 else "DE"} for n in range(120)]
        make_customers(organization, wishes)

        first = clerk.get(f"{LIST}?country=FR&order=oldest")
        second = clerk.get(link(first, "next"))

        assert len(ids(first) + ids(second)) == 60
        assert all(int(one[1:]) % 2 for one in ids(first) + ids(second))

    @pytest.mark.parametrize("size", [1, 50])
    @pytest.mark.parametrize("address", ["", "?country=FR&q=brasserie", "?readiness=incomplete"])
    def test_costs_no_more_statements_than_twelve(self, clerk, organization, size, address):
        """A column that asks for each row makes this fail at fifty rows."""
        make_customers(
            organization,
            [
                {"external_id": f"c{n}", "name": "Brasserie", "country": "FR"}
                for n in range(size + 1)
            ],
        )

        with CaptureQueriesContext(connection) as asked:
            clerk.get(f"{LIST}{address}")

        asked = [one["sql"] for one in asked if "SAVEPOINT" not in one["sql"]]
        assert len(asked) <= 12, asked

    @pytest.mark.django_db(transaction=True)
    def test_costs_no_more_than_twelve_for_any_filter(self, clerk, organization, monkeypatch):
        """Red when a filter asks for its values itself, or when time is limited by savepoints."""
        make_customers(organization, [{"external_id": f"c{n}", "country": "DE"} for n in range(60)])
        monkeypatch.setattr(walking, "_WALK", 1)
        monkeypatch.setattr(walking, "HITS", 0)
        choice = dict.fromkeys(CRITERIA, "x") | {
            "tax": "none", "provider": "none", "integration": "none", "readiness": "incomplete",
            "tax_number": "missing", "sync": "waiting", "changed_today": "any",
            "created_from": "2020-01-01", "updated_to": "2099-01-01", "country": "DE",
            "duplicates": "likely", "q": "c",
        }  # fmt: skip
        coded = ("entity", "tax", "provider", "integration")
        asked = [{name: value} for name, value in choice.items()]
        asked += [{name: choice[name] for name in coded}, choice]
        asked += [one | more for one in asked for more in ({"after": FAR}, {"order": "name"})]
        pairs = list(combinations(choice.items(), 2))
        asked += [dict(pair) for pair in random.Random(3).sample(pairs, 30)]  # noqa: S311

        counts: dict[str, int] = {}
        for filters in asked:
            with CaptureQueriesContext(connection) as statements:
                clerk.get(LIST, filters)
            counts[" ".join(filters)] = len(statements)

        assert max(counts.values()) <= 12, counts

    def test_says_which_kind_of_empty_it_is(self, clerk, organization):
        none_yet = text_of(clerk.get(LIST))
        make_customer(organization)
        no_match = text_of(clerk.get(f"{LIST}?country=FR"))
        too_short = text_of(clerk.get(f"{LIST}?q=z"))

        assert "No customers yet." in none_yet
        assert "No customer matches." in no_match
        assert "Country: France (FR)" in no_match
        assert "Type at least two" in too_short

    def test_offers_to_try_again_when_the_database_is_too_slow(
        self, clerk, organization, monkeypatch
    ):
        from django.db import OperationalError

        from customers.admin import list as module

        def too_slow(*_, **__):
            raise OperationalError("canceling statement due to statement timeout")

        monkeypatch.setattr(module, "customer_list", too_slow)

        answer = clerk.get(f"{LIST}?country=FR")

        assert answer.status_code == 503
        assert "No data is affected" in text_of(answer)
        assert "country=FR" in answer.content.decode()

    def test_leads_to_the_customer_with_the_list_in_hand(self, clerk, organization):
        customer = make_customer(organization, country="FR")

        page = unescape(clerk.get(f"{LIST}?country=FR").content.decode())

        assert f"{LIST}{customer.pk}/change/?list=country%3DFR" in page

    def test_shows_deleted_customers_on_demand(self, clerk, organization):
        make_customer(organization, external_id="c1")
        delete_customer(organization.pk, "c1", SYSTEM)

        assert ids(clerk.get(LIST)) == []
        assert ids(clerk.get(f"{LIST}?deleted=yes")) == ["c1"]

    def test_escapes_what_customers_are_called(self, clerk, organization):
        make_customer(organization, name="<script>alert(1)</script>", external_id='"><b x="')

        page = clerk.get(f"{LIST}?q=%3Cscript%3E&metadata=%3Cb%3E").content.decode()
        page += clerk.get(LIST).content.decode()

        assert "<script>alert" not in page
        assert '"><b x=' not in page

    def test_offers_no_choice_of_another_organization(self, clerk, organization):
        from tests.billing.builders import make_billing_entity

        make_billing_entity(make_organization(name="Hooli"), code="hooli_fr", name="Hooli France")

        page = text_of(clerk.get(f"{LIST}filters/?country=FR"))

        assert "Acme" in page
        assert "Hooli" not in page
        assert "Hooli" not in text_of(clerk.get(f"{LIST}?entity=hooli_fr"))


class TestColumns:
    def test_are_kept_for_the_person(self, clerk, organization):
        """Red when what they chose in another organization is shown here."""
        make_customer(organization, city="Nantes")
        form = {"organization": organization.pk, "column": ["city", "nope"], "back": "country=none"}

        answer = clerk.post(COLUMNS, form)

        assert answer["Location"] == f"{LIST}?country=none"
        page = text_of(clerk.get(LIST))
        assert "Nantes" in page
        choice = ListChoice.objects.get()
        assert choice.columns == ["customer", "city"]
        assert choice_of(make_organization().pk, choice.person_id).columns == []

    def test_can_all_be_shown(self, clerk, organization):
        from customers.columns import COLUMNS as ALL

        metadata = [{"key": "po", "value": "1234", "display_in_invoice": False}]
        make_customer(organization, metadata=metadata, tax_identification_number="FR1")

        page = text_of(clerk.get(f"{LIST}?columns={','.join(ALL)}"))

        assert "po: 1234" in page

    def test_go_back_to_the_usual(self, clerk, organization):
        clerk.post(COLUMNS, {"organization": organization.pk, "column": ["city"]})
        clerk.post(COLUMNS, {"organization": organization.pk, "column": ["city"], "usual": "1"})

        assert ListChoice.objects.get().columns == []


class TestViews:
    def save(self, client, organization, **more):
        form = {"organization": organization.pk, "do": "save", "name": "French", **more}
        return client.post(VIEWS, {"query": "country=FR&nope=1", "columns": "city", **form})

    def test_are_saved_and_opened(self, clerk, organization):
        make_customer(organization, external_id="c1", country="FR", city="Nantes")
        make_customer(organization, external_id="c2", country="DE")

        answer = self.save(clerk, organization)

        assert SavedView.objects.get().query == "country=FR"
        assert ids(clerk.get(answer["Location"])) == ["c1"]
        assert "Nantes" in text_of(clerk.get(answer["Location"]))

    def test_are_seen_by_colleagues_if_shared(self, organization):
        lead, viewer = sign_in(organization, role="finance_lead"), sign_in(organization)
        make_customer(organization)

        self.save(lead, organization, name="Mine")
        self.save(lead, organization, name="Ours", shared="on")

        page = text_of(viewer.get(LIST))
        assert "Ours" in page
        assert "Mine" not in page

    def test_are_shared_only_by_who_may(self, clerk, organization):
        assert self.save(clerk, organization, shared="on").status_code == 403
        assert not SavedView.objects.exists()

    def test_open_first_if_preferred(self, clerk, organization):
        self.save(clerk, organization)
        view = SavedView.objects.get()

        clerk.post(VIEWS, {"organization": organization.pk, "do": "prefer", "view": view.pk})

        assert clerk.get(LIST)["Location"].endswith("&country=FR")
        assert clerk.get(f"{LIST}?view=all").status_code == 200

    def test_are_nobody_else_s_once_they_are_shared_no_more(self, clerk, organization):
        """Red when the view one preferred is opened without a look at whose it is."""
        lead = sign_in(organization, role="finance_lead")
        self.save(lead, organization, shared="on")
        view = SavedView.objects.get()
        clerk.post(VIEWS, {"organization": organization.pk, "do": "prefer", "view": view.pk})
        before = clerk.get(LIST).status_code

        self.save(lead, organization)

        assert (before, clerk.get(LIST).status_code) == (302, 200)

    def test_are_deleted_by_their_owner_alone(self, clerk, organization):
        other = sign_in(organization)
        self.save(clerk, organization)
        view = SavedView.objects.get()
        form = {"organization": organization.pk, "do": "delete", "view": view.pk}

        assert "This view is gone" in text_of(other.post(VIEWS, form, follow=True))
        assert SavedView.objects.exists()
        clerk.post(VIEWS, form)
        assert not SavedView.objects.exists()

    def test_of_another_organization_are_out_of_reach(self, clerk, organization):
        other = make_organization()
        stranger = sign_in(other, role="finance_lead")
        self.save(stranger, other, shared="on")
        view = SavedView.objects.get()

        clerk.post(VIEWS, {"organization": organization.pk, "do": "prefer", "view": view.pk})
        clerk.post(VIEWS, {"organization": other.pk, "do": "delete", "view": view.pk})

        assert not ListChoice.objects.filter(default_view=view).exists()
        assert SavedView.objects.exists()

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61])
    def test_need_a_name_that_can_be_read(self, clerk, organization, name):
        answer = self.save(clerk, organization, name=name)

        assert answer["Location"].startswith(LIST)
        assert not SavedView.objects.exists()

    def test_of_another_organization_stay(self, organization):
        """Red when who may delete shared views deletes those of all organizations."""
        theirs = make_organization()
        self.save(sign_in(theirs, role="finance_lead"), theirs, shared="on")
        view = SavedView.objects.get()
        lead = sign_in(organization, role="finance_lead")

        lead.post(VIEWS, {"organization": organization.pk, "do": "delete", "view": view.pk})

        assert SavedView.objects.filter(pk=view.pk).exists()

    @pytest.mark.parametrize("view", ["", "nope", "%00"])
    def test_survive_whatever_a_form_says(self, clerk, organization, view):
        for do in ("delete", "prefer", "nope"):
            form = {"organization": organization.pk, "do": do, "view": view}
            assert clerk.post(VIEWS, form).status_code == 302

    def test_that_were_kept_survive_a_customer_less_organization(self, clerk, organization):
        self.save(clerk, organization)

        assert not Customer.objects.exists()
        assert clerk.get(LIST).status_code == 200
