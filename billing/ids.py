"""Ids of rows whose lists show the newest first."""

import secrets
import time
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

_TIME_BITS = 52


class Identity(NamedTuple):
    """What a row keeps from the system it comes from: programs know it by these."""

    id: UUID
    created_at: datetime


def newest_first_id() -> UUID:
    """Return a UUID (version 8) that sorts before every one made earlier.

    Lists are ordered by creation, newest first, then by id; clients see whole seconds only. Ids
    that count down in microseconds keep both readings of that order the same.
    """
    left = (1 << _TIME_BITS) - 1 - time.time_ns() // 1_000
    return _uuid(left)


def ordered_id(place: int) -> UUID:
    """Return a UUID (version 8) for an entry of a list: those made together sort by `place`."""
    return _uuid(time.time_ns() // 1_000 + place)


def _uuid(first: int) -> UUID:
    """Return a UUID (version 8) that begins with these 52 bits; the rest is random."""
    high, low = first >> 4, first & 0xF
    head = high << 80 | 0x8 << 76 | low << 72 | secrets.randbits(8) << 64
    return UUID(int=head | 0b10 << 62 | secrets.randbits(62))
