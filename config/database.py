"""The database's address, read the way PostgreSQL's own library reads it."""

from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

EXAMPLE = "postgres://user:password@host:5432/name"


def database(url: str, timeout: int = 5) -> dict[str, Any]:
    """Return Django's settings for the database at `url`, a libpq address.

    Connections stay open (a new one costs 9 ms of database CPU) and are not pinged before
    use: a request that meets a dead one answers 503 and the next one connects anew.

    `prepare_threshold` 0 prepares a statement at its first execution. Of Django's own cursors
    none is touched, since they bind on the client's side; it serves the statements that the
    writer and the reader send through a server-side cursor of `connection.connection`. They are
    planned once: to plan the write anew takes ten times as long as to run it.

    :raises ImproperlyConfigured: if the address can't be read; the sentence holds no part of it.
    """
    parts = _parts(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": False,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            "application_name": "tarn",
            "connect_timeout": timeout,
            **parts,
            "options": f"-c plan_cache_mode=force_generic_plan {parts.get('options', '')}".strip(),
            "prepare_threshold": 0,
            "server_side_binding": False,
        },
    }


def _parts(url: str) -> dict[str, Any]:
    if not url.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(f"DATABASE_URL must look like {EXAMPLE}.")
    try:
        parts = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        # psycopg quotes the address, and with it the password.
        raise ImproperlyConfigured(
            f"DATABASE_URL is not a valid address; it must look like {EXAMPLE}."
        ) from None
    if not all(port.isdecimal() for port in str(parts.get("port", "0")).split(",")):
        raise ImproperlyConfigured(f"DATABASE_URL has no number as its port, as in {EXAMPLE}.")
    if not parts.get("dbname"):
        raise ImproperlyConfigured(f"DATABASE_URL names no database; it must look like {EXAMPLE}.")
    return parts


def unreachable(error: BaseException) -> str | None:
    """Return one sentence if `error` says that no connection could be made, else None."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if not isinstance(cause, psycopg.OperationalError) or cause.sqlstate is not None:
        return None
    reason = " ".join(str(cause).split())
    return f"The database at DATABASE_URL cannot be reached: {reason}"
