"""Tells others what became of customers: statements to run right after those that wrote it."""

from pathlib import Path

from billing.statements import Statement
from customers.read import form_sql

_TEXT = (Path(__file__).parent / "tell.sql").read_text()


def _statement(which: str) -> Statement:
    return Statement(_TEXT.format(which=which, form=form_sql("chosen", whole=True)))


# Each takes `organization` and what its condition names. Who deleted a customer in this
# transaction did so at its very time; an earlier deletion of the same id has another one.
TELL_OF_WRITTEN = _statement(
    "external_id = ANY (string_to_array(%(changed_ids)s::text, E'\\x1f')) AND deleted_at IS NULL"
)
TELL_OF_DELETED = _statement("external_id = ANY (%(external_ids)s::text[]) AND deleted_at = now()")
TELL_OF_RESTORED = _statement("id = ANY (%(ids)s::uuid[]) AND deleted_at IS NULL")
