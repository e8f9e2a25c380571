"""Ids say when their rows were made, and sort by it."""

import time
from uuid import RFC_4122, UUID

import pytest

from billing.ids import newest_first_id, newest_first_text, ordered_text


@pytest.mark.parametrize("make", [newest_first_text, newest_first_id, lambda: ordered_text(0)])
def test_is_a_uuid_of_version_8_as_postgresql_writes_it(make):
    text = str(make())
    found = UUID(text)

    assert (str(found), found.version, found.variant) == (text, 8, RFC_4122)


def test_sorts_the_newest_first():
    earlier = newest_first_text()
    time.sleep(0.001)

    assert newest_first_text() < earlier


def test_sorts_what_is_made_together_by_place(monkeypatch):
    """Red without the place: then chance decides."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)
    made = [ordered_text(place) for place in range(20)]

    assert made == sorted(made)
    assert len({text[15:] for text in made}) == 20


def test_counts_down_within_52_bits(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 0)

    assert newest_first_text().replace("-", "")[:12] == "f" * 12
