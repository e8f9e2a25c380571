import pytest


class TestHealth:
    def test_answers_without_a_key(self, anonymous):
        answer = anonymous.get("/health")

        assert (answer.status, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
class TestReady:
    def test_answers_when_all_is_well(self, anonymous):
        answer = anonymous.get("/ready")

        assert answer.status == 200, answer.json()
        assert answer.json()["checks"] == {"database": "ok", "migrations": "ok", "keys": "ok"}
