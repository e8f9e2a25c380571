"""customers.md 1.4: what a body may be."""

import json

import pytest

from billing.api.body import BadBody, canonical, read_json
from billing.values import JsonNumber


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


class TestReadJson:
    def test_keeps_numbers_as_they_were_written(self):
        found = read_json(b'{"a": 20.50, "b": -0, "c": 1E+2}')

        assert found == {"a": "20.50", "b": "-0", "c": "1E+2"}
        assert all(isinstance(value, JsonNumber) for value in found.values())

    def test_tells_a_number_from_a_string(self):
        assert not isinstance(read_json(b'"1"'), JsonNumber)

    def test_skips_a_byte_order_mark(self):
        assert read_json(b'\xef\xbb\xbf {"a": null}\r\n') == {"a": None}

    def test_takes_the_last_of_a_repeated_name(self):
        assert read_json(b'{"a": 1, "a": true}') == {"a": True}

    def test_lets_lone_surrogates_pass(self):
        assert read_json(rb'"\ud800"') == "\ud800"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b" \n",
            b"\xef\xbb\xbf",
            b"\xef\xbb\xbf\xef\xbb\xbf{}",
            b"{",
            b"{}x",
            b"{} {}",
            b"{'a': 1}",
            b'{"a": 1,}',
            b"[1,]",
            b"nul",
            b'"\xff"',
            b'"\xed\xa0\x80"',
            b'"a\x00b"',
            b'"a\nb"',
            b'"\\x"',
            b'"',
            b"NaN",
            b"[Infinity]",
            b'{"a": -Infinity}',
            b"01",
            b"1.",
            b".5",
            b"+1",
            b"0x10",
            b"1_0",
            '{"a": "\u00e9"}'.encode("latin-1"),
            '{"a": 1}'.encode("utf-16"),
            b"\xc2\xa0{}",
        ],
    )
    def test_refuses_what_is_not_json(self, data):
        with pytest.raises(BadBody):
            read_json(data)

    def test_refuses_a_number_of_more_than_40_characters(self):
        assert read_json(b"1" * 40) == "1" * 40

        for number in (b"1" * 41, b"-" + b"1" * 40, b"0." + b"1" * 39, b"1" * 5_000):
            with pytest.raises(BadBody, match="40"):
                read_json(b'{"a": [' + number + b"]}")

    @pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
    def test_refuses_more_than_20_levels(self, brackets):
        step = 2 if len(brackets[1]) == 2 else 1

        assert read_json(nested(20 // step, *brackets))
        with pytest.raises(BadBody, match="20"):
            read_json(nested(20 // step + 1, *brackets))

    @pytest.mark.parametrize("depth", [990, 100_000, 500_000])
    def test_refuses_depth_without_running_out_of_stack(self, depth):
        with pytest.raises(BadBody):
            read_json(b"[" * depth)
        with pytest.raises(BadBody):
            read_json(nested(depth))

    def test_counts_brackets_in_text_as_text(self):
        assert read_json(json.dumps({"a": "[{" * 100}).encode()) == {"a": "[{" * 100}

    def test_refuses_more_than_10000_values(self):
        assert len(read_json(json.dumps([1] * 9_999).encode())) == 9_999

        with pytest.raises(BadBody, match="10,000"):
            read_json(json.dumps([1] * 10_000).encode())

    def test_counts_containers_as_values(self):
        read_json(json.dumps([[]] * 9_999).encode())
        read_json(json.dumps([[1]] * 4_999).encode())

        with pytest.raises(BadBody):
            read_json(json.dumps([[]] * 10_000).encode())
        with pytest.raises(BadBody):
            read_json(json.dumps([{"a": 1}] * 5_000).encode())

    def test_counts_commas_in_text_as_text(self):
        assert read_json(json.dumps({"a": "," * 20_000}).encode())

    def test_quotes_nothing_of_the_body(self):
        with pytest.raises(BadBody) as refused:
            read_json(b'{"name": "Ann Secret" "x"}')

        assert "Ann" not in str(refused.value)


class TestCanonical:
    @pytest.mark.parametrize(
        "writings",
        [
            ['{"a":1,"b":[true,null]}', ' { "b" : [ true , null ] , "a" : 1.0 }'],
            ["1", "1.0", "1e0", "10E-1", "0.1e1", "1.000"],
            ["20.50", "20.5", "2.05e1", "205e-1"],
            ["0", "-0", "0.0", "-0e5", "0e999999999"],
            ["100", "1e2", "1E+2"],
            ["-7", "-7.0"],
            ['"\u00e9"', '"\\u00e9"'],
            ['"/"', '"\\/"'],
            ["1e999999999", "10e999999998"],
        ],
    )
    def test_is_the_same_for_all_writings_of_a_value(self, writings):
        assert len({canonical(read_json(one.encode())) for one in writings}) == 1

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("1", '"1"'),
            ("1", "true"),
            ("0", "false"),
            ("0", "null"),
            ("1", "10"),
            ("1", "-1"),
            ("1e999999999", "1e999999998"),
            ("1234567890123456789012345678901234567.1", "1234567890123456789012345678901234567.2"),
            ("[1,2]", "[2,1]"),
            ("[1,2]", "[12]"),
            ('{"a":null}', "{}"),
            ('{"a":"b,c:d"}', '{"a":"b","c":"d"}'),
            ('"a"', '"A"'),
            (r'"\ud800"', r'"\udc00"'),
        ],
    )
    def test_differs_for_different_values(self, one, other):
        assert canonical(read_json(one.encode())) != canonical(read_json(other.encode()))
