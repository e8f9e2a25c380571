"""Is it up, and can it work? For load balancers and whoever starts Tarn."""

from collections.abc import Callable
from functools import lru_cache

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200: the process serves. Asks nothing else, so that it tells nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if requests can be served, else 503 with what is missing."""
    checks: dict[str, Callable[[], str]] = {
        "database": _database,
        "migrations": _migrations,
        "keys": _keys,
    }
    found = {name: check() for name, check in checks.items()}
    fine = all(finding == "ok" for finding in found.values())
    status = 200 if fine else 503
    return JsonResponse({"status": "ok" if fine else "unavailable", "checks": found}, status=status)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connection.close()  # so that the next look connects anew
        return "unreachable"
    return "ok"


def _migrations() -> str:
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        return "unknown"
    return "ok" if _needed() <= applied else "missing: run manage.py migrate"


@lru_cache(maxsize=1)
def _needed() -> frozenset[tuple[str, str]]:
    """Return the last migration of every app; reading them from the disk takes 50 ms."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(loader.graph.leaf_nodes())


def _keys() -> str:
    try:
        assert settings.SECRET_KEY  # noqa: S101 # Django raises on an empty one
        keys = [Fernet(key) for key in settings.TARN_ENCRYPTION_KEYS]
    except ImproperlyConfigured:
        return "SECRET_KEY is missing"
    except ValueError:
        return "TARN_ENCRYPTION_KEYS holds something else than Fernet keys"
    return "ok" if keys else "TARN_ENCRYPTION_KEYS is missing"
