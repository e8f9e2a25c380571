"""What people are told about values that look mistaken."""

from typing import Any

import pytest
from django.utils import translation

from customers.advice import advice_for, is_one_slip_away


def sentences(**values: Any) -> list[str]:
    return [advice.sentence for advice in advice_for(values)]


class TestAdviceOnNames:
    @pytest.mark.parametrize("name", ["c1 ", "\tc1", "c\u200b1", "c\u00a01"])
    def test_tells_of_what_nobody_sees(self, name: str) -> None:
        """Two customers that look like one: the second is billed in vain."""
        [words] = sentences(external_id=name)

        assert "nobody sees" in words

    @pytest.mark.parametrize("name", ["c1", "Müller & Söhne", "東京"])
    def test_leaves_others_alone(self, name: str) -> None:
        assert sentences(external_id=name) == []


class TestAdviceOnTaxNumbers:
    @pytest.mark.parametrize(
        ("number", "country"),
        [
            ("DE136695976", "DE"),
            ("DE 136.695.976", "DE"),
            ("EL094259216", "GR"),
            ("XI980780684", "GB"),
            ("FR40303265045", "MC"),
            ("CHE-107.787.577 IVA", "CH"),
            ("51 824 753 556", "AU"),
            ("whatever", "US"),
            ("whatever", None),
        ],
    )
    def test_says_nothing_about_what_may_be_right(self, number: str, country: str | None) -> None:
        assert sentences(tax_identification_number=number, country=country) == []

    @pytest.mark.parametrize(
        ("number", "country", "words"),
        [
            ("DE12345678", "DE", "“DE12345678” has 8 digits; tax numbers in Germany have 9."),
            ("DE136695977", "DE", "The check digit of “DE136695977” is wrong."),
            ("FR40303265045", "DE", "“FR40303265045” is a number of France"),
            ("136695976", "DE", "Without DE in front, “136695976” is not checked"),
            ("FR?!", "FR", "“FR?!” is not written like a tax number in France."),
        ],
    )  # fmt: skip
    def test_says_what_is_wrong_with_which_number(
        self, number: str, country: str, words: str
    ) -> None:
        [found] = sentences(tax_identification_number=number, country=country)

        assert found.startswith(words)

    def test_names_countries_in_the_reader_s_language(self) -> None:
        with translation.override("de"):
            [words] = sentences(tax_identification_number="DE12345678", country="DE")

        assert "Deutschland" in words


class TestAdviceOnTheRest:
    def test_finds_mistyped_domains(self) -> None:
        assert sentences(email="ann@acme.fr, bob@gmial.com") == [
            "“bob@gmial.com”: did you mean bob@gmail.com?"
        ]
        assert sentences(email="ann@acme.con") == ["“ann@acme.con”: did you mean ann@acme.com?"]

    @pytest.mark.parametrize("email", ["ann@gmail.com", "ann@gmx.at", "ann", "@", "ann@acme.fr,"])
    def test_leaves_other_addresses_alone(self, email: str) -> None:
        assert sentences(email=email) == []

    def test_knows_postcodes_of_the_country(self) -> None:
        [words] = sentences(zipcode="1011", country="DE")

        assert words.startswith("“1011” is not written like postcodes in Germany, such as ")
        assert sentences(zipcode="10115", country="DE") == []
        assert sentences(zipcode="1011", country="IE") != []
        assert sentences(zipcode="1011", country="AE") == []
        assert sentences(zipcode="1011") == []

    def test_tells_the_shipping_postcode_by_the_shipping_country(self) -> None:
        [advice] = advice_for(
            {"shipping_zipcode": "1011", "shipping_country": "DE", "country": "AT"}
        )

        assert advice.field == "shipping_zipcode"

    def test_counts_the_digits_of_telephone_numbers(self) -> None:
        assert sentences(phone="+33 1 42 68 53 00") == []
        assert sentences(phone="01 42 68 53 00", country="FR") == []
        assert sentences(phone="01 42", country="FR") != []
        assert sentences(phone="extension 4") == []


class TestIsOneSlipAway:
    @pytest.mark.parametrize("typed", ["gmial.com", "gmai.com", "gmaill.com", "gmsil.com"])
    def test_holds_for_one_slip(self, typed: str) -> None:
        assert is_one_slip_away(typed, "gmail.com")

    @pytest.mark.parametrize("typed", ["gmail.com", "gmx.de", "acme.com", "gm.com"])
    def test_holds_for_nothing_else(self, typed: str) -> None:
        assert not is_one_slip_away(typed, "gmail.com")
