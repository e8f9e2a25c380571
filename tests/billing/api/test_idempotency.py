"""customers.md 1.6: one effect and one answer for one Idempotency-Key."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing.api import keys
from billing.api.models import IdempotentAnswer
from billing.api.tasks import purge_idempotent_answers
from tests.billing.builders import make_organization
from tests.conftest import Answer, Client

pytestmark = pytest.mark.urls("tests.billing.api.urls")

EFFECT = "INSERT INTO effects VALUES (1)"
IN_USE = {"status": 409, "error": "Conflict", "code": "idempotency_key_in_use"}
REUSED = {"status": 422, "error": "Unprocessable Entity", "code": "idempotency_key_reused"}


def sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def effects(organization: Any) -> Iterator[Callable[[], int]]:
    """Return how many times a handler had its effect."""
    sql("CREATE TABLE effects (one int)")

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM effects")
            return int(cursor.fetchone()[0])

    yield count
    sql("DROP TABLE effects")


def thing(**values: Any) -> dict[str, Any]:
    return {"thing": {"sql": EFFECT, **values}}


def post(api: Client, body: Any = None, key: str = "k1", target: str = "/api/v1/things") -> Answer:
    return api.post(target, json=body or thing(), headers={"Idempotency-Key": key})


def together(*calls: Callable[[], Answer]) -> list[Answer]:
    """Make calls at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(len(calls))
    answers: list[Answer] = []

    def run(call: Callable[[], Answer]) -> None:
        connection.ensure_connection()
        barrier.wait()
        answers.append(call())
        connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class TestRunOnce:
    def test_answers_a_repeated_request_from_the_store(self, api, effects):
        first = post(api)
        second = post(api)

        assert (first.status, effects()) == (200, 1)
        assert (second.status, second.body) == (first.status, first.body)
        assert second.headers["ETag"] == first.headers["ETag"] == 'W/"7"'
        assert second.headers["Content-Type"] == "application/json"
        assert second.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers

    def test_compares_bodies_as_values(self, api, effects):
        written = b'{"thing": {"sql": "%s", "name": 20.50}}' % EFFECT.encode()
        rewritten = b'{"thing":{"name":2.05e1,"sql":"%s"}}' % EFFECT.encode()
        headers = {"Idempotency-Key": "k1"}

        first = api.post("/api/v1/things", body=written, headers=headers)
        second = api.post("/api/v1/things", body=rewritten, headers=headers)

        assert second.headers["Idempotent-Replayed"] == "true"
        assert (second.body, effects()) == (first.body, 1)

    @pytest.mark.parametrize(
        ("method", "target", "body"),
        [
            ("POST", "/api/v1/things", thing(name="other")),
            ("POST", "/api/v1/things?a=1", thing()),
            ("POST", "/api/v1/things/x/part", thing()),
            ("PUT", "/api/v1/things/x", thing()),
            ("DELETE", "/api/v1/things/x", thing()),
        ],
    )
    def test_refuses_the_key_for_another_request(self, api, effects, method, target, body):
        post(api)

        answer = api.request(method, target, json=body, headers={"Idempotency-Key": "k1"})

        assert (answer.status, answer.json()) == (422, REUSED)
        assert effects() == 1

    def test_tells_an_encoded_path_from_a_plain_one(self, api, effects):
        headers = {"Idempotency-Key": "k1"}

        assert api.put("/api/v1/things/a%2Fb", json={"a": 1}, headers=headers).status == 200
        assert api.put("/api/v1/things/a/b", json={"a": 1}, headers=headers).status == 422

    @pytest.mark.parametrize("refusal", ["invalid", "not_found", "stale", "bug", "unreachable"])
    def test_frees_the_key_and_undoes_everything_after_a_refusal(self, api, effects, refusal):
        refused = post(api, thing(**{"raise": refusal}))

        assert refused.status >= 400
        assert effects() == 0
        assert not IdempotentAnswer.objects.exists()
        assert post(api).status == 200
        assert effects() == 1

    def test_keeps_no_answer_that_is_no_success(self, api, effects):
        """Red when it is stored, and when what was done for it stays."""
        answered = post(api, thing(status=400))

        assert answered.status == 400
        assert effects() == 0
        assert not IdempotentAnswer.objects.exists()

    def test_shares_a_key_among_the_keys_of_an_organization(self, api, organization, effects):
        post(api)
        _, other_key = keys.create_api_key(organization)

        answer = post(Client(other_key))

        assert answer.headers["Idempotent-Replayed"] == "true"
        assert effects() == 1

    def test_keeps_organizations_apart(self, api, effects):
        post(api)
        _, foreign_key = keys.create_api_key(make_organization())

        assert "Idempotent-Replayed" not in post(Client(foreign_key)).headers
        assert effects() == 2

    def test_asks_for_the_permission_before_it_repeats_an_answer(self, api, organization, effects):
        post(api)
        _, reader = keys.create_api_key(organization, permissions={"tax": ["read"]})

        assert post(Client(reader)).status == 403

    def test_forgets_after_24_hours(self, api, effects):
        post(api)
        day = timezone.now() - timedelta(hours=24)
        IdempotentAnswer.objects.update(created_at=day + timedelta(minutes=1))
        within = post(api)
        IdempotentAnswer.objects.update(created_at=day - timedelta(seconds=1))
        after = post(api, thing(name="another"))

        assert "Idempotent-Replayed" in within.headers
        assert "Idempotent-Replayed" not in after.headers
        assert effects() == 2
        assert "Idempotent-Replayed" in post(api, thing(name="another")).headers

    def test_repeats_the_answer_to_a_delete_whatever_its_body(self, api, effects):
        headers = {"Idempotency-Key": "k1"}

        first = api.delete("/api/v1/things/x", headers=headers)
        second = api.delete("/api/v1/things/x", body=b"{not json", headers=headers)

        assert second.body == first.body
        assert second.headers["Idempotent-Replayed"] == "true"


