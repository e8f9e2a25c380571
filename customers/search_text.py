"""What a search looks at, and the index that makes it fast on a million customers.

One trigram index serves the API's `search_term` and the search of the back office. Its text holds
more than the API looks at; the API checks what the index found against its six fields.
"""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, Value

from customers.models import CustomerMetadata

# Stands between the fields in the text of the index, so that few terms match across two of them.
SEPARATOR = "\x1f"
# Whatever people put between the digits of a tax or a phone number.
BETWEEN = " .-/+()\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
# Signs that part words. The text has spaces in their place, so that one pattern finds beginnings.
BEFORE_WORDS = "-@.,;:/&()_"
INDEXED_FIELDS = (
    "name",
    "firstname",
    "lastname",
    "legal_name",
    "external_id",
    "email",
    "city",
    "tax_identification_number",
    "phone",
)
_NUMBERS = ("tax_identification_number", "phone")
# What holds a trigram of the index: three letters or digits in a row, or two beside another sign.
HAS_TRIGRAM = re.compile(r"[^\W_]{3}|[^\W_]{2}[\W_]|[\W_][^\W_]{2}")

_LIKE_SIGNS = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})
_NOTHING_BETWEEN = str.maketrans(dict.fromkeys(BETWEEN))
_WORDS_MAX = 6
_NUMBER = re.compile(r"[a-z]{0,3}[0-9][0-9a-z]*")
_SHORTEST_NUMBER = 4
# One letter or two: the index finds them at the beginning of words.
_BEGINNING = re.compile(r"[^\W_]{1,2}")
_TWO_LETTERS = re.compile(r"[^\W_]{2}")
_TO_SPACES = str.maketrans(dict.fromkeys(BEFORE_WORDS, " "))


def indexed_text(columns: Sequence[str] = INDEXED_FIELDS) -> str:
    """Return the text of the index in SQL; `columns` name the INDEXED_FIELDS.

    It is to the letter the expression of the index `customer_search`, or no search would use it.
    """
    values = map(_indexed_value, INDEXED_FIELDS, columns)
    text = "E' ' || " + " || E'\\x1f ' || ".join(values)
    return f"lower({_replaced(text, BEFORE_WORDS, ' ')})"


def _indexed_value(name: str, column: str) -> str:
    value = column if name == "external_id" else f"coalesce({column}, '')"
    return _replaced(value, BETWEEN, "") if name in _NUMBERS else value


def indexed_pattern(pattern: str) -> str:
    """Return in SQL the pattern that `indexed_text` holds if a field of it holds `pattern`."""
    return f"lower({_replaced(pattern, BEFORE_WORDS, ' ')})"


def _replaced(text: str, signs: str, by: str) -> str:
    """Return the SQL that puts `by` in the place of each sign.

    `translate` says it shorter and takes ten times as long, for every customer that is looked at.
    """
    for sign in signs:
        text = f"replace({text}, '{sign}', '{by}')"
    return text


def pattern_of(term: str) -> str:
    """Return the LIKE pattern of a text that stands anywhere."""
    return f"%{term.translate(_LIKE_SIGNS)}%"


def number_in(text: str) -> str | None:
    """Return the tax or phone number a text can be, without what stands between its digits."""
    number = text.lower().translate(_NOTHING_BETWEEN)
    is_one = len(number) >= _SHORTEST_NUMBER and _NUMBER.fullmatch(number)
    return number if is_one else None


def matching(organization_id: UUID, text: str) -> Q:
    """Return the condition on customers that a search finds.

    Every word has to stand somewhere, in any case; a tax or phone number is found however it is
    spaced. `po:1234` also finds those whose metadata `po` contains 1234. Two letters find the
    words that begin with them, as the index holds nothing shorter; see `is_searchable` for less.
    """
    number = number_in(text)
    if number:
        return Q(_Holds(number)) | Q(_Holds(text.lower()))
    found = Q()
    for word in _words(text):
        found &= _word(organization_id, word)
    return found


def is_searchable(text: str) -> bool:
    """Return whether the index can help to find the text; else every customer would be read."""
    return any(_TWO_LETTERS.search(word) for word in _words(text))


def _words(text: str) -> list[str]:
    return text.lower().replace(SEPARATOR, " ").split()[:_WORDS_MAX]


def _word(organization_id: UUID, word: str) -> Q:
    if _BEGINNING.fullmatch(word):
        return Q(_Holds(f" {word}"))
    key, colon, part = word.partition(":")
    holds = Q(_Holds(word))
    return holds | Q(_OneOf(_carrying(organization_id, key, part))) if key and colon else holds


def _carrying(organization_id: UUID, key: str, part: str) -> "QuerySet[CustomerMetadata]":
    """Return the metadata of this key, in any case, whose value contains the part."""
    pattern = f"{key.translate(_LIKE_SIGNS)}:{pattern_of(part)}"
    found = CustomerMetadata.objects.filter(organization=organization_id)
    return found.filter(_Like(_MetadataText(), Value(pattern)))


class _IndexedText(Func):
    """The text of the index `customer_search`."""

    def __init__(self) -> None:
        super().__init__(*INDEXED_FIELDS, output_field=TextField())

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]  # no template of Func's has as many places
        columns = [compiler.compile(source)[0] for source in self.source_expressions]
        return indexed_text(columns), []


class _MetadataText(Func):
    """The text of the index `metadata_search`."""

    template = "lower(%(expressions)s)"
    arg_joiner = " || ':' || "

    def __init__(self) -> None:
        super().__init__("key", "value", output_field=TextField())


class _Like(Func):
    template = "%(expressions)s"
    arg_joiner = " LIKE "
    output_field = BooleanField()


class _Holds(_Like):
    """Whether the text of a customer holds a term."""

    def __init__(self, term: str) -> None:
        super().__init__(_IndexedText(), Value(pattern_of(term.translate(_TO_SPACES))))


class _OneOf(_Like):
    """Whether a customer is one of these: an array, so that an index finds them beside others."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("

    def __init__(self, entries: "QuerySet[CustomerMetadata]") -> None:
        super().__init__(F("pk"), ArraySubquery(entries.values("customer_id")))
