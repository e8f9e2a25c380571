"""The kinds of values on the wire, each a function from what came to what is stored.

Every function takes one value as the JSON reader made it and returns the normalized value, or
raises `PydanticCustomError` whose type is the wire code (contract: customers.md 2.3 to 2.6).
"""

import json
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

TEXT_LENGTH = 255
ADDRESS_LINE_LENGTH = 1_024
URL_LENGTH = 2_048
EMAIL_LENGTH = 254
EMAIL_LIST_LENGTH = 1_024
INTEGER_MAX = 2_147_483_647

# Codes never hold a control character, so this one can stand for "matches nothing".
NO_SUCH_CODE = "\x01"

_lists = json.loads((Path(__file__).parent / "enumerations.json").read_text())
COUNTRIES: tuple[str, ...] = tuple(_lists["countries"])
CURRENCIES: tuple[str, ...] = tuple(_lists["currencies"])
TIMEZONES: tuple[str, ...] = tuple(_lists["timezones"])
DOCUMENT_LOCALES = ("en", "fr", "nb", "de", "it", "es", "sv", "pt-BR", "zh-TW")

Reader = Callable[[Any], Any]


class JsonNumber(str):
    """A JSON number as it was written: `20.50` stays `20.50`."""

    __slots__ = ()


def fail(code: str) -> PydanticCustomError:
    """Return the error for a wire code, ready to raise."""
    return PydanticCustomError(code, code)


_WHOLE = re.compile(r"-?[0-9]+\Z")
_INTEGER_TEXT = re.compile(r"-?[0-9]{1,10}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_blank(value: str) -> bool:
    """Return whether the text is empty or only white space."""
    return not value or value.isspace()


def has_control_character(value: str) -> bool:
    """Return whether the text holds a character of the Unicode category Cc."""
    return _CONTROL.search(value) is not None


def plain_text(value: Any) -> str:
    """Return text of any length: a string, or a number without exponent as written."""
    if type(value) is str and value.isascii() and "\0" not in value:
        return value
    if isinstance(value, JsonNumber):
        if "e" in value or "E" in value:
            raise fail("value_is_invalid")
        return str(value)
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise fail("value_is_invalid")
        return value.replace("\0", "")
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise fail("value_is_invalid")


def text(max_length: int = TEXT_LENGTH, *, blank_is_null: bool = False) -> Reader:
    """Return a reader of single-line text; null stays null."""

    def read(value: Any) -> str | None:
        if value is None:
            return None
        # Printable is more than plain, and asked without a call.
        found = value if type(value) is str and value.isprintable() else plain_text(value)
        if blank_is_null and not found.strip():
            return None
        if len(found) > max_length:
            raise fail("value_is_too_long")
        return found

    return read


def required_text(max_length: int = TEXT_LENGTH) -> Reader:
    """Return a reader of text that must be there and not be blank."""

    def read(value: Any) -> str:
        if value is None:
            raise fail("value_is_mandatory")
        found = plain_text(value)
        if is_blank(found):
            raise fail("value_is_mandatory")
        if len(found) > max_length:
            raise fail("value_is_too_long")
        return found

    return read


def code(value: Any) -> str:
    """Return a code for an object that is being named: required, no control characters."""
    if isinstance(value, str) and _CONTROL.search(value) and not is_blank(value):
        raise fail("value_is_invalid")
    return str(required_text()(value))


def code_reference(value: Any) -> str | None:
    """Return the code of something that exists; null and "" count as absent (None)."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and "\0" in value:
        return NO_SUCH_CODE
    return plain_text(value)


def code_list(value: Any) -> list[str] | None:
    """Return codes in the order sent, duplicates once; every element must be a string."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise fail("value_is_invalid")
    codes: dict[str, None] = {}
    for element in value:
        if not isinstance(element, str) or isinstance(element, JsonNumber):
            raise fail("value_is_invalid")
        if _SURROGATE.search(element):
            raise fail("value_is_invalid")
        codes[NO_SUCH_CODE if "\0" in element else element] = None
    return list(codes)


# Letters and marks that show nothing: fillers, the braille blank, variation selectors.
_INVISIBLE_LETTERS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
) | frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))


def _is_invisible(character: str) -> bool:
    if character in _INVISIBLE_LETTERS:
        return True
    return unicodedata.category(character) in ("Cf", "Zs", "Zl", "Zp", "Cn")


def external_id(value: Any) -> str:
    """Return the caller's own name for a customer, exactly as sent (customers.md 2.4)."""
    if value is None:
        raise fail("value_is_mandatory")
    if isinstance(value, str) and "\0" in value:
        raise fail("value_is_invalid")
    found = plain_text(value)
    if is_blank(found):
        raise fail("value_is_mandatory")
    if _CONTROL.search(found):
        raise fail("value_is_invalid")
    if not found.isascii() and all(map(_is_invisible, found)):
        raise fail("value_is_invalid")
    if len(found) > TEXT_LENGTH:
        raise fail("value_is_too_long")
    return found


def _string_only(value: Any, failure: str) -> str:
    """Return the string; a number fails with the field's own code, other kinds as a wrong type."""
    if isinstance(value, JsonNumber) or (
        isinstance(value, int | Decimal) and not isinstance(value, bool)
    ):
        raise fail(failure)
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise fail("value_is_invalid")
    return value.replace("\0", "")


