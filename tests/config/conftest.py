"""A place for databases of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def places() -> Iterator[Path]:
    """A directory above which everybody may look for names.

    pytest's own is closed to the account that PostgreSQL runs under when we are root, and every
    other run of pytest on the machine closes it again.
    """
    places = Path(tempfile.mkdtemp(prefix="tarn-tests-"))
    yield places
    shutil.rmtree(places, ignore_errors=True)


@pytest.fixture
def place(places: Path) -> Path:
    """A directory of the test's own."""
    place = places / f"test{len(list(places.iterdir()))}"
    place.mkdir()
    return place
