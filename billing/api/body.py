"""The text of a request body, made into values, strictly (contract: customers.md 1.4)."""

import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii
from typing import Any

from billing.values import JsonNumber

MAX_NUMBER_LENGTH = 40
MAX_DEPTH = 20
MAX_VALUES = 10_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadBody(ValueError):
    """The body is not JSON as we take it; the message says why and quotes nothing of it."""


def _number(written: str) -> JsonNumber:
    if len(written) > MAX_NUMBER_LENGTH:
        raise BadBody(f"a number has more than {MAX_NUMBER_LENGTH} characters")
    return JsonNumber(written)


def _refuse_constant(name: str) -> None:
    raise BadBody(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_refuse_constant)


def read_json(data: bytes) -> Any:
    """Return the one JSON value in `data`; numbers come as `JsonNumber`, as they were written.

    Lone surrogates written as escapes pass: rules refuse them, field by field.

    :raises BadBody: if it is not UTF-8, not JSON, or too large in depth or number of values.
    """
    value = _parse(data)
    # Every container and every element after a container's first costs at least one of these
    # bytes. Ordinary bodies stay below both limits and need no walk.
    containers = data.count(b"{") + data.count(b"[")
    if containers > MAX_DEPTH or containers + data.count(b",") >= MAX_VALUES:
        _measure(value)
    return value


def _parse(data: bytes) -> Any:
    try:
        text = data.removeprefix(_BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError:
        raise BadBody("the body is not UTF-8") from None
    if not text or text.isspace():
        raise BadBody("the body is empty")
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise BadBody(f"the body is not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise BadBody(f"the body is nested deeper than {MAX_DEPTH}") from None


def _measure(value: Any) -> None:
    """:raises BadBody: if the value is nested too deep or holds too many values."""
    total, depth, level = 1, 0, [value]
    while containers := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadBody(f"the body is nested deeper than {MAX_DEPTH}")
        level = [element for one in containers for element in _elements(one)]
        total += len(level)
        if total > MAX_VALUES:
            raise BadBody(f"the body holds more than {MAX_VALUES:,} values")


def _elements(container: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def canonical(value: Any) -> str:
    """Return one text for all writings of a JSON value as `read_json` returns it.

    White space, the order of keys and the writing of numbers (`20.50`, `20.5`, `2.05e1`) make no
    difference; the value of a number is never computed, so huge exponents cost nothing.
    """
    if isinstance(value, JsonNumber):
        return _canonical_number(value)
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, dict):
        members = (f"{encode_basestring_ascii(k)}:{canonical(value[k])}" for k in sorted(value))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value)


def _canonical_number(written: str) -> str:
    mantissa, _, exponent = written.lower().partition("e")
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return "0"
    significant = digits.rstrip("0")
    power = int(exponent or "0") - len(fraction) + len(digits) - len(significant)
    sign = "-" if written.startswith("-") else ""
    return f"{sign}{significant}e{power}"
