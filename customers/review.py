"""What a change would do, told before it is made: old and new in trade words, and the effects."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.translation import gettext as _

from customers.history import PATHS
from customers.terms import SECTIONS, TAXES, Issuing, read_issuing
from customers.words import Names, difference, label, read_names, shown

# What nobody changes without saying why.
REASON_ASKED_FOR = frozenset(
    {
        "legal_name",
        "tax_identification_number",
        "tax_codes",
        "billing_configuration.payment_provider",
        "billing_configuration.payment_provider_code",
        "billing_configuration.provider_customer_id",
    }
)
# Left empty, each of these is the billing entity's, under this name.
_INHERITED = {
    "net_payment_term": "net_payment_term",
    "currency": "default_currency",
    "timezone": "timezone",
    "finalize_zero_amount_invoice": "finalize_zero_amount_invoice",
    **{
        f"billing_configuration.{name}": name
        for name in (
            "invoice_grace_period",
            "document_locale",
            "subscription_invoice_issuing_date_anchor",
            "subscription_invoice_issuing_date_adjustment",
        )
    },
}

Diff = Mapping[str, list[Any]]


class Line(NamedTuple):
    """What would become of one field.

    :param effect: what follows from it for the invoices, "" if the values say it all.
    """

    path: str
    label: str
    gone: list[str]
    come: list[str]
    effect: str


def needs_reason(paths: Collection[str]) -> bool:
    """Return whether a change of these fields has to be explained."""
    return not REASON_ASKED_FOR.isdisjoint(paths)


def review_lines(
    organization_id: UUID, diff: Diff, entity_code: str, country: str | None = None
) -> list[Line]:
    """Return what a change would do, line by line, in the order of the wire.

    :param diff: wire paths to `[old, new]`, as an outcome of the writer has them.
    :param entity_code: the billing entity of the customer before the change.
    :param country: the customer's country, whose words the lines are labeled with.
    """
    after = diff["billing_entity_code"][1] if "billing_entity_code" in diff else entity_code
    issuing = read_issuing(organization_id, after)
    values = [(path, value) for path, both in diff.items() for value in both]
    names = read_names(organization_id, [*values, *_lists_of(issuing)])
    lines = []
    for path in sorted(diff, key=PATHS.index):
        old, new = diff[path]
        found = difference(path, old, new, names)
        effect = _effect(path, new, issuing, names)
        words = label(path, country) if "." not in path else found.label
        lines.append(Line(path, words, found.gone, found.come, effect))
    return lines


def handed_down(organization_id: UUID, entity_code: str) -> dict[str, str]:
    """Return in words, by path, what applies to customers of a billing entity that set nothing."""
    issuing = read_issuing(organization_id, entity_code)
    names = read_names(organization_id, _lists_of(issuing))
    return {
        path: words
        for path in (*_INHERITED, TAXES, SECTIONS)
        if (words := inherited_words(path, issuing, names))
    }


def _lists_of(issuing: Issuing) -> list[tuple[str, Any]]:
    return [(TAXES, list(issuing.tax_codes)), (SECTIONS, list(issuing.section_codes))]


def inherited_words(path: str, issuing: Issuing, names: Names) -> str:
    """Return what applies where a field is left empty; "" if nothing is inherited."""
    if path == TAXES:
        value: Any = list(issuing.tax_codes)
    elif path == SECTIONS:
        value = list(issuing.section_codes)
    elif path in _INHERITED:
        value = getattr(issuing.entity, _INHERITED[path])
    else:
        return ""
    if isinstance(value, bool):
        value = "finalize" if value else "skip"
    return ", ".join(shown(path, value, names))


def _effect(path: str, new: Any, issuing: Issuing, names: Names) -> str:
    if path == "billing_entity_code":
        return _("Invoices come from %(entity)s. What is left empty here is as it has it.") % {
            "entity": issuing.entity.name
        }
    if new not in (None, "", [], "inherit"):
        return ""
    inherited = inherited_words(path, issuing, names)
    if inherited:
        return _("As %(entity)s has it: %(value)s.") % {
            "entity": issuing.entity.name,
            "value": inherited,
        }
    if path == TAXES:
        return _("%(entity)s has no taxes either: invoices are without tax.") % {
            "entity": issuing.entity.name
        }
    return ""
