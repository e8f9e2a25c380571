"""Filters of the list of customers (customers.md 4)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from billing.values import COUNTRIES, CURRENCIES
from customers.models import Customer
from tests.billing.builders import make_billing_entity
from tests.conftest import Client
from tests.customers.builders import make_customer, make_customers
from tests.customers.calls import CUSTOMERS
from tests.customers.posting import everything


def ids(api: Client, query: str) -> str:
    """Return the external ids that a query finds, in their order; builders name them a, b, c."""
    answer = api.get(f"{CUSTOMERS}?{query}")
    assert answer.status == 200, answer.body
    found = answer.json()
    assert found["meta"]["total_count"] == len(found["customers"])
    return "".join(sorted(customer["external_id"] for customer in found["customers"]))


def details(api: Client, query: str) -> dict[str, Any]:
    """Return the problems of a query; the refusal leaves no trace."""
    before = everything()
    answer = api.get(f"{CUSTOMERS}?{query}")
    assert answer.status == 422, answer.body
    found = answer.json()
    problems = found.pop("error_details")
    assert found == {
        "status": 422,
        "error": "Unprocessable Entity",
        "code": "validation_errors",
    }
    assert everything() == before
    return problems


@pytest.fixture
def abc(organization):
    """Customers a, b and c, which differ in everything that can be filtered."""
    make_billing_entity(organization, code="acme_fr")
    make_customers(
        organization,
        [
            {
                "external_id": "a",
                "account_type": "partner",
                "customer_type": "company",
                "country": "FR",
                "currency": "EUR",
                "state": "Île, de",
                "zipcode": "01000",
                "tax_identification_number": "FR 12-34.56",
                "metadata": [{"key": "k", "value": "v"}, {"key": "Cost centre", "value": "1"}],
                "billing_entity_code": "acme_fr",
            },
            {
                "external_id": "b",
                "customer_type": "individual",
                "country": "DE",
                "currency": "USD",
                "state": "x",
                "zipcode": "1000",
                "tax_identification_number": "DE-.",
                "metadata": [{"key": "k", "value": "V"}, {"key": "a[b]", "value": "%"}],
            },
            {"external_id": "c"},
        ],
    )
    return organization


class TestExact:
    def test_external_id_is_compared_character_for_character(self, api, abc):
        make_customer(abc, external_id="A b/é")

        assert ids(api, "external_id=a") == "a"
        assert ids(api, "external_id=A") == ""
        assert ids(api, "external_id=A+b%2F%C3%A9") == "A b/é"
        assert ids(api, "external_id=") == ""
        assert ids(api, "external_id=a%00") == ""
        assert ids(api, f"external_id={'a' * 300}") == ""

    @pytest.mark.parametrize("external_id", [".", ".."])
    def test_external_id_reaches_what_a_path_may_not(self, api, organization, external_id):
        make_customer(organization, external_id=external_id)

        assert ids(api, f"external_id={external_id}") == external_id

    def test_the_last_of_a_repeated_scalar_counts(self, api, abc):
        assert ids(api, "external_id=a&external_id=b") == "b"
        assert ids(api, "customer_type=x&customer_type=company") == "a"

    def test_customer_type_is_one_of_two(self, api, abc):
        problem = {"customer_type": ["must be one of: company, individual"]}

        assert ids(api, "customer_type=company") == "a"
        assert ids(api, "customer_type=individual") == "b"
        for value in ("Company", "", "null", "x"):
            assert details(api, f"customer_type={value}") == problem

    @pytest.mark.parametrize("name", ["has_customer_type", "has_tax_identification_number"])
    def test_presence_is_true_or_false(self, api, abc, name):
        assert ids(api, f"{name}=true") == "ab"
        assert ids(api, f"{name}=false") == "c"
        for value in ("True", "1", "", "yes"):
            assert details(api, f"{name}={value}") == {name: ["must be one of: true, false"]}

    def test_no_customer_type_and_a_customer_type_contradict_each_other(self, api, abc):
        assert details(api, "has_customer_type=false&customer_type=company") == {
            "customer_type": ["must be nil when has_customer_type is false"]
        }
        assert details(api, "has_customer_type=false&customer_type=x") == {
            "customer_type": ["must be one of: company, individual"]
        }
        assert ids(api, "has_customer_type=true&customer_type=company") == "a"

    @pytest.mark.parametrize(
        "value", ["FR123456", "fr 12 34 56", "F.R.1-2-3-4-5-6", "FR%00123456", "FR%C2%A0123456"]
    )
    def test_tax_identification_number_looks_at_letters_and_digits(self, api, abc, value):
        assert ids(api, f"tax_identification_number={value}") == "a"

    def test_tax_identification_number_is_no_part_of_one(self, api, abc):
        assert ids(api, "tax_identification_number=FR12345") == ""
        assert ids(api, "tax_identification_number=%25") == ""

    @pytest.mark.parametrize("value", ["", "+", "%00", "%C2%A0"])
    def test_blank_tax_identification_number_filters_nothing(self, api, abc, value):
        assert ids(api, f"tax_identification_number={value}") == "abc"


class TestAnyOf:
    @pytest.mark.parametrize(
        "query, expected",
        [
            ("account_type[]=customer", "bc"),
            ("account_type[]=partner", "a"),
            ("account_type[]=partner&account_type[]=customer", "abc"),
            ("account_type%5B%5D=partner", "a"),
            ("countries[]=FR", "a"),
            ("countries[]=FR&countries[]=DE&countries[]=FR", "ab"),
            ("countries[]=JP", ""),
            ("currencies[]=EUR&currencies[]=JPY", "a"),
            ("states[]=%C3%8Ele,+de", "a"),
            ("states[]=X", ""),
            ("states[]=x&states[]=", "b"),
            ("zipcodes[]=01000", "a"),
            ("zipcodes[]=1000&zipcodes[]=0%001000", "ab"),
            ("billing_entity_codes[]=acme_fr", "a"),
            ("billing_entity_codes[]=acme_fr&billing_entity_codes[]=acme_corp", "abc"),
            ("billing_entity_codes[]=acme_fr&billing_entity_codes[]=acme_fr", "a"),
        ],
    )
    def test_finds_customers_with_any(self, api, abc, query, expected):
        assert ids(api, query) == expected

    @pytest.mark.parametrize(
        "name, good, choices",
        [
            ("account_type", "partner", "customer, partner"),
            ("countries", "FR", ", ".join(COUNTRIES)),
            ("currencies", "EUR", ", ".join(CURRENCIES)),
        ],
    )
    def test_names_the_place_of_each_that_is_none(self, api, abc, name, good, choices):
        values = ["x", good, "", good.lower() if good.isupper() else good.upper()]
        query = "&".join(f"{name}[]={value}" for value in values)

        words = [f"must be one of: {choices}"]
        assert details(api, query) == {name: {"0": words, "2": words, "3": words}}

    @pytest.mark.parametrize(
        "query",
        [
            "account_type=x",
            "countries=x",
            "currencies=x",
            "states=x",
            "zipcodes=x",
            "billing_entity_codes=x",
            "customer_type[]=x",
            "has_customer_type[]=x",
            "external_id[]=x",
            "search_term[]=x",
            "tax_identification_number[]=x",
            "metadata=x",
            "metadata[]=x",
            "metadata[k=x",
            "metadata[][k]=x",
            "updated_at=x",
            "updated_at[]=x",
            "updated_at[gt]=x",
            "updated_at[gte][]=x",
            "countries[0]=x",
            "countries[][]=x",
            "nothing=x&=&&[]=1&%00=%00&%FF=%FF&a[b]=c",
        ],
    )
    def test_ignores_what_has_another_shape(self, api, abc, query):
        assert ids(api, query) == "abc"

    def test_billing_entities_may_be_archived(self, api, abc):
        abc.billing_entities.filter(code="acme_fr").update(archived_at=datetime.now(UTC))

        assert ids(api, "billing_entity_codes[]=acme_fr") == "a"

    @pytest.mark.parametrize("code", ["x", "", "ACME_FR", "acme_fr%00", "%FF"])
    def test_unknown_billing_entities_are_not_found(self, api, abc, code):
        query = f"billing_entity_codes[]=acme_fr&billing_entity_codes[]={code}"

        answer = api.get(f"{CUSTOMERS}?{query}")

        assert (answer.status, answer.json()) == (
            404,
            {"status": 404, "error": "Not Found", "code": "billing_entity_not_found"},
        )
        assert details(api, f"{query}&customer_type=x").keys() == {"customer_type"}
        assert details(api, f"{query}&cursor=x").keys() == {"cursor"}


class TestMetadata:
    @pytest.mark.parametrize(
        "query, expected",
        [
            ("metadata[k]=v", "a"),
            ("metadata[k]=V", "b"),
            ("metadata[K]=v", ""),
            ("metadata[k]=%25", ""),
            ("metadata%5Bk%5D=v", "a"),
            ("metadata[k]=v&metadata[Cost+centre]=1", "a"),
            ("metadata[k]=v&metadata[Cost+centre]=2", ""),
            ("metadata[k]=v&metadata[k]=V", "b"),
            ("metadata[a[b]]=%25", "b"),
            ("metadata%5Ba%5Bb%5D%5D=%25", "b"),
            ("metadata[k]=%00v%00", "a"),
            ("metadata[k%00]=v", "a"),
            ("metadata[k]=", "c"),
            ("metadata[k]", "c"),
            ("metadata[k]=%00", "c"),
            ("metadata[a[b]]=", "ac"),
            ("metadata[a[b]]=&metadata[Cost+centre]=", "c"),
            ("metadata[a[b]]=&metadata[k]=v", "a"),
            ("metadata[none]=", "abc"),
            (f"metadata[{'k' * 300}]={'v' * 300}", ""),
        ],
    )
    def test_every_pair_must_match(self, api, abc, query, expected):
        assert ids(api, query) == expected

    def test_many_pairs_do_no_harm(self, api, abc):
        query = "&".join(f"metadata[k{n}]={n % 2 or ''}" for n in range(900))

        assert ids(api, query) == ""

    @pytest.mark.parametrize("name", ["metadata[k][]", "metadata[k][x]", "metadata[k][x][y]"])
    def test_a_value_must_be_a_string(self, api, abc, name):
        expected = {"metadata": {"k": ["must be a string"]}}

        assert details(api, f"{name}=v") == expected
        assert details(api, f"{quote(name)}=v&metadata[k]=v&metadata[l]=v") == expected
        assert details(api, f"{name}=v&metadata[%C3%A9][]=v") == {
            "metadata": {"k": ["must be a string"], "é": ["must be a string"]}
        }


class TestUpdatedAt:
    @pytest.fixture
    def noon(self, organization):
        """A customer `a` that changed at noon, shown without the fraction of a second."""
        made = make_customer(organization, external_id="a")
        time = datetime(2026, 5, 19, 12, 0, 0, 700_000, tzinfo=UTC)
        Customer.objects.filter(pk=made.pk).update(updated_at=time)

    @pytest.mark.parametrize(
        "value, from_there, until_there",
        [
            ("2026-05-19T12:00:00Z", True, True),
            ("2026-05-19T12:00:00z", True, True),
            ("2026-05-19t12:00:00", True, True),
            ("2026-05-19T12:00", True, True),
            ("2026-05-19T14:00:00%2B02:00", True, True),
            ("2026-05-19T14:00:00%2B0200", True, True),
            ("2026-05-19T10:00:00-02", True, True),
            ("2026-05-19T12:00:00.5", False, True),
            ("2026-05-19T12:00:01Z", False, True),
            ("2026-05-19T11:59:59.999999Z", True, False),
            ("2026-05-19", True, True),
            ("2026-05-18", True, False),
            ("2026-05-20", False, True),
            ("0001-01-01", True, False),
            ("9999-12-31", False, True),
            ("9999-12-31T23:59:59.999999Z", False, True),
        ],
    )
    def test_compares_whole_seconds(self, api, noon, value, from_there, until_there):
        assert bool(ids(api, f"updated_at[gte]={value}")) is from_there
        assert bool(ids(api, f"updated_at[lte]={value}")) is until_there

    def test_finds_exactly_what_an_answer_shows(self, api, organization):
        make_customer(organization, external_id="a")
        shown = api.get(f"{CUSTOMERS}/a").json()["customer"]["updated_at"]

        assert ids(api, f"updated_at[gte]={shown}&updated_at[lte]={shown}") == "a"

    @pytest.mark.parametrize(
        "value",
        [
            *("", "x", "2026", "2026-05", "2026-5-19", "20260519", "2026-02-30", "2026-13-01"),
            *("0000-01-01", "10000-01-01", "2026-05-19T", "2026-05-19T25:00", "2026-05-19T12"),
            *("2026-05-19+12:00:00", "2026-05-19T12:00:00+02:00", "2026-05-19T12:00:60Z"),
            *("1779192000", "2026-W20-2", "now", "infinity", "0001-01-01T00:00:00%2B14:00"),
            *("9999-12-31T23:00:00-14:00", quote("２０２６-05-19"), "2026-05-19%0A"),
        ],
    )
    def test_asks_for_iso_8601(self, api, noon, value):
        expected = {"updated_at": ["value_is_invalid"]}

        assert details(api, f"updated_at[gte]={value}") == expected
        assert details(api, f"updated_at[lte]={value}&updated_at[gte]=x") == expected


class TestTogether:
    def test_all_filters_must_match(self, api, abc):
        query = (
            "account_type[]=partner&customer_type=company&has_customer_type=true&countries[]=FR"
            "&currencies[]=EUR&states[]=%C3%8Ele,+de&zipcodes[]=01000"
            "&has_tax_identification_number=true&tax_identification_number=fr123456"
            "&metadata[k]=v&metadata[x]=&billing_entity_codes[]=acme_fr&search_term=A"
            f"&updated_at[gte]={datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
            f"&updated_at[lte]={datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
        )

        assert ids(api, query) == "a"
        assert ids(api, f"{query}&external_id=a") == "a"
        assert ids(api, f"{query}&external_id=b") == ""
        assert ids(api, f"{query}&cursor=") == "a"

    def test_all_problems_are_told_at_once(self, api, abc):
        query = (
            "account_type[]=x&customer_type=x&has_customer_type=x&has_tax_identification_number=x"
            "&metadata[k][]=x&updated_at[gte]=x&cursor=x&billing_entity_codes[]=x"
        )

        assert details(api, query) == {
            "account_type": {"0": ["must be one of: customer, partner"]},
            "customer_type": ["must be one of: company, individual"],
            "has_customer_type": ["must be one of: true, false"],
            "has_tax_identification_number": ["must be one of: true, false"],
            "metadata": {"k": ["must be a string"]},
            "updated_at": ["value_is_invalid"],
            "cursor": ["value_is_invalid"],
        }

    def test_a_thousand_parameters_are_enough(self, api, abc):
        assert ids(api, "&".join(["states[]=x"] * 1000)) == "b"

        answer = api.get(f"{CUSTOMERS}?{'&'.join(['states[]=x'] * 1001)}")

        assert answer.status == 400
        assert answer.json().keys() == {"status", "error"}
        assert answer.json()["error"].startswith("BadRequest: ")

    def test_values_never_become_sql(self, api, abc):
        evil = quote("'; DROP TABLE customers_customer; -- %s %(x)s {x} $1 \\")
        names = [
            "external_id",
            "search_term",
            "tax_identification_number",
            "states[]",
            "zipcodes[]",
        ]
        for name in [*names, "metadata[k]", f"metadata[{evil}]"]:
            assert ids(api, f"{name}={evil}") == ""

        assert Customer.objects.count() == 3
