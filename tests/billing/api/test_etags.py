"""Version tags on the wire (customers.md 1.7)."""

import pytest

from billing.api.etags import asks_for_none, read_if_match, weak_etag
from billing.values import NO_SUCH_CODE

UNREADABLE = (NO_SUCH_CODE,)


class TestReadIfMatch:
    @pytest.mark.parametrize(
        "header, tags",
        [
            (None, ()),
            ("*", ("*",)),
            (" * ", ("*",)),
            ('W/"a-1"', ("a-1",)),
            ('"a-1"', ("a-1",)),
            ('"a", W/"b"', ("a", "b")),
            ('"a",W/"b" ,\t"c"', ("a", "b", "c")),
            (', "a",, "b",', ("a", "b")),
            ('"a,b"', ("a,b",)),
            ('"' + "é" * 9 + '"', ("é" * 9,)),
        ],
    )
    def test_reads_one_tag_a_list_or_any(self, header, tags):
        assert read_if_match(header) == tags

    @pytest.mark.parametrize(
        "header",
        [
            "",
            " ",
            ",",
            "a-1",
            '"a',
            'a"',
            '"a" "b"',
            '"a"; "b"',
            'w/"a"',
            'W/ "a"',
            '*, "a"',
            '""a"',
        ],
    )
    def test_lets_nothing_match_what_it_cannot_read(self, header):
        assert read_if_match(header) == UNREADABLE

    def test_does_not_take_an_asterisk_in_quotes_for_any(self):
        assert read_if_match('"*"') == UNREADABLE
        assert read_if_match('"*", "a"') == ("a",)

    def test_reads_a_long_header_quickly(self):
        assert len(read_if_match('"a", ' * 20_000)) == 20_000
        assert read_if_match('"a", ' * 20_000 + "x") == UNREADABLE


class TestAsksForNone:
    @pytest.mark.parametrize("header", ["*", " * "])
    def test_is_true_of_an_asterisk(self, header):
        assert asks_for_none(header)

    @pytest.mark.parametrize("header", [None, "", '"*"', '"a"', "*, *"])
    def test_is_false_of_everything_else(self, header):
        assert not asks_for_none(header)


class TestWeakEtag:
    def test_can_be_read_back(self):
        assert weak_etag("a-1") == 'W/"a-1"'
        assert read_if_match(weak_etag("a-1")) == ("a-1",)
