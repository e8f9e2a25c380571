"""Pages of a list, whichever way they are found: every customer once, in order."""

import pytest
from django.db import connection
from django.db.models import F
from django.http import QueryDict

from customers import listing, walking
from customers.listing import Amount, amount, customer_list, neighbors
from customers.models import Customer
from customers.search import CustomerQuery
from tests.billing.builders import make_organization
from tests.customers.builders import make_customer, make_customers


@pytest.fixture
def many(organization):
    """Twenty customers of two transactions: half of them share each moment of creation."""
    for start in (0, 10):
        make_customers(
            organization,
            [
                {
                    "external_id": f"c{number:02}",
                    "name": "Rare" if number == 3 else f"Common {number}",
                    "country": "FR" if number % 2 else "DE",
                }
                for number in range(start, start + 10)
            ],
        )
    make_customer(make_organization(), external_id="theirs", name="Rare Common", country="FR")


@pytest.fixture(params=[5_000, 4, 1], ids=["walked", "walked and found", "found"])
def walk(request, monkeypatch):
    monkeypatch.setattr(walking, "_WALK", request.param)


def pages(query, size=3):
    """Follow the cursors to the end and back; return both ways."""
    forth, page = [], customer_list(query, size=size)
    forth.append(page)
    while page.next:
        page = customer_list(query, after=page.next, size=size)
        forth.append(page)
    back = [page]
    while page.previous:
        page = customer_list(query, before=page.previous, size=size)
        back.append(page)
    return forth, back


def names(found):
    rows = dict(Customer.objects.values_list("pk", "external_id"))
    return [rows[pk] for page in found for pk in page.ids]


class TestCustomerList:
    @pytest.mark.parametrize("order", ["newest", "oldest", "name", "external_id"])
    @pytest.mark.parametrize("address", ["", "country=FR", "q=common", "country=FR&q=rare"])
    def test_shows_everybody_once_in_order_both_ways(
        self, organization, many, walk, order, address
    ):
        query = CustomerQuery.read(organization.pk, QueryDict(f"{address}&order={order}"))
        expected = list(query.ordered().values_list("external_id", flat=True))

        forth, back = pages(query)

        assert names(forth) == expected
        assert [page.ids for page in back][::-1] == [page.ids for page in forth]
        assert expected

    def test_puts_names_in_order_as_people_read_them(self, organization):
        """Red when accents, case or the kind of name decide, or the index has another order."""
        make_customers(
            organization,
            [
                {"external_id": "c1", "name": "zorro"},
                {"external_id": "c2", "legal_name": "Élan", "name": "Zzz"},
                {"external_id": "c3", "firstname": "Eva", "lastname": "Ek"},
                {"external_id": "dora"},
                {"external_id": "c4", "name": "Elan"},
            ],
        )

        found = customer_list(CustomerQuery(organization.pk, order="name"))

        assert names_of(found.ids) in (
            ["dora", "c2", "c4", "c3", "c1"],
            ["dora", "c4", "c2", "c3", "c1"],
        )

    def test_reads_names_by_index(self, organization):
        """Red when the order is not to the letter that of the index."""
        way = walking.Way(CustomerQuery(organization.pk), listing.ORDERS["name"])
        with connection.cursor() as cursor:
            for way_out in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET LOCAL enable_{way_out} = off")
            plan = way.everybody(("m", customer_id()))[:50].explain()

        assert "customer_by_name" in plan
        assert "Sort" not in plan

    @pytest.mark.parametrize("cursor", ["nonsense", "%00", "e30", "YQ", "MjAyNh9h"])
    def test_begins_anew_for_a_cursor_nobody_made(self, organization, many, cursor):
        query = CustomerQuery(organization.pk)

        assert len(customer_list(query, after=cursor, size=3).ids) == 3


class TestNeighbors:
    @pytest.mark.parametrize("order", ["external_id", "name"])
    def test_stand_before_and_after_in_the_list(self, organization, many, walk, order):
        query = CustomerQuery.read(organization.pk, QueryDict(f"country=FR&order={order}"))
        Customer.objects.filter(organization=organization).update(name=F("external_id"))
        ids = dict(Customer.objects.values_list("external_id", "pk"))

        def of(name):
            return neighbors(query, Customer.objects.get(external_id=name))

        assert of("c05") == (ids["c03"], ids["c07"])
        assert of("c04") == (ids["c03"], ids["c05"])
        assert of("c01") == (None, ids["c03"])
        assert of("c19") == (ids["c17"], None)


