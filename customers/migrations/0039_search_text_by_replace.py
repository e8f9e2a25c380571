from functools import reduce
from importlib import import_module

from django.db import migrations

before = import_module("customers.migrations.0014_search_words")

BETWEEN, BEFORE_WORDS = before.before.BETWEEN, before.BEFORE_WORDS


def replaced(text, signs, by):
    """Return the SQL that puts `by` in the place of each of the signs."""
    return reduce(lambda found, sign: f"replace({found}, '{sign}', '{by}')", signs, text)


# The text of before to the letter; `replace` makes it in a tenth of the time of `translate`.
SEARCH_TEXT = "E' ' || {} || {} || {}".format(
    " || ".join(
        f"{value} || E'\\x1f '"
        for value in (
            "coalesce(name, '')",
            "coalesce(firstname, '')",
            "coalesce(lastname, '')",
            "coalesce(legal_name, '')",
            "external_id",
            "coalesce(email, '')",
            "coalesce(city, '')",
        )
    ),
    replaced("coalesce(tax_identification_number, '')", BETWEEN, "") + " || E'\\x1f '",
    replaced("coalesce(phone, '')", BETWEEN, ""),
)
SEARCH_TEXT = f"lower({replaced(SEARCH_TEXT, BEFORE_WORDS, ' ')})"


class Migration(migrations.Migration):
    dependencies = [("customers", "0038_keep_mirror_changes")]
    operations = [
        migrations.RunSQL(before.sql(SEARCH_TEXT), before.sql(before.SEARCH_TEXT)),
    ]
