"""What countries call the numbers of a business, with an example each; and their own names.

Tax numbers: the European Commission's "VAT identification numbers" (VIES) for the EU, else the
tax authority's own name. Legal numbers: the register a company is entered in. The examples are
made up, and valid where the country's numbers can be checked.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from babel import Locale, UnknownLocaleError
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

# The member states of the European Union since 2020-02-01, by ISO 3166-1.
EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
)
Label = str | Promise


class BusinessNumber(NamedTuple):
    """What a number is called in a country, and one to look at."""

    label: Label
    example: str | None


class CountryNumbers(NamedTuple):
    """The two numbers that identify a business of a country on an invoice."""

    tax: BusinessNumber
    legal: BusinessNumber


_TAX = BusinessNumber(_("Tax number"), None)
_LEGAL = BusinessNumber(_("Registration number"), None)

# Country, tax number, example, legal number, example. Names stay in the country's own language:
# they are what stands on the paper that somebody copies from.
_TABLE = """
AE | TRN | 100123456700003 | Trade license | CN-1234567
AR | CUIT | 20-05536168-2 | IGJ | 1234567
AT | UID-Nummer | ATU13585627 | Firmenbuchnummer | FN 123456a
AU | ABN | 83 914 571 673 | ACN | 004 085 616
BE | BTW / TVA | BE0428759497 | Ondernemingsnummer / BCE | 0428.759.497
BG | ДДС номер | BG175074752 | ЕИК | 175074752
BR | CNPJ | 16.727.230/0001-97 | NIRE | 35300012345
CA | GST/HST number | 123026635RT0001 | Corporation number | 1234567-8
CH | MWST / TVA / IVA | CHE-107.787.577 MWST | UID / IDE | CHE-107.787.577
CL | RUT | 76.086.428-5 | RUT | 76.086.428-5
CN | 统一社会信用代码 | 91110000600037341L | 统一社会信用代码 | 91110000600037341L
CO | NIT | 213.123.432-1 | Matrícula mercantil | 01234567
CY | ΑΦΜ / ΦΠΑ | CY10259033P | Αριθμός εγγραφής | HE123456
CZ | DIČ | CZ25123891 | IČO | 25596641
DE | USt-IdNr. | DE136695976 | Handelsregister | HRB 86891
DK | SE- / CVR-nr. (moms) | DK13585628 | CVR-nr. | 13585628
EE | KMKR number | EE100931558 | Registrikood | 12345678
ES | NIF / IVA | ESB58378431 | NIF | B58378431
FI | ALV-numero | FI20774740 | Y-tunnus | 2077474-0
FR | N° TVA intracommunautaire | FR40303265045 | SIRET | 73282932000074
GB | VAT number | GB980780684 | Company number | 09446231
GR | ΑΦΜ / ΦΠΑ | EL094259216 | Γ.Ε.ΜΗ. | 000237901000
HK | BRN | 12345678 | CR number | 1234567
HR | PDV ID / OIB | HR33392005961 | MBS | 080000000
HU | Közösségi adószám | HU12892312 | Cégjegyzékszám | 01-09-123456
IE | VAT number | IE6433435F | CRO number | 123456
IL | ע.מ. / ח.פ. | 516179157 | ח.פ. | 516179157
IN | GSTIN | 27AAPFU0939F1ZV | CIN | U12345MH2010PTC123456
IS | VSK-númer | 00621 | Kennitala | 450401-3150
IT | Partita IVA | IT00743110157 | Codice fiscale / REA | 00743110157
JP | 登録番号 | T7000012050002 | 法人番号 | 7000012050002
KR | 사업자등록번호 | 116-82-00276 | 법인등록번호 | 110111-1234567
LI | MWST-Nummer | 50123 | Handelsregister | FL-0001.234.567-8
LT | PVM kodas | LT119511515 | Įmonės kodas | 302500000
LU | N° TVA | LU15027442 | RCS | B123456
LV | PVN numurs | LV40003521600 | Reģistrācijas numurs | 40003521600
MT | VAT number | MT11679112 | Company number | C 12345
MX | RFC | GODE561231GR8 | FME | 123456
NL | Btw-identificatienummer | NL004495445B01 | KvK-nummer | 12345678
NO | MVA-nummer | NO995525828MVA | Organisasjonsnummer | 995525828
NZ | GST number | 49-091-850 | NZBN | 9429036975273
PL | NIP | PL8567346215 | KRS | 0000123456
PT | NIF / NIPC | PT501964843 | NIPC | 501964843
RO | Cod de înregistrare TVA | RO18547290 | Nr. registrul comerțului | J40/1234/2010
RS | ПИБ | 101134702 | Матични број | 12345678
SE | Momsregistreringsnummer | SE123456789701 | Organisationsnummer | 556000-4615
SG | GST registration number | 197401143C | UEN | 200312345A
SI | ID za DDV | SI50223054 | Matična številka | 9331310000
SK | IČ DPH | SK2022749619 | IČO | 31333532
TR | VKN | 4540536920 | MERSIS | 0123456789012345
TW | 統一編號 | 00501503 | 統一編號 | 00501503
UA | ІПН | 123456789012 | ЄДРПОУ | 32855961
US | EIN | 91-1144442 | State registration number | C1234567
ZA | VAT number | 4012345678 | Registration number (CIPC) | 2015/123456/07
"""


def _read(line: str) -> tuple[str, CountryNumbers]:
    country, *rest = (part.strip() for part in line.split("|"))
    tax, tax_example, legal, legal_example = rest
    return country, CountryNumbers(
        BusinessNumber(tax, tax_example), BusinessNumber(legal, legal_example)
    )


COUNTRY_NUMBERS: Mapping[str, CountryNumbers] = MappingProxyType(
    dict(_read(line) for line in _TABLE.strip().splitlines())
)


def country_numbers(country: str | None) -> CountryNumbers:
    """Return what the country calls a business's numbers; words for any country if unknown."""
    return COUNTRY_NUMBERS.get(country or "", CountryNumbers(_TAX, _LEGAL))


@cache
def _names(language: str) -> Mapping[str, str]:
    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    return dict(locale.territories)


def country_name(country: str | None) -> str:
    """Return the country's name in the reader's language (CLDR); the code if it has none."""
    return _names(get_language() or "en").get(country or "", country or "")
