"""The kinds of values on the wire (contract: customers.md 2.3 to 2.6)."""

import sys
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from billing import values
from billing.api.body import read_json
from billing.values import JsonNumber

SURROGATE = "\ud800"


def code_of(reader, value):
    """Return the wire code with which a reader refuses a value, None if it takes it."""
    try:
        reader(value)
    except PydanticCustomError as error:
        return error.type
    return None


def number(written):
    """Return a JSON number as the body reader makes it."""
    return read_json(written.encode())


class TestText:
    @pytest.mark.parametrize("written", ["20.50", "0", "-7", "-0.0", "12345678901234567890"])
    def test_takes_a_number_as_written(self, written):
        assert values.text()(number(written)) == written

    @pytest.mark.parametrize("written", ["1e3", "1E3", "1.5e-2"])
    def test_refuses_a_number_with_an_exponent(self, written):
        assert code_of(values.text(), number(written)) == "value_is_invalid"

    def test_takes_the_numbers_of_python_too(self):
        assert values.text()(5) == "5"
        assert values.text()(Decimal("20.50")) == "20.50"

    @pytest.mark.parametrize("value", [True, False, [], {}, ["a"], {"a": 1}])
    def test_refuses_other_kinds(self, value):
        assert code_of(values.text(), value) == "value_is_invalid"

    def test_refuses_lone_surrogates(self):
        assert code_of(values.text(), f"a{SURROGATE}") == "value_is_invalid"

    def test_drops_nul_before_any_other_rule(self):
        assert values.text(3)("a\0b\0c\0") == "abc"
        assert values.text(3)("é\0bc") == "ébc"
        assert values.text(blank_is_null=True)("\0 \0") is None

    def test_counts_characters_not_bytes(self):
        assert values.text(3)("😀😀😀") == "😀😀😀"
        assert code_of(values.text(3), "😀😀😀😀") == "value_is_too_long"

    def test_keeps_everything_else_as_sent(self):
        sent = "  a\t\u200b\u00a0\r\n e\u0301 "

        assert values.text()(sent) == sent

    def test_keeps_empty_text_and_null(self):
        assert values.text()("") == ""
        assert values.text()(None) is None

    @pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0\u2003"])
    def test_makes_blank_null_where_told(self, blank):
        assert values.text(blank_is_null=True)(blank) is None

    def test_has_no_length_once_blank_is_null(self):
        assert values.text(3, blank_is_null=True)(" " * 4) is None


class TestRequiredText:
    @pytest.mark.parametrize("value", [None, "", "  ", "\0", "\u00a0"])
    def test_wants_something(self, value):
        assert code_of(values.required_text(5), value) == "value_is_mandatory"

    def test_takes_up_to_the_length(self):
        assert values.required_text(5)("12345") == "12345"
        assert code_of(values.required_text(5), "123456") == "value_is_too_long"


class TestCodes:
    def test_a_reference_may_be_absent(self):
        assert values.code_reference(None) is None
        assert values.code_reference("") is None

    def test_a_reference_with_nul_matches_nothing(self):
        assert values.code_reference("a\0b") == values.NO_SUCH_CODE
        assert values.code_list(["a\0b"]) == [values.NO_SUCH_CODE]

    def test_no_code_can_be_the_one_that_matches_nothing(self):
        assert code_of(values.code, values.NO_SUCH_CODE) == "value_is_invalid"

    def test_a_reference_has_no_length_and_is_not_trimmed(self):
        assert values.code_reference(" a" * 1000) == " a" * 1000

    def test_a_reference_takes_numbers_as_text(self):
        assert values.code_reference(number("7")) == "7"
        assert code_of(values.code_reference, number("7e1")) == "value_is_invalid"

    @pytest.mark.parametrize("value", [True, [], {}, SURROGATE])
    def test_a_reference_is_text(self, value):
        assert code_of(values.code_reference, value) == "value_is_invalid"

    def test_a_list_keeps_order_and_drops_doubles(self):
        assert values.code_list(["b", "a", "b", "A"]) == ["b", "a", "A"]
        assert values.code_list([]) == []
        assert values.code_list(None) is None

    @pytest.mark.parametrize(
        "value",
        ["", "a", {}, True, JsonNumber("1"), [JsonNumber("1")], [None], [True], [["a"]], [{}],
         ["a", SURROGATE]],
    )  # fmt: skip
    def test_a_list_holds_strings_only(self, value):
        assert code_of(values.code_list, value) == "value_is_invalid"


