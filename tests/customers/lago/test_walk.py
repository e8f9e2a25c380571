"""The walk over a list that moves: everybody once, nobody passed over."""

import pytest

from customers.lago import walk as walk_module
from customers.lago.client import LagoRefused
from customers.lago.walk import CustomerWalk, Seen

pytestmark = pytest.mark.django_db


class MovingList:
    """A list by pages, newest first; `moves` change it before the request of that number."""

    def __init__(self, names, moves=None, *, per_page=3):
        self.names, self.moves, self.per_page = list(names), moves or {}, per_page
        self.asked = []

    def get(self, *path, page, per_page):
        assert path == ("customers",)
        self.asked.append(page)
        if len(self.asked) in self.moves:
            self.moves[len(self.asked)](self.names)
        start = (page - 1) * self.per_page
        shown = self.names[start : start + self.per_page]
        pages = -(-len(self.names) // self.per_page)
        return {
            "customers": [{"external_id": name, "lago_id": name} for name in shown],
            "meta": {"total_count": len(self.names), "total_pages": pages},
        }


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(walk_module, "PAGE", 3)


def names_of(account):
    walk = CustomerWalk(account, Seen())
    return [one["external_id"] for page in walk for one in page], walk


NAMES = [f"c{number}" for number in range(10)]


class TestCustomerWalk:
    def test_meets_everybody_once(self):
        account = MovingList(NAMES)

        found, walk = names_of(account)

        assert found == NAMES
        assert (walk.total, walk.missing) == (10, 0)
        assert account.asked == [1, 2, 3, 4, 1]

    def test_ends_at_an_empty_account(self):
        found, walk = names_of(MovingList([]))

        assert (found, walk.missing) == ([], 0)

    def test_meets_nobody_twice_when_some_are_created_meanwhile(self):
        account = MovingList(NAMES, {3: lambda names: names.insert(0, "new")})

        found, walk = names_of(account)

        assert sorted(found) == sorted([*NAMES, "new"])
        assert walk.missing == 0

    def test_passes_over_nobody_when_some_are_deleted_meanwhile(self):
        """Read the list only once, and c6 is passed over."""
        account = MovingList(NAMES, {3: lambda names: names.remove("c0")})

        found, _ = names_of(account)

        assert sorted(found) == NAMES
        assert account.asked == [1, 2, 3, 1, 1, 2, 3, 1]

    def test_passes_over_nobody_when_as_many_come_as_go(self):
        """Read the list only once, and the two late ones are never met."""

        def swap(names):
            names.remove("c1")
            names.remove("c2")
            names[:0] = ["late", "later"]

        found, walk = names_of(MovingList(NAMES, {3: swap}))

        assert sorted(found) == sorted([*NAMES, "late", "later"])
        assert walk.missing == 0

    def test_counts_a_page_that_is_shown_twice_once(self):
        """Take pages as they come, and the three of the first page are there twice."""
        account = MovingList(NAMES)
        plain = account.get
        account.get = lambda *path, page, per_page: plain(
            *path, page=1 if page == 2 and len(account.asked) < 3 else page, per_page=per_page
        )

        found, walk = names_of(account)

        assert sorted(found) == NAMES
        assert walk.missing == 0

    def test_says_how_many_it_was_never_shown(self):
        account = MovingList(NAMES)
        plain = account.get
        account.get = lambda *path, page, per_page: plain(*path, page=1, per_page=per_page)

        found, walk = names_of(account)

        assert (len(found), walk.missing) == (3, 7)

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"customers": {}, "meta": {}},
            {"customers": [], "meta": {"total_count": "1", "total_pages": 1}},
            {"customers": [{}], "meta": {"total_count": 1, "total_pages": 1}},
        ],
    )
    def test_refuses_what_is_no_list_of_customers(self, answer):
        account = MovingList([])
        account.get = lambda *path, **parameters: answer

        with pytest.raises(LagoRefused):
            names_of(account)
