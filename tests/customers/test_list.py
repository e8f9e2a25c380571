"""Lists of customers: order, pages, cursors (customers.md 4)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from customers.models import Customer, CustomerCounter
from customers.page import Position
from tests.conftest import Client
from tests.customers.builders import make_customer, make_customers
from tests.customers.calls import CUSTOMERS, ORDER, bare

SPRING = datetime(2026, 3, 1, tzinfo=UTC)


def listed(api: Client, query: str = "") -> tuple[list[str], dict[str, Any]]:
    """Return the external ids of a page, and its meta."""
    answer = api.get(f"{CUSTOMERS}?{query}")
    assert answer.status == 200, answer.body
    found = answer.json()
    assert list(found) == ["customers", "meta"]
    return [customer["external_id"] for customer in found["customers"]], found["meta"]


def meta(page: int, following: int | None, previous: int | None, pages: int, total: int) -> dict:
    return {
        "current_page": page,
        "next_page": following,
        "prev_page": previous,
        "total_pages": pages,
        "total_count": total,
    }


@pytest.fixture
def seven(organization) -> list[str]:
    """The external ids of seven customers in the order of a list; 3 to 5 are of one moment."""
    customers = make_customers(organization, [{"external_id": f"c{n}"} for n in range(7)])
    ages = [0, 1, 2, 3, 3, 3, 4]
    for customer, age in zip(customers, ages, strict=True):
        customer.created_at = SPRING - timedelta(days=age, microseconds=age)
    Customer.objects.bulk_update(customers, ["created_at"])
    customers.sort(key=lambda customer: customer.id)
    customers.sort(key=lambda customer: customer.created_at, reverse=True)
    return [customer.external_id for customer in customers]


class TestList:
    def test_shows_customers_without_what_only_one_shows(self, api, organization):
        customer = make_customer(organization, external_id="c1", name="Ann")

        answer = api.get(CUSTOMERS)

        shown = bare(customer, name="Ann")
        del shown["applicable_invoice_custom_sections"], shown["error_details"]
        assert answer.status == 200
        assert answer.json() == {"customers": [shown], "meta": meta(1, None, None, 1, 1)}
        assert list(answer.json()["customers"][0]) == ORDER[:-2]
        assert list(answer.json()["meta"]) == list(meta(1, None, None, 1, 1))

    def test_shows_the_newest_first_and_then_by_id(self, api, seven):
        assert listed(api)[0] == seven

    def test_shows_those_of_one_batch_the_last_one_first(self, api, organization):
        make_customers(organization, [{"external_id": f"c{n}"} for n in range(5)])

        assert listed(api)[0] == ["c4", "c3", "c2", "c1", "c0"]

    def test_never_shows_the_deleted(self, api, organization):
        make_customers(organization, [{"external_id": f"c{n}"} for n in range(3)])
        api.delete(f"{CUSTOMERS}/c1")

        for query in ("", "cursor=", "search_term=c", "external_id=c1&cursor=", "page=1"):
            ids, found = listed(api, query)

            assert "c1" not in ids
            assert found["total_count"] == len(ids)

    def test_has_no_pages_when_there_is_nothing(self, api):
        for query in ("", "search_term=x", "page=4", "per_page=1&page=2&countries[]=FR"):
            assert listed(api, query) == ([], meta(0, None, None, 0, 0))

    def test_answers_head_without_a_body(self, api, seven):
        answer = api.request("HEAD", CUSTOMERS)

        assert (answer.status, answer.body) == (200, b"")

    def test_costs_two_statements_with_everything_nested(self, api, organization):
        wish = {"metadata": [{"key": "k", "value": "v"}], "shipping_address": {"city": "Lyon"}}
        make_customers(organization, [wish] * 5)
        api.get(CUSTOMERS)
        sent = []
        real = psycopg.RawCursor.execute

        def execute(cursor: Any, statement: Any, *values: Any, **options: Any) -> Any:
            sent.append(statement)
            return real(cursor, statement, *values, **options)

        for query in ("", "cursor=", "search_term=x", "billing_entity_codes[]=acme_corp"):
            sent.clear()
            with (
                patch.object(psycopg.Cursor, "execute", execute),
                patch.object(psycopg.RawCursor, "execute", execute),
                connection.execute_wrapper(lambda *_: pytest.fail("a statement of the ORM")),
            ):
                assert api.get(f"{CUSTOMERS}?{query}").status == 200

            assert len(sent) == 2, query


class TestPages:
    @pytest.mark.parametrize(
        "page, ids, expected",
        [
            (1, slice(0, 2), meta(1, 2, None, 4, 7)),
            (2, slice(2, 4), meta(2, 3, 1, 4, 7)),
            (3, slice(4, 6), meta(3, 4, 2, 4, 7)),
            (4, slice(6, 7), meta(4, None, 3, 4, 7)),
            (5, slice(7, 7), meta(5, None, 4, 4, 7)),
        ],
    )
    @pytest.mark.parametrize("filters", ["", "&search_term=c"])
    def test_follow_one_another(self, api, seven, page, ids, expected, filters):
        assert listed(api, f"page={page}&per_page=2{filters}") == (seven[ids], expected)

    @pytest.mark.parametrize("size", range(1, 9))
    def test_are_the_same_read_from_either_end(self, api, seven, size):
        """The later half is read from the end; swapped limits there lose or repeat rows."""
        pages = [listed(api, f"page={page}&per_page={size}")[0] for page in range(1, 7 // size + 2)]

        assert [one for page in pages for one in page] == seven

    @pytest.mark.parametrize(
        "page, current", [("2147483647", 2147483647), ("9" * 30, 2147483647), ("9", 9)]
    )
    def test_end_somewhere_however_far_one_asks(self, api, seven, page, current):
        for filters in ("", "&search_term=c"):
            expected = meta(current, None, current - 1, 1, 7)

            assert listed(api, f"page={page}&per_page=1000{filters}") == ([], expected)

    @pytest.mark.parametrize(
        "query", ["page=0", "page=-3", "page=x", "page=", "page=1.5", "page=2&page=1", "page[]=2"]
    )
    def test_start_at_the_first_for_what_is_no_number(self, api, seven, query):
        assert listed(api, f"{query}&per_page=3") == (seven[:3], meta(1, 2, None, 3, 7))

    @pytest.mark.parametrize(
        "per_page, shown, pages",
        [("0", 1, 7), ("-1", 1, 7), ("x", 7, 1), ("", 7, 1), ("1001", 7, 1), ("9" * 40, 7, 1)],
    )
    def test_have_a_size_within_limits(self, api, seven, per_page, shown, pages):
        ids, found = listed(api, f"per_page={per_page}")

        assert (len(ids), found["total_pages"]) == (shown, pages)

    def test_hold_a_hundred_unless_told_and_a_thousand_at_most(self, api, organization):
        make_customers(organization, [{} for _ in range(1001)])

        assert len(listed(api)[0]) == 100
        assert len(listed(api, "per_page=5000")[0]) == 1000
        assert len(listed(api, "per_page=5000&page=2")[0]) == 1
        assert len(listed(api, "per_page=5000&cursor=")[0]) == 1000
        assert len(listed(api, "per_page=5000&search_term=customer")[0]) == 1000

    def test_take_the_count_from_the_counter_unless_rows_are_filtered(
        self, api, organization, seven
    ):
        CustomerCounter.objects.filter(organization=organization).update(kept=8)

        assert listed(api)[1]["total_count"] == 8
        assert listed(api, "cursor=")[1]["total_count"] == 8
        assert listed(api, "search_term=c")[1]["total_count"] == 7


class TestCursors:
    def walk(self, api: Client, size: int, filters: str = "") -> list[list[str]]:
        """Return the pages from the first to the last."""
        pages, cursor = [], ""
        while cursor is not None:
            ids, found = listed(api, f"cursor={cursor}&per_page={size}{filters}")
            pages.append(ids)
            cursor = found["next_cursor"]
        return pages

    @pytest.mark.parametrize("size", range(1, 9))
    @pytest.mark.parametrize("filters", ["", "&search_term=c"])
    def test_lead_through_the_whole_list(self, api, seven, size, filters):
        pages = self.walk(api, size, filters)

        assert [one for page in pages for one in page] == seven
        assert len(pages) == -(-7 // size)
        assert all(len(page) == size for page in pages[:-1])

    def test_leave_the_numbers_of_pages_out(self, api, seven):
        expected = {**meta(0, None, None, 4, 7), "current_page": None}

        ids, found = listed(api, "cursor=&per_page=2&page=3")

        cursor = found.pop("next_cursor")
        assert (ids, found) == (seven[:2], expected)
        assert isinstance(cursor, str)
        assert listed(api, f"cursor={cursor}&per_page=9")[1] == {
            **expected,
            "total_pages": 1,
            "next_cursor": None,
        }

    def test_lead_nowhere_when_there_is_nothing(self, api):
        expected = {**meta(0, None, None, 0, 0), "current_page": None, "next_cursor": None}

        assert listed(api, "cursor=") == ([], expected)
        assert listed(api, "cursor=&search_term=x") == ([], expected)

    @pytest.mark.parametrize("filters", ["", "&search_term=c"])
    def test_neither_repeat_nor_hide_when_others_come_and_go(
        self, api, organization, seven, filters
    ):
        ids, found = listed(api, f"cursor=&per_page=3{filters}")
        make_customers(organization, [{"external_id": f"c-new-{n}"} for n in range(3)])
        api.delete(f"{CUSTOMERS}/{seven[0]}")
        api.delete(f"{CUSTOMERS}/{seven[2]}")

        rest, _ = listed(api, f"cursor={found['next_cursor']}&per_page=9{filters}")

        assert (ids, rest) == (seven[:3], seven[3:])

    @pytest.mark.parametrize(
        "cursor",
        ["x", "0", "%00", "A" * 31, "A" * 33, "A" * 32 + "=", "é" * 32, "f" * 32, "+" * 32],
    )
    def test_are_refused_when_unreadable(self, api, seven, cursor):
        answer = api.get(f"{CUSTOMERS}?cursor={cursor}&customer_type=x")

        assert answer.status == 422
        assert answer.json() == {
            "status": 422,
            "error": "Unprocessable Entity",
            "code": "validation_errors",
            "error_details": {
                "customer_type": ["must be one of: company, individual"],
                "cursor": ["value_is_invalid"],
            },
        }

    def test_count_the_last_one_and_ignore_a_list(self, api, seven):
        assert listed(api, "cursor=x&cursor=&per_page=2")[0] == seven[:2]
        assert "next_cursor" not in listed(api, "cursor[]=x")[1]


class TestPosition:
    @pytest.mark.parametrize(
        "time",
        [
            datetime(2026, 11, 21, 20, 15, 1, 123456, tzinfo=UTC),
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            datetime.max.replace(tzinfo=UTC),
            datetime.min.replace(tzinfo=UTC),
        ],
    )
    def test_survives_the_way_to_the_caller_and_back(self, time):
        position = Position(time, UUID(int=2**128 - 1))

        assert Position.read(position.cursor()) == position
        assert len(position.cursor()) == 32