def one_of(
    choices: tuple[str, ...],
    failure: str = "value_is_invalid",
    *,
    empty_is_null: bool = False,
) -> Reader:
    """Return a reader of one of the choices, exact; null stays null."""
    allowed = frozenset(choices)

    def read(value: Any) -> str | None:
        if value is None or (type(value) is str and value in allowed):
            return value
        found = _string_only(value, failure)
        if empty_is_null and found == "":
            return None
        if found not in allowed:
            raise fail(failure)
        return found

    return read


_COUNTRIES = frozenset(COUNTRIES)


def country(value: Any) -> str | None:
    """Return an ISO 3166 code in upper case; blank is null."""
    if value is None or (type(value) is str and value in _COUNTRIES):
        return value
    found = _string_only(value, "not_a_valid_country_code")
    if is_blank(found):
        return None
    # Only ASCII is mapped: "\u0131t".upper() is "IT", and no country.
    if not found.isascii() or found.upper() not in _COUNTRIES:
        raise fail("not_a_valid_country_code")
    return found.upper()


def integer(value: Any) -> int | None:
    """Return a whole number from 0 to 2147483647; "" is null."""
    if value is None or (value == "" and isinstance(value, str)):
        return None
    if isinstance(value, bool):
        raise fail("value_is_invalid")
    if isinstance(value, int):
        number = value
    elif (isinstance(value, JsonNumber) and _WHOLE.match(value)) or (
        isinstance(value, str) and not isinstance(value, JsonNumber) and _INTEGER_TEXT.match(value)
    ):
        number = int(value)
    else:
        raise fail("value_is_invalid")
    if not 0 <= number <= INTEGER_MAX:
        raise fail("value_is_out_of_range")
    return number


_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def boolean(value: Any) -> bool | None:
    """Return a truth value; "" is null."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, JsonNumber):
        if value in ("0", "1"):
            return value == "1"
    elif isinstance(value, str):
        if value == "":
            return None
        if value.isascii() and value.lower() in _TRUTHS:
            return _TRUTHS[value.lower()]
    elif isinstance(value, int) and value in (0, 1):
        return value == 1
    raise fail("value_is_invalid")


def flag(value: Any) -> bool:
    """Return a truth value; null and "" are false."""
    return boolean(value) or False


_DASHES = dict.fromkeys([*range(0x2012, 0x2016), 0x2043, 0x2212], "-")
_UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), 0x00A0, 0xFEFF], None)
_EMAIL_CLEANING: dict[int, str | None] = {**_DASHES, **_UNSEEN}
_ATOM_SIGNS = frozenset("!#$%&'*+/=?^_`{|}~-")
_ASCII_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\[^\x00-\x1f\x7f-\x9f])*"\Z')
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+\Z")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"\[{_OCTET}(?:\.{_OCTET}){{3}}\]\Z")


def _is_atom_character(character: str) -> bool:
    if character in _ATOM_SIGNS:
        return True
    kind = unicodedata.category(character)
    return kind[0] in "LM" or kind == "Nd"


def _is_local_part(local: str) -> bool:
    if _ASCII_ATOMS.match(local) or _QUOTED.match(local):
        return True
    atoms = local.split(".")
    return all(atom and all(map(_is_atom_character, atom)) for atom in atoms)


def is_email_address(address: str) -> bool:
    """Return whether this is one bare address (customers.md 2.5)."""
    local, at, domain = address.rpartition("@")
    if not at or not (_DOMAIN.match(domain) or _IPV4.match(domain)):
        return False
    return _is_local_part(local)


def _clean_email(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and "\0" in value:
        raise fail("invalid_email_format")
    found = _string_only(value, "invalid_email_format")
    if not found.isascii():
        found = found.translate(_EMAIL_CLEANING)
    return found.strip() or None


def email_list(value: Any) -> str | None:
    """Return one or more addresses, separated by commas, as one cleaned string."""
    found = _clean_email(value)
    if found is None:
        return None
    addresses = [part.strip() for part in found.split(",")]
    if len(found) > EMAIL_LIST_LENGTH or any(len(one) > EMAIL_LENGTH for one in addresses):
        raise fail("value_is_too_long")
    if _CONTROL.search(found) or not all(map(is_email_address, addresses)):
        raise fail("invalid_email_format")
    return found


def email(value: Any) -> str | None:
    """Return one address of at most 254 characters; blank is null."""
    found = _clean_email(value)
    if found is None:
        return None
    if len(found) > EMAIL_LENGTH:
        raise fail("value_is_too_long")
    if not is_email_address(found):
        raise fail("invalid_email_format")
    return found


_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):")
_url_text = text(URL_LENGTH)
_HOST_AND_PORT = re.compile(r"\s*[^:]*\.[^:]*:[0-9]{1,5}(?:[/?#]|\Z)")


def url(value: Any) -> str | None:
    """Return a web address, with or without a scheme, as sent (customers.md 2.6)."""
    found = _url_text(value)
    if not found:
        return found if found is None else ""
    if "\\" in found or _CONTROL.search(found):
        raise fail("url_is_invalid")
    scheme = _SCHEME.match(found)
    if scheme and scheme[1].lower() not in ("http", "https") and not _HOST_AND_PORT.match(found):
        raise fail("url_is_invalid")
    return str(found)


def is_card_number(value: str) -> bool:
    """Return whether the digits are a payment card's: 13 to 19 of them, with a valid Luhn sum."""
    digits = value.translate({ord(" "): None, ord("."): None, ord("-"): None})
    if not (digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19):
        return False
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(digits[::-1])]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