class TestAmount:
    def test_is_exact_where_that_is_quick(self, organization, many):
        """Red when the counter of any organization will do."""
        theirs = Customer.objects.get(external_id="theirs").organization_id

        assert amount(CustomerQuery(theirs)) == Amount(1)
        assert amount(CustomerQuery(organization.pk)) == Amount(20)
        assert amount(CustomerQuery(organization.pk, "rare")) == Amount(1)

    def test_says_more_beyond_what_is_counted(self, organization, many, monkeypatch):
        monkeypatch.setattr(listing, "HITS", 5)
        monkeypatch.setattr(walking, "HITS", 5)
        monkeypatch.setattr(walking, "_WALK", 1)

        assert amount(CustomerQuery(organization.pk, "common")) == Amount(5, "more")

    def test_says_about_where_counting_takes_too_long(self, organization, many, monkeypatch):
        monkeypatch.setattr(listing, "_estimate", lambda query: 1_234_567)
        monkeypatch.setattr(listing, "HITS", 5)

        found = amount(CustomerQuery(organization.pk, filters={"country": ("FR", "DE")}))

        assert found == Amount(1_234_567, "about")

    def test_walks_where_no_index_knows_in_time(self, organization, many, monkeypatch):
        """Red when the walk is left out, and when it counts its own end."""
        monkeypatch.setattr(walking.Way, "count", lambda way, patience: None)
        monkeypatch.setattr(listing, "COUNTED", 5)

        assert amount(CustomerQuery(organization.pk, "rare")) == Amount(1)
        assert amount(CustomerQuery(organization.pk, "common")) == Amount(5, "more")

        impatient(monkeypatch)
        assert amount(CustomerQuery(organization.pk, "rare")) == Amount(0, "so far")

    def test_is_known_to_a_page_that_saw_them_all(self, organization, many, walk):
        page = customer_list(CustomerQuery(organization.pk, "common"), size=3)

        assert page.amount == Amount(19)
        assert customer_list(CustomerQuery(organization.pk, "rare"), size=3).amount == Amount(1)


class TestPatience:
    """Red when `walk` is given no time limit, or when `further` is dropped."""

    def test_stops_and_goes_on_where_it_stopped(self, organization, many, monkeypatch):
        impatient(monkeypatch)
        query = CustomerQuery(organization.pk, "rare")
        found, page = [], customer_list(query, size=3)

        while page.further:
            found += page.ids
            page = customer_list(query, after=page.further, size=3)

        assert names([page]) + names_of(found) == ["c03"]

    def test_says_so_far(self, organization, many, monkeypatch):
        impatient(monkeypatch)

        assert customer_list(CustomerQuery(organization.pk, "rare")).amount == Amount(0, "so far")

    def test_never_takes_a_stop_for_the_beginning_of_the_list(
        self, organization, many, monkeypatch
    ):
        query = CustomerQuery(organization.pk, "rare", order="oldest")
        last = customer_list(CustomerQuery(organization.pk, "common", order="oldest"), size=20)
        impatient(monkeypatch)
        page = customer_list(query, before=cursor_of(last.ids[-1], "oldest"), size=3)

        found = []
        for _ in range(30):
            found += page.ids
            if not page.previous:
                break
            page = customer_list(query, before=page.previous, size=3)

        assert set(names_of(found)) == {"c03"}


def impatient(monkeypatch):
    """Leave time for one step at a time: the index never answers, a walk looks at one more."""
    monkeypatch.setattr(walking, "_WALK", 1)
    monkeypatch.setattr(walking.Way, "hits", lambda *_: None)
    none = walking.Patience(0, -1_000)
    monkeypatch.setattr(listing, "AT_ONCE", none)
    monkeypatch.setattr(listing, "IN_PASSING", none)
    monkeypatch.setattr(
        listing.customer_list,
        "__kwdefaults__",
        {**listing.customer_list.__kwdefaults__, "patience": none},
    )


def customer_id():
    return Customer(name="m").pk


def names_of(ids):
    rows = dict(Customer.objects.values_list("pk", "external_id"))
    return [rows[pk] for pk in ids]


def cursor_of(pk, order):
    customer = Customer.objects.get(pk=pk)
    return listing._cursor(
        tuple(getattr(customer, name) for name, _ in listing.ORDERS[order].columns)
    )
