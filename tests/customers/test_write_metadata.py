"""The notes a caller keeps with a customer (customers.md 2.8)."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from customers.models import CustomerMetadata
from tests.customers.posting import post, refused, shown, unchanged

UTC = ZoneInfo("UTC")


def note(key, value="v", **more):
    return {"key": key, "value": value} | more


def ids(organization, external_id="c1"):
    """Return the ids of a customer's entries by key."""
    return {
        entry["key"]: entry["lago_id"] for entry in shown(organization, external_id)["metadata"]
    }


def notes(organization):
    """Return key, value and display of a customer's entries, in the order shown."""
    return [
        (entry["key"], entry["value"], entry["display_in_invoice"])
        for entry in shown(organization)["metadata"]
    ]


@pytest.fixture
def abc(organization):
    """A customer with the entries a, b and c, made a day apart; return their ids."""
    post(organization, metadata=[note("a"), note("b"), note("c", display_in_invoice=True)])
    for days, key in enumerate("abc"):
        at = datetime(2020, 1, 1 + days, tzinfo=UTC)
        CustomerMetadata.objects.filter(key=key).update(created_at=at)
    return ids(organization)


class TestReplacing:
    def test_makes_entries_in_the_order_sent(self, organization):
        post(organization, metadata=[note("z"), note("a"), note("m", display_in_invoice=1)])

        assert notes(organization) == [("z", "v", False), ("a", "v", False), ("m", "v", True)]

    def test_removes_what_is_not_matched(self, organization, abc):
        post(organization, metadata=[note("b"), note("d")])

        assert [key for key, _, _ in notes(organization)] == ["b", "d"]
        assert ids(organization)["b"] == abc["b"]

    def test_empties(self, organization, abc):
        post(organization, metadata=[])

        assert notes(organization) == []

    def test_keeps_id_and_time_of_what_is_matched(self, organization, abc):
        post(organization, metadata=[note("a", "new"), {"id": abc["b"], "key": "bb", "value": "w"}])

        first, second = shown(organization)["metadata"]
        assert (first["lago_id"], first["created_at"]) == (abc["a"], "2020-01-01T00:00:00Z")
        assert second == {
            "lago_id": abc["b"],
            "key": "bb",
            "value": "w",
            "display_in_invoice": False,
            "created_at": "2020-01-02T00:00:00Z",
        }

    def test_hides_what_does_not_say_otherwise(self, organization, abc):
        post(organization, metadata=[note("a"), note("b"), note("c")])

        assert notes(organization)[2] == ("c", "v", False)

    def test_matches_keys_exactly(self, organization, abc):
        post(organization, metadata=[note("A"), note("b "), note("ｃ")])

        assert not set(ids(organization).values()) & set(abc.values())

    @pytest.mark.parametrize("value", ["v", "  v", "20.50"])
    def test_changes_nothing_when_repeated(self, organization, value):
        post(organization, metadata=[note("a", value), note("b")])

        unchanged(organization, lambda: post(organization, metadata=[note("b"), note("a", value)]))

    def test_changes_nothing_when_the_answer_is_sent_back(self, organization, abc):
        answered = shown(organization)["metadata"]
        by_id = [entry | {"id": entry["lago_id"]} for entry in answered]

        unchanged(organization, lambda: post(organization, metadata=answered))
        unchanged(organization, lambda: post(organization, metadata=by_id))

    def test_orders_by_time_then_id(self, organization, abc):
        CustomerMetadata.objects.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))

        shown_ids = [entry["lago_id"] for entry in shown(organization)["metadata"]]

        assert shown_ids == sorted(abc.values())

    def test_puts_later_entries_last(self, organization, abc):
        later = CustomerMetadata.objects.get(key="c").created_at + timedelta(days=1)
        CustomerMetadata.objects.filter(key="a").update(created_at=later)

        assert [key for key, _, _ in notes(organization)] == ["b", "c", "a"]


