from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from config import server


@pytest.fixture
def settings_of_gunicorn():
    """Return gunicorn's settings as a worker has them."""
    config = Config()
    for name, value in vars(server).items():
        if name in config.settings:
            config.set(name, value)
    server.post_worker_init(SimpleNamespace(cfg=config))
    return config


class TestPostWorkerInit:
    def test_has_the_settings_at_hand(self, settings_of_gunicorn):
        """Red without the hook: each is found by a search then."""
        assert vars(settings_of_gunicorn)["keepalive"] == server.keepalive


class TestForwardedAllowIps:
    def test_believes_nobody_what_scheme_was_used(self, settings_of_gunicorn):
        """Red with gunicorn's own setting, which believes anybody on this machine."""
        sent = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n\r\n"

        [request] = RequestParser(settings_of_gunicorn, iter([sent]), ("127.0.0.1", 1))

        assert request.scheme == "http"