class TestReadKey:
    @pytest.mark.parametrize("key", ["!", "~" * 255, "a,b"])
    def test_takes_visible_ascii(self, api, effects, key):
        assert post(api, key=key).status == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("key", ["", "a b", "k" * 256, "\xe9", "a\tb", "\x7f"])
    def test_refuses_anything_else(self, api, method, key):
        target = "/api/v1/things" if method == "POST" else "/api/v1/things/x"

        answer = api.request(method, target, body=b"{bad", headers={"Idempotency-Key": key})

        assert answer.status == 400
        assert answer.json()["code"] == "invalid_idempotency_key"
        assert answer.json()["error"].startswith("BadRequest: ")
        assert list(answer.json()) == ["status", "error", "code"]

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_ignores_the_header_on_reads(self, api, method):
        answer = api.request(method, "/api/v1/things", headers={"Idempotency-Key": "a b"})

        assert answer.status == 200
        assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    def test_five_duplicates_have_one_effect(self, api, effects):
        """Fails without the locks: several run, and the second to store its answer wins."""
        slow = thing(sql=f"{EFFECT}; SELECT pg_sleep(0.1)")

        answers = together(*[lambda: post(api, slow)] * 5)

        ran = [
            one for one in answers if one.status == 200 and "Idempotent-Replayed" not in one.headers
        ]
        others = [one for one in answers if one not in ran]
        assert effects() == len(ran) == 1
        assert all(
            one.body == ran[0].body if one.status == 200 else one.json() == IN_USE for one in others
        )

    def test_five_different_bodies_have_one_effect(self, api, effects):
        slow = [thing(name=n, sql=f"{EFFECT}; SELECT pg_sleep(0.1)") for n in "abcde"]

        answers = together(*[lambda body=body: post(api, body) for body in slow])

        assert sorted(one.status for one in answers) == [200, 422, 422, 422, 422]
        assert all(one.json() == REUSED for one in answers if one.status == 422)
        assert effects() == 1

    def test_says_that_the_same_request_still_runs(self, api, effects):
        """Red when another organization that uses the same key is told, too."""
        waits = thing(sql=f"{EFFECT}; SELECT pg_advisory_xact_lock(1)")
        _, foreign_key = keys.create_api_key(make_organization())
        sql("SELECT pg_advisory_lock(1)")
        running = threading.Thread(target=lambda: (post(api, waits), connection.close()))
        running.start()
        try:
            wait_until("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            same, other, free = post(api, waits), post(api), post(api, key="k2")
            theirs = post(Client(foreign_key))
        finally:
            sql("SELECT pg_advisory_unlock(1)")
            running.join()

        assert (same.status, same.json(), same.headers["Retry-After"]) == (409, IN_USE, "1")
        assert (other.status, other.json()) == (422, REUSED)
        assert (free.status, theirs.status) == (200, 200)
        assert post(api, waits).headers["Idempotent-Replayed"] == "true"
        assert effects() == 3

    def test_still_runs_until_what_comes_after_the_commit_is_done(self, api, effects):
        """Red when the answer is stored as if it were the last one, or is not stored again."""
        seen_open = "INSERT INTO effects SELECT 1 FROM billing_idempotentanswer WHERE open_until"
        body = thing(rest=f"{seen_open} > now()")

        first = post(api, body)
        again = post(api, body)

        assert effects() == 2  # the second one by the rest, which saw that it is awaited
        assert (first.status, first.json()) == (200, {"thing": "finished"})
        assert (again.body, again.headers["ETag"]) == (first.body, 'W/"8"')
        assert again.headers["Idempotent-Replayed"] == "true"

    def test_a_death_after_the_commit_leaves_the_answer_of_the_commit(self, api, effects):
        """Red when an open answer is given at once, or never."""
        first = post(api)
        IdempotentAnswer.objects.update(open_until=timezone.now() + timedelta(seconds=10))
        same, other = post(api), post(api, thing(name="b"))
        IdempotentAnswer.objects.update(open_until=timezone.now() - timedelta(seconds=1))
        later = post(api)

        assert (same.status, same.json(), same.headers["Retry-After"]) == (409, IN_USE, "1")
        assert (other.status, other.json()) == (422, REUSED)
        assert (later.status, later.body, effects()) == (200, first.body, 1)

    def test_a_death_before_the_answer_is_stored_undoes_the_effect(self, api, effects):
        """Fails when the answer is stored after the commit: the effect is there twice."""
        sql(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'",
            "CREATE TRIGGER die BEFORE INSERT ON billing_idempotentanswer"
            " FOR EACH ROW EXECUTE FUNCTION die()",
        )
        try:
            died = post(api)
        finally:
            sql("DROP TRIGGER die ON billing_idempotentanswer", "DROP FUNCTION die")
        after_the_death = effects()
        again = post(api)

        assert died.status == 503
        assert died.headers["Retry-After"] == "1"
        assert after_the_death == 0
        assert (again.status, effects()) == (200, 1)
        assert "Idempotent-Replayed" not in again.headers


def wait_until(condition: str) -> None:
    with connection.cursor() as cursor:
        for _ in range(500):
            cursor.execute(condition)
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    pytest.fail(f"never true: {condition}")


class TestPurgeIdempotentAnswers:
    def test_deletes_only_what_can_no_longer_be_repeated(self, organization):
        now = timezone.now()
        for age in (1, 23, 25, 100):
            answer = IdempotentAnswer.objects.create(
                organization=organization, key=str(age), fingerprint=b"f", status=200, body=b"{}"
            )
            IdempotentAnswer.objects.filter(id=answer.id).update(
                created_at=now - timedelta(hours=age)
            )

        purge_idempotent_answers(timestamp=0)

        assert set(IdempotentAnswer.objects.values_list("key", flat=True)) == {"1", "23"}