class TestExternalId:
    @pytest.mark.parametrize(
        "value", ["a", " a ", "A/b?c#d%2F", "..", "Ω", "e\u0301", "a\u200bb", "x" * 255, "😀" * 255]
    )
    def test_is_kept_character_for_character(self, value):
        assert values.external_id(value) == value

    def test_takes_a_number_as_written(self):
        assert values.external_id(number("20.50")) == "20.50"

    @pytest.mark.parametrize("value", [None, "", " ", "\u00a0\u3000"])
    def test_is_mandatory(self, value):
        assert code_of(values.external_id, value) == "value_is_mandatory"

    @pytest.mark.parametrize(
        "value",
        ["a\0", "\0", "a\nb", "a\x7f", "a\x85b", f"a{SURROGATE}", "\u200b", "\u200b\ufeff\u2060",
         "\u00ad", "\u3164", "\u2800", "\ufe0f", "\u180b", "\u180f", "\U000e0100", "\u200b ",
         True, [], {}, number("1e3")],
    )  # fmt: skip
    def test_refuses_what_nobody_could_see_or_type(self, value):
        assert code_of(values.external_id, value) == "value_is_invalid"

    def test_refuses_more_than_255_characters(self):
        assert code_of(values.external_id, "x" * 256) == "value_is_too_long"

    def test_refuses_every_control_character(self):
        controls = [
            c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) == "Cc"
        ]

        assert len(controls) == 65
        assert {code_of(values.external_id, f"a{c}b") for c in controls} == {"value_is_invalid"}


class TestStringOnly:
    """Country, currency, time zone, e-mail and choices: a number fails with the field's code."""

    @pytest.mark.parametrize(
        ("reader", "failure"),
        [
            (values.country, "not_a_valid_country_code"),
            (values.email_list, "invalid_email_format"),
            (values.email, "invalid_email_format"),
            (values.one_of(("a",), "invalid_timezone"), "invalid_timezone"),
            (values.one_of(("a",)), "value_is_invalid"),
        ],
    )
    def test_a_number_fails_with_the_code_of_the_field(self, reader, failure):
        assert code_of(reader, number("1")) == failure
        assert code_of(reader, number("1.5e3")) == failure
        assert code_of(reader, 1) == failure
        for value in (True, [], {}, SURROGATE):
            assert code_of(reader, value) == "value_is_invalid"


class TestCountry:
    @pytest.mark.parametrize(
        ("value", "stored"), [("FR", "FR"), ("fr", "FR"), ("xK", "XK"), ("", None), (" ", None),
                              (None, None), ("F\0R", "FR")]
    )  # fmt: skip
    def test_maps_ascii_letters_to_upper_case(self, value, stored):
        assert values.country(value) == stored

    @pytest.mark.parametrize("value", ["UK", "EU", "ıt", "ß", " FR", "FR ", "FRA", "F", "ＦＲ"])
    def test_refuses_what_is_no_country(self, value):
        assert code_of(values.country, value) == "not_a_valid_country_code"


