"""Keeping the database's plans right while an import fills tables that were empty."""

from django.db import connection

from billing.events.models import ChangeRecord
from billing.statements import Statement
from customers.models import (
    Agreement,
    AppliedTax,
    Customer,
    CustomerMetadata,
    IntegrationLink,
    ProviderLink,
    SelectedSection,
    ShippingAddress,
)

_TABLES = tuple(
    model._meta.db_table
    for model in (
        Agreement, AppliedTax, ChangeRecord, Customer, CustomerMetadata, IntegrationLink,
        ProviderLink, SelectedSection, ShippingAddress,
    )
)  # fmt: skip
_KNOWN = Statement(
    "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'customers_customer'::regclass"
)
_SEVERAL = 4
_FEW = 100


class Growth:
    """How far the customers have outgrown what the planner believes of their number.

    Plans that were made for a nearly empty table read the whole of it for every row, and are kept
    until somebody analyzes it. Autovacuum would, but only after a minute.
    """

    def __init__(self) -> None:
        self._known: int = _KNOWN.one({})
        self._since = 0

    def add(self, newcomers: int) -> None:
        """Have the tables analyzed if they have become several times as large."""
        self._since += newcomers
        if self._since > _SEVERAL * max(self._known, _FEW):
            self._known += self._since
            self._since = 0
            with connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {', '.join(_TABLES)}")
