"""Which addresses webhooks may go to (contract: resources.md 4)."""

import pytest
from pydantic_core import PydanticCustomError

from billing.events.addresses import webhook_url
from billing.values import JsonNumber


def refusal(url) -> str | None:
    """Return the code an address is refused with, None if it is accepted as it is."""
    try:
        assert webhook_url(url) == url
    except PydanticCustomError as error:
        return error.type
    return None


class TestWebhookUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://example.com",
            "HTTPS://Example.COM/Hook?a=b#c",
            "https://example.com:443/",
            "https://example.com:8443",
            "https://example.com:80?x",
            "https://münchen.example/ä",
            "https://xn--mnchen-3ya.example",
            "https://例え.テスト",
            "https://a.b-c.example/@user",
            "https://10.example",
            "https://0x7f.example",
            f"https://example.com/{'a' * 2028}",
        ],
    )
    def test_takes_public_names(self, url):
        assert refusal(url) is None

    @pytest.mark.parametrize("url", [None, "", " ", "\t"])
    def test_is_required(self, url):
        assert refusal(url) == "value_is_mandatory"

    @pytest.mark.parametrize("url", [True, [], {}, "https://a.example/\ud800"])
    def test_refuses_wrong_kinds(self, url):
        assert refusal(url) == "value_is_invalid"

    @pytest.mark.parametrize(
        "url",
        [
            JsonNumber("123"),
            "example.com",
            "//example.com",
            "http://example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "https:example.com",
            "https:///example.com",
            "https://",
            "https://localhost",
            "https://example",
            "https://example.com.",
            "https://.example.com",
            "https://example..com",
            "https://-a.example",
            "https://a_b.example",
            "https://exa mple.com",
            " https://example.com",
            "https://example.com ",
            "https://example.com/a b",
            "https://example.com/\u00a0",
            "https://example.com/\u2028",
            "https://example.com/\n",
            "https://example.com/\x7f",
            "https://example.com\\@evil.example",
            "https://example.com/\\",
            "https://user@example.com",
            "https://user:word@example.com",
            "https://@example.com",
            "https://example.com:8080",
            "https://example.com:0443",
            "https://example.com:",
            "https://example.com:443:443",
            "https://example.com:https",
            "https://127.0.0.1",
            "https://8.8.8.8",
            "https://2130706433",
            "https://0x7f000001",
            "https://0x7f.0.0.1",
            "https://0177.0.0.1",
            "https://127.1",
            "https://127.0.0.0x1",
            "https://127.0.0.1.",
            "https://a.0x",
            "https://１２７.0.0.1",
            "https://①②⑦.⓪.⓪.①",
            "https://127。0。0。1",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]:443/",
            "https://::1",
            "https://%31%32%37.0.0.1",
            "https://xn--a.example",
            f"https://{'a' * 64}.example",
            f"https://example.com/{'a' * 2029}",
        ],
    )
    def test_refuses_the_rest(self, url):
        assert refusal(url) == "url_is_invalid"

    def test_takes_http_by_setting(self, settings):
        settings.TARN_WEBHOOK_ALLOW_HTTP = True

        assert refusal("http://example.com") is None
        assert refusal("http://127.0.0.1") == "url_is_invalid"

    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost:9000/hook",
            "http://127.0.0.1:1",
            "https://[::1]:65535/",
            "http://receiver:8000",
            "http://my_service.local",
            "https://münchen.example",
        ],
    )
    def test_takes_local_addresses_by_setting(self, settings, url):
        settings.TARN_WEBHOOK_ALLOW_LOCAL = True

        assert refusal(url) is None

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://localhost",
            "http://user@localhost",
            "http://localhost:0",
            "http://localhost:65536",
            "http://[::zz]",
            "http://local host",
            "http://localhost\\a",
        ],
    )
    def test_refuses_nonsense_even_then(self, settings, url):
        settings.TARN_WEBHOOK_ALLOW_LOCAL = True

        assert refusal(url) == "url_is_invalid"
