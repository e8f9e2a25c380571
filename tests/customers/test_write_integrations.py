"""A customer's links to integrations (customers.md 2.10)."""

import pytest

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from customers.change import CustomerChange
from customers.models import IntegrationLink
from customers.write import write_customer
from tests.billing.builders import make_integration, make_organization
from tests.customers.posting import post, refused, shown, unchanged

NOT_FOUND = {"integration_customers": ["integration_not_found"]}
COUNT = {"integration_customers": ["invalid_count_per_integration_type"]}


@pytest.fixture
def acme(organization):
    """An organization with two NetSuite connections and one of each other kind but Avalara."""
    for kind, code in (
        ("netsuite", "n1"), ("netsuite", "n2"), ("xero", "x1"), ("hubspot", "h1"),
        ("salesforce", "s1"), ("anrok", "k1"),
    ):  # fmt: skip
        make_integration(organization, type=kind, code=code)
    return organization


def item(kind, code=None, **more):
    return {"integration_type": kind} | ({"integration_code": code} if code else {}) | more


def put(organization, *items, **more):
    return post(organization, integration_customers=list(items), **more)


def refuse(organization, *items, **more):
    return refused(organization, integration_customers=list(items), **more)


def links(organization, external_id="c1"):
    return {
        link["type"]: link for link in shown(organization, external_id)["integration_customers"]
    }


class TestShape:
    def test_shows_what_each_type_has(self, acme):
        put(
            acme,
            item("netsuite", "n1", external_customer_id="8841", subsidiary_id=2),
            item("hubspot", sync_with_provider=True, targeted_object="companies"),
            item(
                "xero", sync_with_provider=True, subsidiary_id="ignored", targeted_object="contacts"
            ),
        )

        found = links(acme)
        assert found["netsuite"] == {
            "lago_id": found["netsuite"]["lago_id"],
            "type": "netsuite",
            "integration_code": "n1",
            "external_customer_id": "8841",
            "sync_with_provider": False,
            "subsidiary_id": "2",
        }
        assert found["hubspot"] == {
            "lago_id": found["hubspot"]["lago_id"],
            "type": "hubspot",
            "integration_code": "h1",
            "external_customer_id": None,
            "sync_with_provider": True,
            "targeted_object": "companies",
            "email": None,
        }
        assert set(found["xero"]) == {
            "lago_id", "type", "integration_code", "external_customer_id", "sync_with_provider",
        }  # fmt: skip

    def test_keeps_the_order_of_making(self, acme):
        put(acme, *(item(kind, sync_with_provider=True) for kind in ("xero", "hubspot", "anrok")))

        assert list(links(acme)) == ["xero", "hubspot", "anrok"]


class TestConnection:
    def test_is_the_only_one_of_the_type(self, acme):
        for code in (None, ""):
            put(acme, item("xero", integration_code=code, sync_with_provider=True))

        assert links(acme)["xero"]["integration_code"] == "x1"

    def test_is_the_present_one_of_the_link(self, acme):
        put(acme, item("netsuite", "n2", external_customer_id="1"))

        unchanged(acme, lambda: put(acme, item("netsuite", external_customer_id="1")))
        unchanged(acme, lambda: put(acme, item("netsuite")))

    @pytest.mark.parametrize(
        "bad",
        [item("netsuite", external_customer_id="1"), item("avalara", sync_with_provider=True),
         item("netsuite", "n3", external_customer_id="1"),
         item("netsuite", "x1", sync_with_provider=1),
         item("netsuite", "N1", external_customer_id="1"),
         item("netsuite", "n1\0", external_customer_id="1")],
    )  # fmt: skip
    def test_must_be_known_or_the_only_one(self, acme, bad):
        assert refuse(acme, bad) == NOT_FOUND

    def test_of_others_is_unknown(self, organization):
        make_integration(make_organization(), type="xero", code="theirs")

        assert refuse(organization, item("xero", sync_with_provider=True)) == NOT_FOUND
        assert refuse(organization, item("xero", "theirs", sync_with_provider=True)) == NOT_FOUND

    def test_takes_the_remote_id_along_only_when_sent(self, acme):
        put(acme, item("netsuite", "n1", external_customer_id="1", subsidiary_id="2"))
        before = links(acme)["netsuite"]

        put(acme, item("netsuite", "n2"))
        moved = links(acme)["netsuite"]
        put(acme, item("netsuite", "n1", external_customer_id="3"))

        assert moved == before | {"integration_code": "n2", "external_customer_id": None}
        assert links(acme)["netsuite"] == before | {"external_customer_id": "3"}


