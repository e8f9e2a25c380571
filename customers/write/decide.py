"""What a wish makes of a customer (contract: customers.md 2): decided here, before any writing."""

from collections.abc import Callable, Mapping
from typing import Any

from billing.errors import Problems
from billing.ids import ordered_text
from customers.write.case import Case
from customers.write.identity import decide_identity
from customers.write.integrations import decide_integrations
from customers.write.look import Looked
from customers.write.metadata import decide_metadata
from customers.write.provider import decide_provider


def decide(sent: Mapping[str, Any], shape: Problems, looked: Looked) -> Case:
    """Return what a wish changes, what forbids it, and what is to be written.

    :param sent: the wish, as `CustomerChange.row` has it.
    :param shape: the problems that the wish has by itself.
    """
    case = Case(sent, shape, looked)
    _decide_entity(case)
    _compare_fields(case)
    for part, rule in _RULES.items():
        if part in sent:
            rule(case)
    case.refused = case.refusal()
    return case


def _decide_entity(case: Case) -> None:
    if "entity" in case.sent:
        code = case.sent["entity"]
    elif case.stored is None:
        code = case.looked.default_entity
    else:
        return
    if code not in case.looked.entities:
        case.missing.add("billing_entity")
    elif case.compare("billing_entity_code", case.form.get("billing_entity_code"), code):
        case.fields["billing_entity_id"] = case.looked.entities[code]
        case.link([case.looked.entities[code]])


def _compare_fields(case: Case) -> None:
    case.fields |= case.compare_all("", case.form, case.sent["fields"])
    if "configuration" in case.sent:
        stored, sent = case.form["billing_configuration"], case.sent["configuration"]
        case.fields |= case.compare_all("billing_configuration.", stored, sent)


def _decide_shipping(case: Case) -> None:
    stored, sent = case.form["shipping_address"], case.sent["shipping"]
    if case.compare_all("shipping_address.", stored, sent):
        case.rows["put_shipping"] = [{**stored, **sent}]


def _decide_taxes(case: Case) -> None:
    """The list replaces the set, and what it names is set by hand (customers.md 2.9)."""
    codes, known = case.sent["taxes"], case.looked.taxes
    if not known.keys() >= set(codes):
        case.missing.add("tax")
        return
    old, new = sorted(tax["code"] for tax in case.form["taxes"]), sorted(codes)
    if old == new and not (case.stored and case.stored["automatic"]):
        return
    case.changes["tax_codes"] = [old, new]
    _replace(case, "taxes", old, {code: known[code] for code in codes})


def _decide_sections(case: Case) -> None:
    """The list replaces the choice; unknown codes are left out (customers.md 2.11)."""
    known = case.looked.sections
    wanted = {code: known[code] for code in case.sent["sections"] if code in known}
    old = sorted(case.stored["sections"] or ()) if case.stored else []
    if case.compare("invoice_custom_section_codes", old, sorted(wanted)):
        _replace(case, "sections", old, wanted)


def _replace(case: Case, part: str, old: list[str], wanted: dict[str, str]) -> None:
    ids = list(wanted.values())
    if not wanted.keys() >= set(old):
        case.rows[f"remove_{part}"] = [{"ids": ids}]
    if wanted:
        case.rows[f"put_{part}"] = [
            {"id": ordered_text(place), "to": one} for place, one in enumerate(ids)
        ]
        case.link(ids)


_RULES: dict[str, Callable[[Case], None]] = {
    "shipping": _decide_shipping,
    "provider": decide_provider,
    "metadata": decide_metadata,
    "taxes": _decide_taxes,
    "integrations": decide_integrations,
    "sections": _decide_sections,
    "identity": decide_identity,
}
