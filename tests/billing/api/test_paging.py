"""customers.md 4: pages by number."""

import pytest
from django.http import QueryDict

from billing.api.paging import Page, page_meta, read_page


def meta(number, total, size=10):
    return list(page_meta(Page(number, size), total).values())


class TestReadPage:
    @pytest.mark.parametrize(
        ("query", "number", "size"),
        [
            ("", 1, 100),
            ("page=2&per_page=20", 2, 20),
            ("page=0&per_page=0", 1, 1),
            ("page=-5&per_page=-5", 1, 1),
            ("page=007&per_page=007", 7, 7),
            ("page=abc&per_page=abc", 1, 100),
            ("page=&per_page=", 1, 100),
            ("page=1.5&per_page=1e2", 1, 100),
            ("page=%2B2&per_page=%202", 1, 100),
            ("page=2%0A&per_page=2%0A", 1, 100),
            ("page=%D9%A2&per_page=1_0", 1, 100),
            ("page=2147483648&per_page=1001", 2_147_483_647, 1_000),
            (f"page={'9' * 10_000}&per_page={'9' * 10_000}", 2_147_483_647, 1_000),
            (f"page=-{'9' * 10_000}&per_page=-{'9' * 10_000}", 1, 1),
            ("page=1&page=3", 3, 100),
        ],
    )
    def test_clamps_numbers_and_ignores_the_rest(self, query, number, size):
        assert read_page(QueryDict(query)) == Page(number, size)


class TestPageMeta:
    def test_names_its_keys_in_the_order_of_the_wire(self):
        assert list(page_meta(Page(1, 10), 5)) == [
            "current_page",
            "next_page",
            "prev_page",
            "total_pages",
            "total_count",
        ]

    @pytest.mark.parametrize(
        ("number", "total", "expected"),
        [
            (1, 0, [0, None, None, 0, 0]),
            (5, 0, [0, None, None, 0, 0]),
            (1, 10, [1, None, None, 1, 10]),
            (1, 11, [1, 2, None, 2, 11]),
            (2, 25, [2, 3, 1, 3, 25]),
            (3, 25, [3, None, 2, 3, 25]),
            (4, 25, [4, None, 3, 3, 25]),
            (2_147_483_647, 25, [2_147_483_647, None, 2_147_483_646, 3, 25]),
        ],
    )
    def test_links_the_neighbors_that_there_are(self, number, total, expected):
        assert meta(number, total) == expected
