"""What is wrong most often in a preview, and what was probably meant by it."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from babel import Locale

from billing.models import BillingEntity, Tax
from billing.statements import Statement
from billing.values import CURRENCIES, DOCUMENT_LOCALES, TIMEZONES
from customers.imports.mapping import ColumnMap
from customers.imports.names import normalized
from customers.imports.targets import join_list, split_list
from customers.imports.wishes import country_codes
from customers.intakes import Import

_SHOWN = 20
# As much of a cell as is kept with a problem: what is longer can't be told from its beginning.
_WHOLE = 200

_GROUPS = Statement(
    "SELECT problem ->> 0 AS on_column, problem ->> 1 AS code, problem ->> 2 AS value,"
    " count(*) AS rows"
    " FROM customers_importrow row, jsonb_array_elements(row.problems) AS problem"
    " WHERE row.intake_id = %(import)s::uuid AND row.state = 'refused'"
    " AND problem ->> 0 = ANY (%(columns)s::text[]) AND problem ->> 2 <> ''"
    " AND problem ->> 1 <> ALL (%(hopeless)s::text[])"
    " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 3 LIMIT %(most)s::int"
)
# No other value would be meant by these: each row needs its own.
_HOPELESS = ["doubled", "excel_number", "nul_byte", "cell_too_long", "value_already_exist"]


class Repair(NamedTuple):
    """A text that rows are refused for, and what it should be; "" if nobody can tell."""

    column: str
    code: str
    value: str
    rows: int
    suggestion: str


def repairs_of(intake: Import) -> list[Repair]:
    """Return the texts that rows of a preview are refused for, the most frequent first.

    A text that stands in one row alone is among them only if there is a suggestion for it.
    """
    columns = ColumnMap.load(intake.mapping)
    rows = _GROUPS.rows(
        {
            "import": intake.pk, "columns": list(columns.columns), "hopeless": _HOPELESS,
            "most": _SHOWN * 3,
        }
    )  # fmt: skip
    guess = _Guess(intake.organization_id)
    found = [
        Repair(column, code, value, count, guess.meant(columns.columns[column], value))
        for column, code, value, count in rows
        if len(value) < _WHOLE
    ]
    return [one for one in found if one.suggestion or one.rows > 1][:_SHOWN]


class _Guess:
    """Guesses what a text of a column was meant to be, in one organization."""

    def __init__(self, organization_id: UUID) -> None:
        self._organization_id = organization_id
        self._taxes: Mapping[str, str] | None = None
        self._entities: Mapping[str, str] | None = None

    def meant(self, targets: list[str], value: str) -> str:
        """Return what fills one of the targets where this does not; "" if nothing is near."""
        for target in targets:
            name = target.rpartition(".")[2]
            found = self._own(name, value) or _GUESSES.get(name, _nothing)(value)
            if found and found != value:
                return found
        return ""

    def _own(self, name: str, value: str) -> str:
        if name == "tax_codes":
            self._taxes = self._taxes or self._read_taxes()
            parts = [self._taxes.get(normalized(one), "") for one in split_list(value)]
            return join_list(parts) if all(parts) else ""
        if name == "billing_entity_code":
            self._entities = self._entities or self._read_entities()
            return self._entities.get(normalized(value), "")
        return ""

    def _read_taxes(self) -> Mapping[str, str]:
        kept = Tax.objects.filter(organization=self._organization_id, deleted_at=None)
        return _by_name(kept.values_list("code", "name")[:5_000])

    def _read_entities(self) -> Mapping[str, str]:
        kept = BillingEntity.objects.filter(organization=self._organization_id, archived_at=None)
        return _by_name(kept.values_list("code", "name")[:5_000])


def _by_name(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    pairs = list(pairs)
    for code, name in pairs:
        found.setdefault(normalized(name), code)
    return found | {normalized(code): code for code, _name in pairs}


def _nothing(value: str) -> str:
    return ""


def _country(value: str) -> str:
    codes, wanted = country_codes(), normalized(value)
    if wanted in codes or len(wanted) < _LETTERS:
        return codes.get(wanted, "")
    near = difflib.get_close_matches(wanted, codes, n=1, cutoff=0.85)
    return codes[near[0]] if near else ""


# A shorter word is near to too many names.
_LETTERS = 5


_SIGNS = {"€": "EUR", "£": "GBP", "EURO": "EUR", "EUROS": "EUR", "US$": "USD", "DOLLAR": "USD"}


def _currency(value: str) -> str:
    found = value.strip().upper()
    found = _SIGNS.get(found, found)
    return found if found in CURRENCIES else ""


def _days(value: str) -> str:
    """Return the number in "30 days" or "net 30"; of several, none."""
    found = re.findall(r"[0-9]+", value)
    is_whole = len(found) == 1 and "-" not in value and len(found[0]) < 5
    return str(int(found[0])) if is_whole else ""


def _timezone(value: str) -> str:
    wanted = normalized(value)
    by_name = {normalized(name.rpartition("/")[2]): name for name in reversed(TIMEZONES)}
    return by_name.get(wanted, "") or {normalized(name): name for name in TIMEZONES}.get(wanted, "")


def _document_locale(value: str) -> str:
    wanted = normalized(value)
    for code in DOCUMENT_LOCALES:
        own = Locale.parse(code, sep="-")
        names = {own.get_display_name(reader) for reader in ("en", "de", "fr", own)}
        names |= {own.get_language_name("en"), code}
        if wanted in {normalized(name) for name in names if name}:
            return code
    # A country's own form of a language: de_AT, en-GB.
    short = value.strip()[:2].lower()
    return short if re.match(r"[a-z]{2}[-_]", value.lower()) and short in DOCUMENT_LOCALES else ""


_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")


def _email(value: str) -> str:
    """Return the addresses in "Ann <ann@acme.test>; bob@acme.test", with commas."""
    return ",".join(one.removeprefix("mailto:").rstrip(".") for one in _EMAIL.findall(value))


def _web(value: str) -> str:
    plain = value.strip()
    is_bare = re.fullmatch(r"[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}(/\S*)?", plain) is not None
    return f"https://{plain}" if is_bare else ""


_KINDS = {
    "company": "company unternehmen firma entreprise societe organization organisation business",
    "individual": "individual person privat privatperson particulier consumer",
}


def _kind(value: str) -> str:
    wanted = normalized(value)
    return next((kind for kind, names in _KINDS.items() if wanted in names.split()), "")


_GUESSES: Mapping[str, Callable[[str], str]] = {
    "country": _country,
    "currency": _currency,
    "net_payment_term": _days,
    "invoice_grace_period": _days,
    "timezone": _timezone,
    "document_locale": _document_locale,
    "email": _email,
    "url": _web,
    "logo_url": _web,
    "customer_type": _kind,
}
