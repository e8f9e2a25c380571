"""Tells others what became of customers: statements to run right after those that wrote it."""

from pathlib import Path
from typing import Any

import orjson

from billing.statements import Statement
from customers.read import form_sql

_HERE = Path(__file__).parent
_TEXT = (_HERE / "tell.sql").read_text()


def _statement(which: str) -> Statement:
    return Statement(_TEXT.format(which=which, form=form_sql("chosen", whole=True)))


# Each takes `organization` and what its condition names. Who deleted a customer in this
# transaction did so at its very time; an earlier deletion of the same id has another one.
TELL_OF_WRITTEN = _statement(
    "external_id = ANY (string_to_array(%(changed_ids)s::text, E'\\x1f')) AND deleted_at IS NULL"
)
TELL_OF_DELETED = _statement("external_id = ANY (%(external_ids)s::text[]) AND deleted_at = now()")
TELL_OF_RESTORED = _statement("id = ANY (%(ids)s::uuid[]) AND deleted_at IS NULL")
# Of one customer whose form the writer knows already, but for the time of the write.
TELL_OF_KNOWN = Statement(_HERE / "tell_of_known.sql")


def parted_form(form: dict[str, Any]) -> dict[str, str]:
    """Return the values of `TELL_OF_KNOWN`: who it is, and the form around the time of the write.

    A quotation mark within a text is escaped: no text of a customer looks like the key.
    """
    key = '"updated_at":'
    text = orjson.dumps(form | {"updated_at": None}).decode()
    head, _, tail = text.partition(f"{key}null")
    return {"customer": form["lago_id"], "form_head": f'{head}{key}"', "form_tail": f'"{tail}'}
