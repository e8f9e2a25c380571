"""The name by which customers are put in order and found alike, and its index.

It is what people call the customer, in small letters and without accents, so that "Élan" stands
beside "Elan". Signs are ordered by their codes, which no update of a library ever changes: the
index would have to be made anew.
"""

from typing import Any

from django.db.models import CharField, Func

SORT_FIELDS = ("legal_name", "name", "firstname", "lastname", "external_id")
_ACCENTED = "àáâãäåçèéêëìíîïñòóôõöøùúûüýÿšžœæßł"
_PLAIN = "aaaaaaceeeeiiiinoooooouuuuyyszoasl"

# To the letter the expression of the index `customer_by_name`; a test compares.
_SORT_NAME = (
    "translate(lower(coalesce(nullif({}, ''), nullif({}, ''), nullif(btrim(coalesce({}, '') ||"
    f" ' ' || coalesce({{}}, '')), ''), {{}})), '{_ACCENTED}', '{_PLAIN}')"
)


def sort_name(columns: tuple[str, ...] = SORT_FIELDS) -> str:
    """Return the name in SQL; `columns` name the SORT_FIELDS."""
    return _SORT_NAME.format(*columns)


def folded(text: str) -> str:
    """Return a text as the name has it: in small letters, without accents."""
    return text.lower().translate(str.maketrans(_ACCENTED, _PLAIN))


class SortName(Func):
    """The name in a query of Django's, as the index `customer_by_name` has it."""

    def __init__(self, prefix: str = "") -> None:
        names = (f"{prefix}{name}" for name in SORT_FIELDS)
        super().__init__(*names, output_field=CharField())

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]  # no template of Func's has as many places
        columns = tuple(compiler.compile(source)[0] for source in self.source_expressions)
        return f'{sort_name(columns)} COLLATE "C"', []
