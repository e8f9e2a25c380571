"""customers.md 1.8: how often a key may call."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from billing.api import keys
from billing.api.models import RequestCount
from billing.api.throttle import count_request
from tests.billing.builders import make_organization
from tests.conftest import Client

pytestmark = pytest.mark.urls("tests.billing.api.urls")


@pytest.fixture
def limit(settings):
    settings.TARN_RATE_LIMIT = 3


def left(answer):
    return answer.headers["x-ratelimit-remaining"]


class TestCountRequest:
    def test_counts_nothing_unless_a_limit_is_set(self, api):
        answer = api.get("/api/v1/things")

        assert "x-ratelimit-limit" not in answer.headers
        assert not RequestCount.objects.exists()

    def test_refuses_what_is_over_the_limit(self, api, limit):
        answers = [api.get("/api/v1/things") for _ in range(5)]

        assert [one.status for one in answers] == [200, 200, 200, 429, 429]
        assert [left(one) for one in answers] == ["2", "1", "0", "0", "0"]
        assert {one.headers["x-ratelimit-limit"] for one in answers} == {"3"}
        assert answers[3].json() == {
            "status": 429,
            "error": "Too Many Requests",
            "code": "too_many_requests",
        }
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 60
        assert answers[3].headers["Retry-After"] == answers[3].headers["x-ratelimit-reset"]

    def test_counts_every_answer_to_a_known_key(self, api, organization, limit):
        _, text = keys.create_api_key(organization, permissions={"tax": ["read"]})
        reader = Client(text)

        forbidden = reader.post("/api/v1/things", body=b"{bad")
        bad = api.post("/api/v1/things", body=b"{bad")
        unknown = Client("tarn_unknown_key_1").get("/api/v1/things")
        wrong_verb = api.put("/api/v1/things")

        assert (forbidden.status, left(forbidden)) == (403, "2")
        assert (bad.status, left(bad)) == (400, "2")
        assert "x-ratelimit-limit" not in unknown.headers
        assert "x-ratelimit-limit" not in wrong_verb.headers

    def test_refuses_a_forbidden_request_as_forbidden_over_the_limit_too(self, organization, limit):
        _, text = keys.create_api_key(organization, permissions={"customer": ["read"]})

        answers = [Client(text).get("/api/v1/things") for _ in range(4)]

        assert [one.status for one in answers] == [403] * 4

    def test_refuses_before_it_looks_at_the_body(self, api, limit):
        for _ in range(3):
            api.get("/api/v1/things")

        assert api.post("/api/v1/things", body=b"{bad").status == 429

    def test_counts_keys_apart(self, api, limit):
        _, text = keys.create_api_key(make_organization())

        api.get("/api/v1/things")

        assert left(Client(text).get("/api/v1/things")) == "2"

    def test_starts_anew_when_the_window_is_over(self, api, limit):
        for _ in range(4):
            api.get("/api/v1/things")
        count = RequestCount.objects.get()
        minute_ago = count.window_started_at - timedelta(seconds=61)
        RequestCount.objects.update(window_started_at=minute_ago)

        answer = api.get("/api/v1/things")

        assert (answer.status, left(answer)) == (200, "2")
        assert answer.headers["x-ratelimit-reset"] == "60"

    @pytest.mark.django_db(transaction=True)
    def test_loses_no_request_of_many_at_once(self, settings):
        """Fails when the count is read first and written after."""
        settings.TARN_RATE_LIMIT = 1_000
        row, _ = keys.create_api_key(make_organization())
        barrier = threading.Barrier(8)

        def count():
            connection.ensure_connection()
            barrier.wait()
            for _ in range(10):
                count_request(row.id)
            connection.close()

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert RequestCount.objects.get().requests == 80

    def test_keeps_its_table_out_of_the_log(self, db):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relpersistence FROM pg_class WHERE relname = 'billing_requestcount'"
            )

            assert cursor.fetchone()[0] == "u"
