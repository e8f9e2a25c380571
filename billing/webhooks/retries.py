"""When a delivery that failed is tried again (contract: webhooks-and-providers.md 1.4)."""

import random
from datetime import timedelta

_DELAYS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=24),
    timedelta(hours=24),
)
MAX_ATTEMPTS = len(_DELAYS) + 1
_SPREAD = 0.2
_LONGEST_WISH = timedelta(hours=1)
_BUSY = (429, 503)
GONE = 410


def delay_after(attempts: int, status: int | None, retry_after: str | None) -> timedelta | None:
    """Return how long to wait after this many failed attempts; None if that was the last.

    :param retry_after: what a busy receiver asked for; seconds are obeyed up to an hour.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    if status in _BUSY and retry_after is not None and retry_after.isascii():
        wish = retry_after.strip()
        if wish.isdigit() and len(wish) < 10:
            return min(timedelta(seconds=int(wish)), _LONGEST_WISH)
    spread = random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311  # no secret
    return _DELAYS[attempts - 1] * spread
