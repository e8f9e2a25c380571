"""The values of organizations and billing entities (contract: resources.md 2 and 3)."""

import base64

import pytest
from pydantic_core import PydanticCustomError

from billing.organizations.change import (
    LOGO_SIZE,
    Logo,
    document_number_prefix,
    email_settings,
    logo,
    slug,
)
from billing.values import JsonNumber

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
JPEG = b"\xff\xd8\xff\xe0" + b"pixels"


def refusal(read, value) -> str:
    """Return the code a value is refused with."""
    with pytest.raises(PydanticCustomError) as refused:
        read(value)
    return refused.value.type


def uri(content: bytes, label: str = "image/png") -> str:
    return f"data:{label};base64,{base64.b64encode(content).decode()}"


class TestSlug:
    @pytest.mark.parametrize("value", ["abc", "a-b", "a--b", "007", "a" * 40, JsonNumber("123")])
    def test_takes_handles(self, value):
        assert slug(value) == value

    @pytest.mark.parametrize(
        "value, code",
        [
            ("", "value_is_too_short"),
            ("ab", "value_is_too_short"),
            ("A", "value_is_too_short"),
            ("a" * 41, "value_is_too_long"),
            ("Abc", "value_is_invalid"),
            ("-abc", "value_is_invalid"),
            ("abc-", "value_is_invalid"),
            ("a_b", "value_is_invalid"),
            ("a b", "value_is_invalid"),
            ("äbc", "value_is_invalid"),
            ("abc\n", "value_is_invalid"),
            ("١٢٣", "value_is_invalid"),
            ("admin", "value_is_reserved"),
            ("api", "value_is_reserved"),
            (True, "value_is_invalid"),
            ([], "value_is_invalid"),
        ],
    )
    def test_refuses_the_rest(self, value, code):
        assert refusal(slug, value) == code


class TestDocumentNumberPrefix:
    @pytest.mark.parametrize(
        "value, stored", [("lag-1", "LAG-1"), ("é", "É"), ("x" * 10, "X" * 10), (" a", " A")]
    )
    def test_is_in_upper_case(self, value, stored):
        assert document_number_prefix(value) == stored

    @pytest.mark.parametrize(
        "value, code",
        [
            ("", "value_is_mandatory"),
            (" ", "value_is_mandatory"),
            ("x" * 11, "value_is_too_long"),
            ("ß" * 6, "value_is_too_long"),
            ({}, "value_is_invalid"),
        ],
    )
    def test_refuses_the_rest(self, value, code):
        assert refusal(document_number_prefix, value) == code


class TestEmailSettings:
    def test_keeps_the_order_and_drops_doubles(self):
        sent = ["payment_receipt.created", "invoice.finalized", "payment_receipt.created"]

        assert email_settings(sent) == sent[:2]

    @pytest.mark.parametrize(
        "value, code",
        [
            (["invoice.created"], "unsupported_value"),
            ([1], "unsupported_value"),
            ([["invoice.finalized"]], "unsupported_value"),
            ("invoice.finalized", "value_is_invalid"),
            ({}, "value_is_invalid"),
            ("", "value_is_invalid"),
        ],
    )
    def test_refuses_the_rest(self, value, code):
        assert refusal(email_settings, value) == code


class TestLogo:
    @pytest.mark.parametrize(
        "value, stored",
        [
            (uri(PNG), Logo(PNG, "image/png")),
            (uri(JPEG, "image/jpeg"), Logo(JPEG, "image/jpeg")),
            (uri(JPEG, "image/png"), Logo(JPEG, "image/jpeg")),
            (uri(PNG, "image/png;charset=utf-8"), Logo(PNG, "image/png")),
        ],
    )
    def test_is_what_its_content_says(self, value, stored):
        assert logo(value) == stored

    def test_may_have_700_kilobytes(self):
        largest = PNG.ljust(LOGO_SIZE, b"x")

        assert logo(uri(largest)).content == largest
        assert refusal(logo, uri(largest + b"x")) == "file_too_large"

    @pytest.mark.parametrize(
        "value, code",
        [
            ("", "invalid_content_type"),
            ("https://example.com/logo.png", "invalid_content_type"),
            ("data:image/png,abc", "invalid_content_type"),
            ("data:image/png;base64,", "invalid_content_type"),
            ("data:image/png;base64,====", "invalid_content_type"),
            ("data:image/png;base64,iVBORw0KGgo!", "invalid_content_type"),
            (uri(b"<svg onload='x'/>", "image/svg+xml"), "invalid_content_type"),
            (uri(b"<svg onload='x'/>", "image/png"), "invalid_content_type"),
            (uri(b"GIF89a", "image/gif"), "invalid_content_type"),
            (JsonNumber("1"), "value_is_invalid"),
            ([], "value_is_invalid"),
            (True, "value_is_invalid"),
        ],
    )
    def test_refuses_the_rest(self, value, code):
        assert refusal(logo, value) == code