class TestMatching:
    def test_by_id_needs_no_type(self, acme):
        put(acme, item("netsuite", "n1", external_customer_id="1"))
        before = links(acme)["netsuite"]

        put(acme, {"id": before["lago_id"].upper(), "external_customer_id": "2"})

        assert links(acme)["netsuite"] == before | {"external_customer_id": "2"}

    def test_by_type_keeps_the_link(self, acme):
        put(acme, item("xero", sync_with_provider=True))
        before = links(acme)["xero"]

        put(acme, item("xero", external_customer_id="9"))

        assert links(acme)["xero"]["lago_id"] == before["lago_id"]

    def test_removes_the_rest(self, acme):
        put(acme, item("xero", sync_with_provider=True), item("hubspot", sync_with_provider=True))

        put(acme, item("hubspot"))

        assert list(links(acme)) == ["hubspot"]
        put(acme)
        assert links(acme) == {}

    @pytest.mark.parametrize(
        "odd", [None, "", "nonsense", 5, [], "00000000-0000-4000-8000-000000000000"]
    )
    def test_takes_other_ids_as_absent(self, acme, odd):
        assert refuse(acme, {"id": odd, "sync_with_provider": True}) == {
            "integration_type": ["value_is_mandatory"]
        }
        put(acme, item("xero", id=odd, sync_with_provider=True))
        assert list(links(acme)) == ["xero"]

    def test_takes_the_id_of_another_customer_as_absent(self, acme):
        post(acme, "c2", integration_customers=[item("xero", external_customer_id="theirs")])
        theirs = links(acme, "c2")["xero"]

        assert refuse(acme, {"id": theirs["lago_id"], "external_customer_id": "x"}) == {
            "integration_type": ["value_is_mandatory"]
        }
        put(acme, item("xero", id=theirs["lago_id"], external_customer_id="mine"))

        assert links(acme)["xero"]["lago_id"] != theirs["lago_id"]
        assert links(acme, "c2")["xero"] == theirs


class TestValues:
    def test_ignores_an_item_that_wants_nothing(self, acme):
        put(acme, item("xero"), item("hubspot", sync_with_provider=False),
            item("anrok", external_customer_id=" ", sync_with_provider=None))  # fmt: skip

        assert links(acme) == {}

    @pytest.mark.parametrize("blank", [None, "", " "])
    def test_a_blank_remote_id_changes_nothing(self, acme, blank):
        put(acme, item("xero", external_customer_id="1"))

        unchanged(acme, lambda: put(acme, item("xero", external_customer_id=blank)))

    @pytest.mark.parametrize(
        ("kind", "sent", "stored"),
        [("xero", True, False), ("xero", None, False), ("salesforce", False, True),
         ("salesforce", None, True), ("hubspot", True, False)],
    )  # fmt: skip
    def test_a_remote_id_settles_syncing(self, acme, kind, sent, stored):
        wanted = item(kind, external_customer_id="1", sync_with_provider=sent)
        put(acme, wanted)

        assert links(acme)[kind]["sync_with_provider"] is stored
        unchanged(acme, lambda: put(acme, wanted))

    @pytest.mark.parametrize(
        ("sent", "stored"), [(True, True), ("1", True), (None, False), ("", False)]
    )
    def test_syncing_is_as_sent_otherwise(self, acme, sent, stored):
        put(acme, item("xero", sync_with_provider=True))

        put(acme, item("xero", sync_with_provider=sent))

        assert links(acme)["xero"]["sync_with_provider"] is stored

    def test_what_is_not_sent_stays(self, acme):
        put(acme, item("netsuite", "n1", sync_with_provider=True, subsidiary_id="2"),
            item("hubspot", sync_with_provider=True, targeted_object="contacts"))  # fmt: skip

        unchanged(acme, lambda: put(acme, item("netsuite"), item("hubspot")))

    def test_clears_on_null(self, acme):
        put(acme, item("netsuite", "n1", sync_with_provider=True, subsidiary_id="2"),
            item("hubspot", sync_with_provider=True, targeted_object="contacts"))  # fmt: skip

        put(acme, item("netsuite", subsidiary_id=None), item("hubspot", targeted_object=None))

        found = links(acme)
        assert found["netsuite"]["subsidiary_id"] is None
        assert found["hubspot"]["targeted_object"] is None


