"""Ids of rows whose lists show the newest first."""

import os
import time
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

_TIME_BITS = 52
_VARIANTS = "89ab"


class Identity(NamedTuple):
    """What a row keeps from the system it comes from: programs know it by these."""

    id: UUID
    created_at: datetime


def newest_first_id() -> UUID:
    """Return what `newest_first_text` does, as a UUID."""
    return UUID(newest_first_text())


def newest_first_text() -> str:
    """Return a UUID (version 8) that sorts before every one made earlier.

    Lists are ordered by creation, newest first, then by id; clients see whole seconds only. Ids
    that count down in microseconds keep both readings of that order the same.
    """
    return _text((1 << _TIME_BITS) - 1 - time.time_ns() // 1_000)


def ordered_text(place: int) -> str:
    """Return a UUID (version 8) for an entry of a list: those made together sort by `place`."""
    return _text(time.time_ns() // 1_000 + place)


def _text(first: int) -> str:
    """Return a UUID (version 8) that begins with these 52 bits; the rest is random.

    Put together as text, since `UUID` takes three times as long, and an import makes millions.
    """
    head, rest = f"{first:013x}", os.urandom(9).hex()
    variant = _VARIANTS[int(rest[2], 16) & 3]
    return f"{head[:8]}-{head[8:12]}-8{head[12]}{rest[:2]}-{variant}{rest[3:6]}-{rest[6:]}"
