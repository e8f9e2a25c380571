"""The values of a customer arranged to be read: of today, or of a moment beside today's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.utils.translation import gettext as _

from customers.addresses import PARTS, address_form, address_lines
from customers.providers.adapter import adapter_class
from customers.terms import ENTITY, Issuing, Term, applicable_terms, read_issuing
from customers.words import Names, brand, label, read_names, shown

_CONFIGURATION = "billing_configuration."
_SHIPPING = "shipping_address."


class Fact(NamedTuple):
    """A name and its value in words.

    :param origin: the billing entity it is inherited from.
    :param differs: whether it is another one today.
    :param today: what it is today, if it differs.
    """

    path: str
    label: str
    lines: list[str]
    origin: str | None = None
    differs: bool = False
    today: list[str] | None = None


class AddressCard(NamedTuple):
    """An address as it stands on a letter, and part by part."""

    title: str
    lines: list[str]
    facts: list[Fact]
    differs: bool


class Link(NamedTuple):
    """A customer's mirror in another system, as far as it is known here.

    :param key: the type and the code of the connection.
    """

    title: str
    facts: list[tuple[str, str]]
    state: str
    words: str
    key: tuple[str, str]
    remote_id: str | None


@dataclass(frozen=True, slots=True)
class Portrait:
    """A customer's values by path, with what they stand for.

    :param today: the values to compare with; None if these are today's.
    """

    values: Mapping[str, Any]
    today: Mapping[str, Any] | None
    names: Names
    issuing: Issuing
    terms: Mapping[str, Term]

    @classmethod
    def of(
        cls,
        organization_id: UUID,
        values: Mapping[str, Any],
        today: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the portrait, with all it needs read."""
        issuing = read_issuing(organization_id, values[ENTITY])
        terms = applicable_terms(values, issuing)
        named = [*values.items(), *(today or {}).items(), *_inherited(terms)]
        names = read_names(organization_id, named)
        return cls(values, today, names, issuing, terms)

    @property
    def country(self) -> str | None:
        """The country the labels follow."""
        found: str | None = self.values["country"]
        return found

    def facts(self, paths: Iterable[str], *, keep_empty: bool = True) -> list[Fact]:
        """Return the customer's own values; without the empty ones if asked."""
        found = [self._fact(path, self.values[path]) for path in paths]
        return [fact for fact in found if keep_empty or fact.lines or fact.differs]

    def term_facts(self, paths: Iterable[str] | None = None) -> list[Fact]:
        """Return the terms that apply, each with its origin; all of them if none are named."""
        wanted = self.terms if paths is None else {path: self.terms[path] for path in paths}
        return [
            self._fact(path, term.value)._replace(origin=term.origin)
            for path, term in wanted.items()
        ]

    def address(self) -> AddressCard:
        """Return the billing address."""
        return self._address_card(_("Billing address"), "")

    def shipping_address(self) -> AddressCard:
        """Return the shipping address; it has no lines if there is none."""
        return self._address_card(_("Shipping address"), _SHIPPING)

    def links(self) -> list[Link]:
        """Return the mirrors at a payment provider and in integrations."""
        provider = self._provider()
        integrations = [self._integration(one) for one in self.values["integration_customers"]]
        return [*([provider] if provider else []), *integrations]

    def differing(self) -> list[str]:
        """Return the names of all fields that are different today."""
        return [label(path, self.country) for path in self.values if self._differs(path)]

    def _differs(self, path: str) -> bool:
        return self.today is not None and self.values[path] != self.today[path]

    def _fact(self, path: str, value: Any) -> Fact:
        lines = shown(path, value, self.names)
        if self.today is None or not self._differs(path):
            return Fact(path, label(path, self.country), lines)
        today = shown(path, self.today[path], self.names)
        return Fact(path, label(path, self.country), lines, None, True, today)

    def _address_card(self, title: str, prefix: str) -> AddressCard:
        parts = {part: self.values[prefix + part] for part in PARTS}
        form = address_form(parts["country"])
        order = [*form.order, *(part for part in PARTS if part not in form.order)]
        facts = [
            self._fact(prefix + part, parts[part])._replace(label=str(form.labels[part]))
            for part in order
            if part in form.order or parts[part]
        ]
        return AddressCard(title, address_lines(parts), facts, any(one.differs for one in facts))

    def _provider(self) -> Link | None:
        kind, code, remote_id = (
            self.values[_CONFIGURATION + name]
            for name in ("payment_provider", "payment_provider_code", "provider_customer_id")
        )
        if kind is None:
            return None
        path = _CONFIGURATION + "provider_payment_methods"
        methods = shown(path, self.values[path], self.names)
        facts = [
            (_("Connection"), self.names.get(("provider", code), code)),
            (_("Code"), code),
            (_("Customer id there"), remote_id or ""),
            (_("Payment methods"), ", ".join(methods)),
        ]
        creates = bool(self.values[_CONFIGURATION + "sync_with_provider"])
        name = brand(kind)
        state, words = _state(kind, name, remote_id, creates)
        known = [fact for fact in facts if fact[1]]
        return Link(name, known, state, words, (kind, code), remote_id)

    def _integration(self, link: Mapping[str, Any]) -> Link:
        code = link["integration_code"]
        facts = [
            (_("Connection"), self.names.get(("integration", code), code)),
            (_("Code"), code),
            (_("Customer id there"), link["external_customer_id"] or ""),
            (_("Subsidiary"), link["subsidiary_id"] or ""),
            (_("Kept there as"), link["targeted_object"] or ""),
        ]
        name = brand(link["integration_type"])
        creates = bool(link["sync_with_provider"])
        key = (link["integration_type"], code)
        state, words = _state(key[0], name, link["external_customer_id"], creates)
        return Link(
            name,
            [fact for fact in facts if fact[1]],
            state,
            words,
            key,
            link["external_customer_id"],
        )


def _inherited(terms: Mapping[str, Term]) -> list[tuple[str, Any]]:
    return [(path, term.value) for path, term in terms.items() if term.is_inherited]


def _state(kind: str, name: str, id_there: str | None, wanted: bool) -> tuple[str, str]:
    """Return how far a link has come, as a mark and in words."""
    if id_there:
        return "ok", _("Linked")
    adapter = adapter_class(kind)
    if adapter is None:
        return "info", _("Stored only")
    if wanted:
        if not adapter.creates:
            return "info", _("Waiting for the customer")
        return "info", _("Waiting to be created at %(name)s") % {"name": name}
    return "warn", _("No customer id at %(name)s yet") % {"name": name}
