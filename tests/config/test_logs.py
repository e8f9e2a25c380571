import json
import logging
import sys

import pytest
import structlog

from config import logs


@pytest.fixture
def lines(monkeypatch):
    """Collect what the request log writes."""
    written = structlog.testing.LogCapture()
    logger = structlog.wrap_logger(None, processors=[written])
    monkeypatch.setattr(logs, "log", logger)
    return written.entries


class TestRequestLog:
    def test_names_the_route_and_never_the_path(self, anonymous, lines):
        anonymous.get("/admin/login/?next=canary")
        anonymous.get("/no/such/canary")

        assert [(line["route"], line["status"]) for line in lines] == [
            ("admin/login/", 200),
            (None, 404),
        ]
        assert "canary" not in json.dumps(lines)

    def test_names_no_verb_of_the_callers_own(self, anonymous, lines):
        anonymous.request("CANARY", "/admin/login/")

        assert lines[0]["method"] == "other"

    def test_tells_of_a_look_only_when_something_is_wrong(self, anonymous, lines, settings):
        anonymous.get("/ready")
        settings.SECRET_KEY = ""
        anonymous.get("/ready")

        assert [line["status"] for line in lines] == [503]


class TestRequestId:
    def test_is_the_callers_when_well_formed(self, anonymous):
        answer = anonymous.get("/health", headers={"X-Request-Id": "call-0123456789"})

        assert answer.headers["x-request-id"] == "call-0123456789"

    @pytest.mark.parametrize(
        "sent", ["short", "with space in it", "x" * 65, 'quote"quote', "ääääääää"]
    )
    def test_is_made_otherwise(self, anonymous, sent):
        answer = anonymous.get("/health", headers={"X-Request-Id": sent})

        assert answer.headers["x-request-id"] != sent
        assert logs.WELL_FORMED.fullmatch(answer.headers["x-request-id"])


class TestWithoutMessage:
    def test_keeps_the_class_and_the_place_of_an_exception(self):
        try:
            raise ValueError("canary")
        except ValueError:
            event = logs.without_message(None, "", {"event": "x", "exc_info": sys.exc_info()})

        assert event["error"] == "ValueError"
        assert "test_keeps_the_class" in event["at"][0]
        assert "canary" not in json.dumps(event)


class TestWithoutValues:
    def test_takes_the_path_out_of_djangos_own_words(self):
        record = logging.LogRecord(
            "django.request",
            logging.ERROR,
            "",
            0,
            "%s: %s",
            ("Internal Server Error", "/canary"),
            None,
        )

        logs.WithoutValues().filter(record)

        assert record.getMessage() == "Internal Server Error"

    def test_takes_the_host_out_of_a_refusal(self):
        record = logging.LogRecord(
            "django.security.DisallowedHost", logging.ERROR, "", 0, "Invalid: canary", (), None
        )

        logs.WithoutValues().filter(record)

        assert "canary" not in record.getMessage()