class TestInteger:
    @pytest.mark.parametrize(
        ("written", "stored"),
        [("0", 0), ("-0", 0), ("30", 30), ("2147483647", 2147483647), ('"30"', 30), ('"007"', 7),
         ('"-0"', 0), ('""', None), ("null", None)],
    )  # fmt: skip
    def test_takes_whole_numbers_and_their_text(self, written, stored):
        assert values.integer(number(written)) == stored

    @pytest.mark.parametrize(
        "written", ["-1", "2147483648", '"2147483648"', '"-1"', "9" * 40, '"9999999999"']
    )
    def test_has_a_range(self, written):
        assert code_of(values.integer, number(written)) == "value_is_out_of_range"

    @pytest.mark.parametrize(
        "written",
        ["1.0", "1.5", "1e3", "true", "false", "[]", "{}", '"1.0"', '"1e3"', '" 1"', '"1 "', '"+1"',
         '"1_0"', '"１０"', '"٣"', '"12345678901"', '"abc"', '" "', '"1\\n"', '"\\ud800"'],
    )  # fmt: skip
    def test_refuses_everything_else(self, written):
        assert code_of(values.integer, number(written)) == "value_is_invalid"


class TestBoolean:
    @pytest.mark.parametrize("written", ["true", "1", '"true"', '"T"', '"TRUE"', '"1"'])
    def test_knows_true(self, written):
        assert values.boolean(number(written)) is True

    @pytest.mark.parametrize("written", ["false", "0", '"False"', '"f"', '"0"'])
    def test_knows_false(self, written):
        assert values.boolean(number(written)) is False

    @pytest.mark.parametrize("written", ["null", '""'])
    def test_knows_null_and_a_flag_makes_it_false(self, written):
        assert values.boolean(number(written)) is None
        assert values.flag(number(written)) is False

    @pytest.mark.parametrize(
        "written",
        ["2", "-1", "1.0", "0.0", "1e0", '"yes"', '"on"', '" true"', '"tſue"', "[]", "{}",
         '"\\ud800"'],
    )  # fmt: skip
    def test_refuses_everything_else(self, written):
        assert code_of(values.boolean, number(written)) == "value_is_invalid"


class TestEmail:
    @pytest.mark.parametrize(
        ("value", "stored"),
        [
            ("joão.silva@example.com", "joão.silva@example.com"),
            ("a@b.co, c@d.eu", "a@b.co, c@d.eu"),
            ("  a@b.co ,c@d.eu  ", "a@b.co ,c@d.eu"),
            ("\u200ba@b.co\ufeff\u00a0", "a@b.co"),
            ("a\u2012b\u2013c\u2014d\u2015e\u2043f\u2212g@x-y.co", "a-b-c-d-e-f-g@x-y.co"),
            ("a\u2011b@c.de", None),
            ("१२@example.com", "१२@example.com"),
            ("e\u0301@example.com", "e\u0301@example.com"),
            ("!#$%&'*+/=?^_`{|}~-@a.b", "!#$%&'*+/=?^_`{|}~-@a.b"),
            ('"john doe"@example.com', '"john doe"@example.com'),
            ('"a@b"@example.com', '"a@b"@example.com'),
            ("a@[127.0.0.1]", "a@[127.0.0.1]"),
            ("a@1.2", "a@1.2"),
        ],
    )
    def test_cleans_and_takes_addresses(self, value, stored):
        if stored is None:
            assert code_of(values.email_list, value) == "invalid_email_format"
        else:
            assert values.email_list(value) == stored

    @pytest.mark.parametrize("value", ["", " ", "\u200b", "\u00a0 \ufeff", None])
    def test_makes_blank_null(self, value):
        assert values.email_list(value) is None

    @pytest.mark.parametrize(
        "value",
        ["a@b", "@x.com", "a b@c.de", "a@b.co,", ",a@b.co", "a@b.co,,c@d.eu", ",", "a", "a@", "@",
         "a@b@c.de", "a..b@c.de", ".a@c.de", "a.@c.de", "a@.de", "a@c..de", "a@c.de.", "a@ü.de",
         "a@c_d.de", "Ann <a@b.co>", "a@b.co;c@d.eu", "a\n@b.co", "a@b.co\n,c@d.eu", "a@b\0.co",
         "a@[256.0.0.1]", "a@[1.2.3]", "a@[::1]", '"a@b.co', 'a"b@c.de', '"a,b"@c.de', "²@c.de"],
    )  # fmt: skip
    def test_refuses_bad_elements(self, value):
        assert code_of(values.email_list, value) == "invalid_email_format"

    def test_checks_lengths_first(self):
        assert code_of(values.email_list, "x" * 255) == "value_is_too_long"
        assert code_of(values.email_list, "bad," + "x" * 255) == "value_is_too_long"
        assert code_of(values.email_list, "," * 1025) == "value_is_too_long"

    def test_takes_the_longest(self):
        address = "a" * 248 + "@bc.de"
        four = ",".join([address] * 4)

        assert len(address) == 254
        assert values.email_list(four) == four
        assert code_of(values.email_list, "a" + address) == "value_is_too_long"

    def test_measures_the_whole_after_cleaning(self):
        address = "a" * 248 + "@bc.de"
        whole = ", ".join([address] * 4)

        assert len(whole) == 1022
        assert values.email_list(whole + "\u200b" * 50) == whole
        assert code_of(values.email_list, whole + ",bc") == "value_is_too_long"

    def test_one_address_takes_no_list(self):
        assert values.email(" a@b.co ") == "a@b.co"
        assert code_of(values.email, "a@b.co,c@d.eu") == "invalid_email_format"

    @settings(max_examples=200, deadline=None)
    @given(st.text(max_size=40))
    def test_never_breaks_and_settles(self, value):
        if code_of(values.email_list, value) is None:
            stored = values.email_list(value)

            assert values.email_list(stored) == stored