class TestById:
    def test_may_omit_key_or_value(self, organization, abc):
        post(
            organization,
            metadata=[
                {"id": abc["a"], "value": "w"},
                {"id": abc["b"], "key": "bb"},
                {"id": abc["c"]},
            ],
        )

        assert notes(organization) == [("a", "w", False), ("bb", "v", False), ("c", "v", False)]

    def test_takes_ids_in_any_case(self, organization, abc):
        post(organization, metadata=[{"id": abc["a"].upper(), "value": "w"}])

        assert ids(organization) == {"a": abc["a"]}

    def test_swaps_keys(self, organization, abc):
        """Seen to fail with a unique constraint that is checked row by row."""
        post(
            organization,
            metadata=[
                {"id": abc["a"], "key": "b"},
                {"id": abc["b"], "key": "c"},
                {"id": abc["c"], "key": "a"},
            ],
        )

        assert ids(organization) == {"b": abc["a"], "c": abc["b"], "a": abc["c"]}

    def test_takes_the_key_of_an_entry_that_goes(self, organization, abc):
        post(organization, metadata=[{"id": abc["a"], "key": "b"}])

        assert ids(organization) == {"b": abc["a"]}

    def test_leaves_a_claimed_entry_out_of_matching_by_key(self, organization, abc):
        post(organization, metadata=[note("a", "new"), {"id": abc["a"], "key": "x"}])

        found = ids(organization)
        assert found["x"] == abc["a"]
        assert found["a"] not in abc.values()

    @pytest.mark.parametrize(
        "odd", ["nonsense", 5, None, [], "00000000-0000-4000-8000-000000000000"]
    )
    def test_takes_other_ids_as_absent(self, organization, abc, odd):
        post(organization, metadata=[{"id": odd} | note("a", "w")])

        assert ids(organization) == {"a": abc["a"]}
        assert refused(organization, metadata=[{"id": odd, "value": "w"}]) == {
            "key": ["value_is_mandatory"]
        }

    def test_takes_the_id_of_another_customer_as_absent(self, organization, abc):
        post(organization, "c2", metadata=[note("theirs")])
        theirs = ids(organization, "c2")["theirs"]

        post(organization, metadata=[{"id": theirs} | note("mine")])

        assert ids(organization)["mine"] != theirs
        assert ids(organization, "c2") == {"theirs": theirs}

    def test_refuses_an_id_twice(self, organization, abc):
        items = [{"id": abc["a"], "key": "x"}, {"id": abc["a"], "key": "y"}]

        assert refused(organization, metadata=items) == {"id": ["value_already_exist"]}

    def test_lets_an_id_that_is_absent_stand_twice(self, organization, abc):
        odd = str(uuid.uuid4())

        post(organization, metadata=[{"id": odd} | note("x"), {"id": odd} | note("y")])

        assert set(ids(organization)) == {"x", "y"}


class TestRefusals:
    def test_two_items_with_one_final_key(self, organization, abc):
        for items in (
            [note("x"), note("x", "w")],
            [note("a"), {"id": abc["b"], "key": "a"}],
            [{"id": abc["a"]}, note("a")],
            [{"id": abc["a"], "key": "x"}, {"id": abc["b"], "key": "x"}],
            [note("x"), note("x"), note("y"), note("y")],
        ):
            assert refused(organization, metadata=items) == {"key": ["value_already_exist"]}

    def test_a_new_item_without_key_or_value(self, organization, abc):
        assert refused(organization, metadata=[{}]) == {
            "key": ["value_is_mandatory"],
            "value": ["value_is_mandatory"],
        }
        assert refused(organization, metadata=[{"key": "a"}, {"key": "b"}]) == {
            "value": ["value_is_mandatory"]
        }
        assert refused(organization, metadata=[{"value": "a"}, {"value": "b"}]) == {
            "key": ["value_is_mandatory"]
        }

    def test_blank_is_not_omitted(self, organization, abc):
        for blank in ("", " ", None):
            assert refused(organization, metadata=[{"id": abc["a"], "key": blank}]) == {
                "key": ["value_is_mandatory"]
            }

    def test_six_items(self, organization, abc):
        items = [note(str(n)) for n in range(6)]

        assert refused(organization, metadata=items) == {"metadata": ["invalid_count"]}

    def test_every_problem_of_the_list(self, organization, abc):
        items = [
            note("x" * 21),
            note("y", "w" * 101),
            {"value": "v"},
            note("k"),
            note("k"),
            {"id": abc["a"], "key": "p"},
            {"id": abc["a"], "key": "q", "display_in_invoice": "maybe"},
        ]

        assert refused(organization, metadata=items) == {
            "metadata": ["invalid_count"],
            "key": ["value_is_too_long", "value_is_mandatory", "value_already_exist"],
            "value": ["value_is_too_long"],
            "display_in_invoice": ["value_is_invalid"],
            "id": ["value_already_exist"],
        }

    def test_a_bad_item_makes_no_other_problem(self, organization, abc):
        items = [note("x" * 21), note("y" * 21), note("z", "")]

        assert refused(organization, metadata=items) == {
            "key": ["value_is_too_long"],
            "value": ["value_is_mandatory"],
        }


class TestRecord:
    def test_shows_both_lists(self, organization, abc):
        outcome = post(organization, metadata=[note("a"), note("d", "w")])

        new = ids(organization)
        assert outcome.diff == {
            "metadata": [
                [
                    {"lago_id": abc["a"], "key": "a", "value": "v", "display_in_invoice": False},
                    {"lago_id": abc["b"], "key": "b", "value": "v", "display_in_invoice": False},
                    {"lago_id": abc["c"], "key": "c", "value": "v", "display_in_invoice": True},
                ],
                [
                    {"lago_id": abc["a"], "key": "a", "value": "v", "display_in_invoice": False},
                    {"lago_id": new["d"], "key": "d", "value": "w", "display_in_invoice": False},
                ],
            ]
        }
