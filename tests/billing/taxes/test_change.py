"""The rate of a tax (contract: resources.md 1)."""

from decimal import Decimal

import pytest
from pydantic_core import PydanticCustomError

from billing.taxes.change import TaxChange, rate
from billing.values import JsonNumber


class TestRate:
    @pytest.mark.parametrize(
        "sent, stored",
        [
            (JsonNumber("20"), "20"),
            (JsonNumber("20.50"), "20.5"),
            (JsonNumber("0.00000001"), "0.00000001"),
            (JsonNumber("1000"), "1000"),
            (JsonNumber("1000.00000000"), "1000"),
            (JsonNumber("-0"), "0"),
            ("0", "0"),
            ("0020.5", "20.5"),
            ("999.99999999", "999.99999999"),
            (Decimal("5.5"), "5.5"),
            (20, "20"),
        ],
    )
    def test_is_an_exact_decimal(self, sent, stored):
        assert rate(sent) == Decimal(stored)

    @pytest.mark.parametrize(
        "sent, code",
        [
            (None, "value_is_mandatory"),
            ("", "value_is_mandatory"),
            (" ", "value_is_mandatory"),
            (True, "value_is_invalid"),
            (False, "value_is_invalid"),
            ([], "value_is_invalid"),
            ({}, "value_is_invalid"),
            ("abc", "value_is_invalid"),
            ("20%", "value_is_invalid"),
            ("20,5", "value_is_invalid"),
            (" 20", "value_is_invalid"),
            ("+20", "value_is_invalid"),
            (".5", "value_is_invalid"),
            ("5.", "value_is_invalid"),
            ("1_0", "value_is_invalid"),
            ("２０", "value_is_invalid"),
            ("1e1", "value_is_invalid"),
            ("00020", "value_is_invalid"),
            ("-0", "value_is_invalid"),
            (JsonNumber("2e1"), "value_is_invalid"),
            (JsonNumber("1E999999999"), "value_is_invalid"),
            (JsonNumber("1.123456789"), "value_is_invalid"),
            ("1.000000000", "value_is_invalid"),
            (JsonNumber("-1"), "value_is_out_of_range"),
            ("-0.5", "value_is_out_of_range"),
            (JsonNumber("1000.00000001"), "value_is_out_of_range"),
            (JsonNumber("12345"), "value_is_out_of_range"),
            (JsonNumber("9" * 40), "value_is_out_of_range"),
        ],
    )
    def test_refuses_what_is_no_percentage(self, sent, code):
        with pytest.raises(PydanticCustomError) as refusal:
            rate(sent)

        assert refusal.value.type == code


class TestTaxChange:
    def test_keeps_what_can_be_read_beside_its_problems(self):
        wish = TaxChange.examine({"name": "x" * 256, "code": "a", "rate": True, "other": 1})

        assert wish.values() == {"code": "a"}
        assert wish.problems().by_field == {
            "name": ["value_is_too_long"],
            "rate": ["value_is_invalid"],
        }

    def test_null_empties_the_description_alone(self):
        wish = TaxChange.examine({"description": None, "applied_to_organization": None})

        assert wish.values() == {"description": None}