class TestUrl:
    @pytest.mark.parametrize(
        "value",
        ["", "https://canal.test", "HTTP://x", "hTTps:x", "canal.test", "canal.test:8080",
         "canal.test:8080/path", "canal.test:80?q", "canal.test:80#f", "/logo.png", "  canal.test",
         "//canal.test/a:b", "  http://x", "a.b:99999", "1a:b", "?javascript:alert(1)", " "],
    )  # fmt: skip
    def test_takes_addresses_with_and_without_a_scheme(self, value):
        assert values.url(value) == value

    @pytest.mark.parametrize(
        "value",
        ["javascript:alert(1)", "JAVASCRIPT:alert(1)", " javascript:x", "data:text/html,x",
         "ftp://x", "mailto:a@b.co", "localhost:8080", "a.b:123456", "a.b:8080x", "a.b:",
         "java\tscript:x", "http://x\n", "\x01http://x", "http:\\\\x", "a\\b", "x\x7f",
         "\u2003javascript:x", "a.b:80:90", "view-source:x", "x+y.z-1:2a"],
    )  # fmt: skip
    def test_refuses_everything_else(self, value):
        assert code_of(values.url, value) == "url_is_invalid"

    def test_has_a_length(self):
        assert values.url("x" * 2048) == "x" * 2048
        assert code_of(values.url, "x" * 2049) == "value_is_too_long"
        assert code_of(values.url, "javascript:" + "x" * 2049) == "value_is_too_long"

    def test_keeps_null(self):
        assert values.url(None) is None


class TestIsCardNumber:
    @pytest.mark.parametrize(
        "value",
        ["4242424242424242", "4242 4242 4242 4242", "4242-4242.4242 4242", "378282246310005",
         "4222222222222", "6304000000000000000"],
    )  # fmt: skip
    def test_finds_cards(self, value):
        assert values.is_card_number(value)

    @pytest.mark.parametrize(
        "value",
        ["4242424242424241", "cus_4242424242424242", "42424242", "4" * 12, "", "-- ..",
         "４２４２４２４２４２４２４２４２", "4242\u00a04242 4242 4242", "00000000000000000000"],
    )  # fmt: skip
    def test_leaves_the_rest_alone(self, value):
        assert not values.is_card_number(value)


class TestLists:
    def test_are_those_of_the_contract(self):
        assert {"XK", "FR"} <= set(values.COUNTRIES)
        assert not {"UK", "EU"} & set(values.COUNTRIES)
        assert {"Europe/Kiev", "Europe/Kyiv", "GMT+12"} <= set(values.TIMEZONES)
        assert {"EUR", "USD"} <= set(values.CURRENCIES)
