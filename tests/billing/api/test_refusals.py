"""customers.md 1.5: every refusal to the letter, and what the database fails with."""

import psycopg
import pytest
from django.db import OperationalError, connection
from psycopg import errors

from billing.api import keys
from tests.conftest import Client

pytestmark = pytest.mark.urls("tests.billing.api.urls")

THINGS = "/api/v1/things"
MIB = 1_048_576
JSON_TYPE = "application/json"
THING = b'{"thing":{"name":"x"}}'


def error(status, words, code=None):
    body = {"status": status, "error": words}
    return body | ({"code": code} if code else {})


class TestRefusals:
    @pytest.mark.parametrize(
        ("refusal", "expected"),
        [
            (
                "invalid",
                error(422, "Unprocessable Entity", "validation_errors")
                | {
                    "error_details": {
                        "name": ["value_is_too_long"],
                        "currency": ["value_is_invalid"],
                    }
                },
            ),
            ("not_found", error(404, "Not Found", "tax_not_found")),
            ("not_allowed", error(405, "Method Not Allowed", "feature_not_supported")),
            ("stale", error(412, "Precondition Failed", "precondition_failed")),
            ("stale_without_object", error(412, "Precondition Failed", "precondition_failed")),
            (
                "third_party",
                error(422, "Unprocessable Entity", "third_party_error")
                | {
                    "error_details": {
                        "third_party": "Stripe",
                        "thirdparty_error": "No such customer",
                    }
                },
            ),
            ("unreachable", error(503, "Service Unavailable", "service_unavailable")),
            ("bug", error(500, "Internal Server Error", "internal_error")),
        ],
    )
    def test_are_answered_to_the_letter(self, api, refusal, expected):
        answer = api.post(THINGS, json={"thing": {"raise": refusal}})

        assert answer.status == expected["status"]
        assert answer.json() == expected
        assert list(answer.json()) == list(expected)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Content-Length"] == str(len(answer.body))
        assert answer.headers.get("ETag") == ('W/"1"' if refusal == "stale" else None)
        assert answer.headers.get("Retry-After") == ("1" if refusal == "unreachable" else None)
        assert "Allow" not in answer.headers

    def test_log_a_failure_under_its_route(self, api, caplog):
        api.put("/api/v1/things/Canary", json={"raise": "bug"})
        api.post(THINGS, json={"thing": {"raise": "bug", "name": "Canary"}})

        [record] = [one for one in caplog.records if one.name == "billing.api.refusals"]
        assert record.getMessage() == "unexpected error at api/v1/things"
        assert record.exc_info[0] is ZeroDivisionError

    def test_are_json_for_too_many_parameters(self, api):
        answer = api.get(f"{THINGS}?" + "&".join(f"a{n}=1" for n in range(1_001)))

        assert answer.status == 400
        assert answer.json()["error"].startswith("BadRequest: ")

    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*;q=0", "nonsense"])
    def test_are_json_whatever_is_accepted(self, api, accept):
        for target in (THINGS, "/api/v1/nothing"):
            answer = api.get(target, headers={"Accept": accept})

            assert answer.headers["Content-Type"] == "application/json"
            assert answer.json()

    def test_come_in_the_order_of_the_contract(self, organization, settings):
        """Each step mends the first thing wrong with one request; the next refusal follows."""
        settings.TARN_RATE_LIMIT = 1
        _, forbidden = keys.create_api_key(organization, permissions={"customer": ["read"]})
        _, allowed = keys.create_api_key(organization)
        Client(allowed).get(THINGS)
        bad = {"Content-Type": "a/b", "Idempotency-Key": "a b"}
        big = b"{" * (MIB + 1)

        def statuses():
            yield Client().request("POST", "/api/v1/nothing", body=big, headers=bad).status
            yield Client().request("PUT", THINGS, body=big, headers=bad).status
            yield Client().post(THINGS, body=big, headers=bad).status
            yield Client(forbidden).post(THINGS, body=big, headers=bad).status
            yield Client(allowed).post(THINGS, body=big, headers=bad).status
            settings.TARN_RATE_LIMIT = 100
            yield Client(allowed).post(THINGS, body=big, headers=bad).status
            bad["Content-Type"] = "application/json"
            yield Client(allowed).post(THINGS, body=big, headers=bad).status
            yield Client(allowed).post(THINGS, body=b"{bad", headers=bad).status
            bad["Idempotency-Key"] = "k1"
            yield Client(allowed).post(THINGS, body=b"{bad", headers=bad).status
            yield Client(allowed).post(THINGS, body=THING, headers=bad).status
            yield Client(allowed).post(THINGS, body=b"{}", headers=bad).status
            bad["Idempotency-Key"] = "k2"
            yield Client(allowed).post(THINGS, body=b"{}", headers=bad).status

        assert list(statuses()) == [404, 405, 401, 403, 429, 415, 413, 400, 400, 200, 422, 400]


class TestDatabaseFailures:
    @pytest.mark.parametrize(
        "failure",
        [
            OperationalError("the connection is lost"),
            psycopg.OperationalError(),
            psycopg.InterfaceError(),
            errors.LockNotAvailable(),
            errors.QueryCanceled(),
            errors.DeadlockDetected(),
            errors.SerializationFailure(),
            errors.AdminShutdown(),
            errors.TooManyConnections(),
            errors.ReadOnlySqlTransaction(),
        ],
    )
    def test_ask_to_try_again(self, api, monkeypatch, failure):
        def fail(*_):
            raise failure

        monkeypatch.setattr("tests.billing.api.urls.ThingsView.root", fail)

        answer = api.post(THINGS, body=THING)

        assert answer.status == 503
        assert answer.json() == error(503, "Service Unavailable", "service_unavailable")
        assert answer.headers["Retry-After"] == "1"

    @pytest.mark.parametrize(
        "failure", [errors.UndefinedTable(), errors.StatementTooComplex(), errors.UniqueViolation()]
    )
    def test_are_ours_if_trying_again_would_not_help(self, api, monkeypatch, failure):
        def fail(*_):
            raise failure

        monkeypatch.setattr("tests.billing.api.urls.ThingsView.root", fail)

        assert api.post(THINGS, body=THING).status == 500

    @pytest.mark.parametrize(
        "sql",
        [
            "SET statement_timeout = 10; SELECT pg_sleep(5)",
            "SELECT pg_terminate_backend(pg_backend_pid())",
        ],
    )
    @pytest.mark.django_db(transaction=True)
    def test_leave_the_next_request_a_working_connection(self, api, sql):
        failed = api.post(THINGS, json={"thing": {"sql": sql}})
        connection.ensure_connection()
        after = api.post(THINGS, body=THING)

        assert (failed.status, after.status) == (503, 200)

    @pytest.mark.django_db(transaction=True)
    def test_are_answered_when_no_connection_can_be_made(self, api, monkeypatch):
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "PORT", "1")
        try:
            answer = api.get(THINGS)
        finally:
            monkeypatch.undo()

        assert answer.status == 503
