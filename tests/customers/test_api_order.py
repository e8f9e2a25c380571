"""Which check of a request comes first, and preconditions (customers.md 1.2, 1.7)."""

import pytest

from customers.models import Customer
from tests.billing.builders import make_api_key
from tests.conftest import Answer, Client
from tests.customers.calls import CUSTOMERS, post
from tests.customers.posting import everything


class TestOrderOfChecks:
    """Each request breaks a rule and all that come after it (customers.md 1.2)."""

    def ask(self, api: Client, **headers: str) -> Answer:
        return api.post(CUSTOMERS, body=b"{", headers={"If-Match": '"x"', **headers})

    def test_looks_at_the_verb_before_the_key(self, anonymous):
        answer = anonymous.put(CUSTOMERS, body=b"{")

        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
        assert anonymous.post(f"{CUSTOMERS}/c1").headers["Allow"] == "GET, HEAD, DELETE"

    def test_looks_at_the_key_before_the_body(self, anonymous, organization):
        assert self.ask(anonymous).status == 401

    def test_looks_at_the_permission_before_the_body(self, organization):
        reader = Client(make_api_key(organization, permissions={"customer": ["read"]}))
        writer = Client(make_api_key(organization, permissions={"customer": ["write"]}))

        code = "{}_action_not_allowed_for_customer"
        answers = [self.ask(reader), reader.delete(f"{CUSTOMERS}/c1")]
        assert [(answer.status, answer.json()["code"]) for answer in answers] == [
            (403, code.format("write"))
        ] * 2
        answers = [writer.get(f"{CUSTOMERS}/c1"), writer.get(f"{CUSTOMERS}?updated_at[lte]=x")]
        assert [(answer.status, answer.json()["code"]) for answer in answers] == [
            (403, code.format("read"))
        ] * 2

    def test_looks_at_the_text_before_the_root(self, api):
        assert self.ask(api).json()["error"].startswith("BadRequest: ")
        assert "customer" not in self.ask(api).json()["error"]

    def test_looks_at_the_fields_before_the_codes_and_at_those_before_the_tag(self, api):
        headers = {"If-Match": '"x"'}
        body = {"external_id": "c1", "currency": "eur", "billing_entity_code": "x"}

        assert post(api, body, **headers).status == 422
        assert post(api, body | {"currency": "EUR"}, **headers).status == 404
        assert post(api, {"external_id": "c1"}, **headers).status == 412
        assert not Customer.objects.exists()


class TestPreconditions:
    @pytest.fixture
    def tag(self, api: Client) -> str:
        """The ETag of the customer `c1`."""
        return post(api, {"external_id": "c1"}).headers["ETag"]

    def test_writes_if_a_tag_matches(self, api, tag):
        for position, header in enumerate(["*", "{}", 'W/"no", {}', '"no", W/{}']):
            header = header.format(tag.removeprefix("W/"))
            answer = post(api, {"external_id": "c1", "name": f"{position}"}, **{"If-Match": header})

            assert answer.status == 200, header
            assert answer.headers["ETag"] != tag
            tag = answer.headers["ETag"]

    @pytest.mark.parametrize("header", ['"no"', "", "x", '"*"', 'W/"no", "neither"'])
    def test_refuses_if_none_matches_and_says_the_present_tag(self, api, tag, header):
        before = everything()

        answer = post(api, {"external_id": "c1", "name": "x"}, **{"If-Match": header})

        assert answer.status == 412
        assert answer.json() == {
            "status": 412,
            "error": "Precondition Failed",
            "code": "precondition_failed",
        }
        assert answer.headers["ETag"] == tag
        assert everything() == before

    @pytest.mark.parametrize("header", ["*", '"x"'])
    def test_refuses_if_there_is_no_such_customer(self, api, organization, header):
        before = everything()

        answer = post(api, {"external_id": "c1"}, **{"If-Match": header})

        assert answer.status == 412
        assert "ETag" not in answer.headers
        assert everything() == before

    def test_refuses_an_update_that_wants_to_create(self, api, tag):
        before = everything()

        answer = post(api, {"external_id": "c1", "name": "x"}, **{"If-None-Match": "*"})

        assert (answer.status, answer.headers["ETag"]) == (412, tag)
        assert everything() == before

    def test_creates_if_none_is_there(self, api, tag):
        assert post(api, {"external_id": "c2"}, **{"If-None-Match": "*"}).status == 200

    def test_ignores_tags_in_if_none_match(self, api, tag):
        assert post(api, {"external_id": "c1"}, **{"If-None-Match": tag}).status == 200

    def test_is_not_looked_at_when_showing(self, api, tag):
        headers = {"If-Match": '"no"', "If-None-Match": tag}

        assert api.get(f"{CUSTOMERS}/c1", headers=headers).status == 200
        assert api.get(CUSTOMERS, headers=headers).status == 200
