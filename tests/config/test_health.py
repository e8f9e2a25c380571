from cryptography.fernet import Fernet
from django.db.migrations.recorder import MigrationRecorder


class TestHealth:
    def test_answers_without_a_key(self, anonymous):
        answer = anonymous.get("/health")

        assert (answer.status, answer.json()) == (200, {"status": "ok"})

    def test_refuses_other_verbs(self, anonymous):
        assert anonymous.post("/health").status == 405


class TestReady:
    def test_answers_when_all_is_well(self, anonymous):
        answer = anonymous.get("/ready")

        assert answer.status == 200
        assert answer.json()["checks"] == {"database": "ok", "migrations": "ok", "keys": "ok"}

    def test_names_a_missing_migration(self, anonymous):
        MigrationRecorder.Migration.objects.filter(app="billing").delete()

        answer = anonymous.get("/ready")

        assert answer.status == 503
        assert answer.json()["checks"]["migrations"] == "missing: run manage.py migrate"

    def test_names_the_database_when_it_is_away(self, anonymous, monkeypatch):
        monkeypatch.setattr("config.health.connection", Unreachable())
        monkeypatch.setattr("config.health.MigrationRecorder", Unreachable)

        answer = anonymous.get("/ready")

        assert answer.status == 503
        assert answer.json()["checks"]["database"] == "unreachable"

    def test_names_bad_keys_but_does_not_show_them(self, anonymous, settings):
        settings.TARN_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), "canary"]

        answer = anonymous.get("/ready")

        assert answer.status == 503
        assert "Fernet" in answer.json()["checks"]["keys"]
        assert b"canary" not in answer.body

    def test_names_a_missing_secret_key(self, anonymous, settings):
        settings.SECRET_KEY = ""

        answer = anonymous.get("/ready")

        assert answer.json()["checks"]["keys"] == "SECRET_KEY is missing"


class Unreachable:
    """Stands for a database that can't be connected to."""

    def __init__(self, *_: object) -> None:
        pass

    def cursor(self):
        from django.db import OperationalError

        raise OperationalError("canary")

    applied_migrations = cursor

    def close(self) -> None:
        pass
