"""A live server for the tests of this folder, with organizations as operators set them up."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.contract.server import SETUP, LiveClient, LiveServer, served


@pytest.fixture(scope="session")
def tarn() -> Iterator[LiveServer]:
    """Tarn in processes of its own; each worker of pytest-xdist starts one, once."""
    with served() as server:
        server.manage("apply", str(SETUP))
        yield server
        assert '"unexpected error' not in server.log()


@pytest.fixture(scope="session")
def live_key(tarn: LiveServer) -> str:
    """A key of Acme that may do everything."""
    return tarn.create_api_key("acme", "--name", "contract")


@pytest.fixture
def live(tarn: LiveServer, live_key: str) -> Iterator[LiveClient]:
    """A client of Acme at the live server."""
    client = tarn.client(live_key)
    yield client
    client.close()


@pytest.fixture
def new_id() -> str:
    """An external id that nobody has used."""
    return f"new-{uuid4()}"
