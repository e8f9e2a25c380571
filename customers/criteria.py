"""What lists of customers can be narrowed by: one criterion a name, from values to a condition.

Conditions are made to be found by an index where few customers fulfil them. Values that nobody
knows fulfil nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from babel import Locale, UnknownLocaleError
from django.db.models import CharField, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.events.models import ChangeRecord
from billing.models import BillingEntity, Integration, PaymentProvider, Tax
from billing.values import COUNTRIES, CURRENCIES
from customers.models import (
    AppliedTax,
    Customer,
    CustomerMetadata,
    IntegrationLink,
    ProviderLink,
    TaxNumberProblem,
)
from customers.readiness import incomplete

NONE = "none"
DELETED = "deleted"
ANY_DOOR = "any"

Words = str | Promise
Values = Sequence[str]
Choices = Sequence[tuple[str, Words]]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing to narrow by.

    :param condition: from organization and values to what a customer must fulfil.
    :param choices: the values there are, with their words; None: any text, or a day.
    :param many: whether several values can be chosen; one of them is enough.
    :param kind: how it is asked for: choices, a text or a day.
    """

    label: Words
    condition: Callable[[UUID, Values], Q]
    choices: Callable[[UUID], Choices] | None = None
    many: bool = False
    kind: str = "choices"

    def words(self, organization_id: UUID, values: Values) -> str:
        """Return the values as people call them."""
        known = dict(self.choices(organization_id)) if self.choices else {}
        return ", ".join(str(known.get(value, value)) for value in values)


# --- Columns of the customer -------------------------------------------------------------------


def _column(name: str) -> Callable[[UUID, Values], Q]:
    """Return the condition on a column that may be empty; to the letter as in the index."""

    def condition(organization_id: UUID, values: Values) -> Q:
        wanted = ["" if value == NONE else value for value in values]
        text = Coalesce(F(name), Value(""), output_field=CharField())
        return Q(pk__in=[]) if not wanted else _any_of(text, wanted)

    return condition


def _any_of(expression: Coalesce, wanted: Sequence[str]) -> Q:
    from django.db.models.lookups import In

    return Q(In(expression, wanted))
