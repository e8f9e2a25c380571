"""How often a key may call: counted in the database, so that all workers share one count.

Off unless `settings.TARN_RATE_LIMIT`, requests a minute, is above 0 (customers.md 1.8).
"""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from billing.statements import fetch_one

WINDOW_SECONDS = 60

# A window starts with the first request and lasts a minute; the next one starts a new one.
_COUNT = """
INSERT INTO {table} AS count ({key}{others}, window_started_at, requests)
VALUES (%s{places}, statement_timestamp(), 1)
ON CONFLICT ({key}) DO UPDATE SET
    requests = CASE
        WHEN count.window_started_at + interval '1 minute' <= statement_timestamp() THEN 1
        ELSE count.requests + 1 END,
    window_started_at = CASE
        WHEN count.window_started_at + interval '1 minute' <= statement_timestamp()
        THEN statement_timestamp()
        ELSE count.window_started_at END
RETURNING requests, ceil(extract(
    epoch FROM window_started_at + interval '1 minute' - statement_timestamp()))::int
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """Where a key stands in its window after the request at hand."""

    limit: int
    requests: int
    seconds_left: int

    @property
    def is_exceeded(self) -> bool:
        return self.requests > self.limit

    def headers(self) -> dict[str, str]:
        """Return what every answer to an authenticated request carries."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(0, self.limit - self.requests)),
            "x-ratelimit-reset": str(self.seconds_left),
        }


class Counter:
    """Counts requests in a table with a row for each of those who make them.

    :param others: further columns that a row needs.
    """

    def __init__(self, table: str, key: str, *others: str) -> None:
        self._statement = _COUNT.format(
            table=table,
            key=key,
            others="".join(f", {one}" for one in others),
            places=", %s" * len(others),
        )

    def count(self, limit: int, *values: UUID) -> Rate:
        """Count a request, and return where that leaves whom the values name."""
        requests, seconds_left = fetch_one(self._statement, values)
        return Rate(limit, requests, min(max(seconds_left, 1), WINDOW_SECONDS))


_REQUESTS = Counter("billing_requestcount", "api_key_id")


def count_request(key_id: UUID) -> Rate | None:
    """Count a request of a key and return where it stands; None when there is no limit."""
    limit: int = settings.TARN_RATE_LIMIT
    if limit <= 0:
        return None
    return _REQUESTS.count(limit, key_id)