class TestCounts:
    def test_one_of_each_type(self, acme):
        twice = item("xero", sync_with_provider=True)

        assert refuse(acme, twice, twice) == COUNT
        put(acme, twice)
        assert refuse(acme, twice, {"id": links(acme)["xero"]["lago_id"]}) == COUNT

    def test_anrok_or_avalara(self, acme):
        make_integration(acme, type="avalara", code="v1")

        assert refuse(acme, item("anrok", sync_with_provider=True),
                      item("avalara", sync_with_provider=True)) == COUNT  # fmt: skip
        put(acme, item("anrok", sync_with_provider=True))
        put(acme, item("avalara", sync_with_provider=True))
        assert list(links(acme)) == ["avalara"]

    def test_are_reported_beside_unknown_connections_once_each(self, acme):
        bad = item("xero", "nope", sync_with_provider=True)

        assert refuse(acme, bad, bad) == {
            "integration_customers": ["integration_not_found", "invalid_count_per_integration_type"]
        }

    def test_type_is_mandatory_once(self, acme):
        assert refuse(acme, {"sync_with_provider": True}, {}) == {
            "integration_type": ["value_is_mandatory"]
        }

    def test_a_bad_item_hides_no_other(self, acme):
        assert refuse(acme, item("nonsense"), item("xero", "nope", sync_with_provider=True)) == {
            "integration_type": ["value_is_invalid"],
            "integration_customers": ["integration_not_found"],
        }


class TestPartner:
    def test_keeps_its_links_and_gets_no_new_ones(self, acme):
        put(acme, item("xero", external_customer_id="1"))
        before = links(acme)

        put(acme, item("hubspot", sync_with_provider=True), account_type="partner")
        assert links(acme) == before
        unchanged(acme, lambda: put(acme, item("hubspot", sync_with_provider=True)))
        unchanged(acme, lambda: put(acme))
        put(acme, account_type="customer")
        assert links(acme) == {}

    def test_starts_without_links(self, acme):
        put(acme, item("xero", external_customer_id="1"), account_type="partner")

        assert not IntegrationLink.objects.exists()

    def test_is_checked_all_the_same(self, acme):
        for bad, found in (
            (item("xero", "nope"), NOT_FOUND),
            ({}, {"integration_type": ["value_is_mandatory"]}),
            (item("nonsense"), {"integration_type": ["value_is_invalid"]}),
        ):
            assert refuse(acme, bad, account_type="partner") == found


class TestRecord:
    def test_shows_both_lists(self, acme):
        assert put(acme).diff == {"billing_entity_code": [None, "acme_corp"]}

        outcome = put(acme, item("netsuite", "n1", sync_with_provider=True, subsidiary_id="2"))

        new = {
            "lago_id": links(acme)["netsuite"]["lago_id"],
            "integration_type": "netsuite",
            "integration_code": "n1",
            "external_customer_id": None,
            "sync_with_provider": True,
            "subsidiary_id": "2",
            "targeted_object": None,
        }
        assert outcome.diff == {"integration_customers": [[], [new]]}
        assert put(acme).diff == {"integration_customers": [[new], []]}


class TestRemoteId:
    """What an integration calls a customer, once it has made it."""

    ACTOR = Actor(ChangeRecord.Door.PROVIDER, "NetSuite")

    def give(self, organization, link_id, remote_id="8841"):
        change = CustomerChange.naming("c1", link_id, remote_id)
        return write_customer(organization.pk, change, self.ACTOR)

    def test_is_kept_on_its_link_alone(self, acme):
        put(
            acme,
            item("netsuite", "n1", sync_with_provider=True, subsidiary_id="2"),
            item("xero", "x1", sync_with_provider=True),
            item("hubspot", external_customer_id="hs-1"),
        )
        before = links(acme)

        outcome = self.give(acme, before["netsuite"]["lago_id"])

        named = before["netsuite"] | {"external_customer_id": "8841"}
        assert links(acme) == before | {"netsuite": named}
        assert list(outcome.diff) == ["integration_customers"]

    def test_never_takes_the_place_of_another(self, acme):
        """Seen to fail when the id is written whatever is there."""
        put(acme, item("netsuite", "n1", external_customer_id="7"))

        outcome = self.give(acme, links(acme)["netsuite"]["lago_id"])

        assert outcome.kind == "unchanged"
        assert links(acme)["netsuite"]["external_customer_id"] == "7"

    def test_is_dropped_with_its_link(self, acme):
        put(acme, item("netsuite", "n1", sync_with_provider=True))
        gone = links(acme)["netsuite"]["lago_id"]
        put(acme, item("xero", "x1", sync_with_provider=True))

        outcome = self.give(acme, gone)

        assert outcome.kind == "unchanged"
        assert links(acme).keys() == {"xero"}
