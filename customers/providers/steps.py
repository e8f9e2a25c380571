"""Which steps a change of a customer asks for at its provider or integration.

The tables of the contract (webhooks-and-providers.md 2.1 and 4), and nothing but them: a pure rule.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from customers.mirrors import Mirror
from customers.providers.adapter import Adapter, Subject

_SETTINGS = "billing_configuration."
_ID = f"{_SETTINGS}provider_customer_id"
# Marks an integration's id that came with the change (migration `links_by_id`).
_BROUGHT_ID = "integration_customers.external_customer_id"
_LINK = frozenset({f"{_SETTINGS}payment_provider", f"{_SETTINGS}payment_provider_code"})


@dataclass(frozen=True, slots=True)
class Change:
    """What a write did, as its record says, and the id the link had after it.

    :param paths: the wire paths that differ.
    """

    paths: Collection[str] = frozenset()
    remote_id: str | None = None

    @classmethod
    def read(cls, paths: Iterable[str], remote_id: str | None) -> Self:
        """Return the change that a job was given."""
        return cls(frozenset(paths), remote_id)

    @property
    def cleared_the_id(self) -> bool:
        """Return whether an id was there and is not any more; a new link clears none."""
        return _ID in self.paths and self.remote_id is None and not self.is_of_new_link

    @property
    def set_the_id(self) -> bool:
        """Return whether an existing link got this id."""
        return _ID in self.paths and self.remote_id is not None and not self.is_of_new_link

    @property
    def is_of_new_link(self) -> bool:
        """Return whether the link came, or went to another connection."""
        return not _LINK.isdisjoint(self.paths)

    @property
    def brought_the_id(self) -> bool:
        """Return whether a link to an integration came by this id: it is taken as it is."""
        return _BROUGHT_ID in self.paths

    def is_told_to(self, adapter: Adapter) -> bool:
        """Return whether something differs that the other side is told of."""
        return adapter.updates and not adapter.told_of.isdisjoint(self.paths)


def steps_after(
    change: Change, adapter: Adapter, subject: Subject, *, is_under_way: bool, has_method: bool
) -> list[Mirror.Step]:
    """Return what is to be done at the provider, in order."""
    if subject.remote_id is None:
        wants = subject.link.sync_with_provider and not change.cleared_the_id
        if not wants or is_under_way:
            return []
        return [Mirror.Step.CREATE if adapter.creates else Mirror.Step.CHECKOUT]
    if subject.remote_id != change.remote_id:
        # The provider gave it after the change: nothing of it is news to the provider.
        return [Mirror.Step.UPDATE] if change.is_told_to(adapter) else []
    steps = []
    if change.is_told_to(adapter) and not change.brought_the_id:
        steps.append(Mirror.Step.UPDATE)
    is_linked_by_hand = change.set_the_id and not subject.link.sync_with_provider
    if is_linked_by_hand and adapter.has_checkout_for(subject):
        steps.append(Mirror.Step.CHECKOUT)
    if adapter.has_methods and not has_method:
        steps.append(Mirror.Step.METHOD)
    return steps
