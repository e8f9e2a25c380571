"""Whether the other side takes the credentials of a connection, as the calls of it tell."""

from typing import Any

from django.db.models.functions import Coalesce, Now

from billing.connections.models import REQUEST_LENGTH, WORDS_LENGTH, Connection

ACCEPTED: dict[str, Any] = {"refused_since": None, "refusal": None, "refusal_request_id": None}


def note_refusal(connection: Connection, words: str, request_id: str | None) -> None:
    """Keep that a call was turned down for its credentials, unless they were replaced meanwhile.

    :param connection: as it was when the call began.
    :param words: the other side's.
    """
    _as_called(connection).update(
        refused_since=Coalesce("refused_since", Now()),
        refusal=words[:WORDS_LENGTH],
        refusal_request_id=request_id and request_id[:REQUEST_LENGTH],
    )


def note_success(connection: Connection) -> None:
    """Forget a refusal that stood when the call began, now that it was answered."""
    if connection.refused_since is not None:
        _as_called(connection).update(**ACCEPTED)


def _as_called(connection: Connection) -> Any:
    rows = type(connection)._default_manager
    return rows.filter(pk=connection.pk, updated_at=connection.updated_at)
