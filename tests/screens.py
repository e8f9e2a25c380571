"""Every address of the back office, from the URLconf, with what it takes to open it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import URLPattern, resolve, reverse

from billing.models import ChangeRecord, Delivery, Event, Membership, Organization
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.screens import Screen
from customers.batches import Batch
from customers.models import Export
from tests.billing.builders import (
    make_api_key,
    make_integration,
    make_payment_provider,
    make_section,
    make_tax,
    make_webhook_endpoint,
)
from tests.customers.builders import make_customer
from tests.customers.bulk.work import preview
from tests.customers.imports.bringing import checked_import
from tests.customers.portal.proposing import make_proposal
from tests.staff import sign_in

admin.autodiscover()

# Open to everybody who signed in, or who would: each looks after itself.
OPEN = {
    "index": "home; its queues ask for abilities of their own",
    "login": "how people come in",
    "logout": "how they leave",
    "password_change": "everybody's own",
    "password_change_done": "everybody's own",
    "jsi18n": "words for scripts",
    "autocomplete": "asks the screen it searches",
    "view_on_site": "no model has an address besides",
    "search": "shows what the person sees anyway",
    "palette": "asks for the ability of each thing it finds",
    "choose_organization": "knows the person's organizations alone",
    "prefer": "everybody's own",
    "presence": "says who somebody is, to themselves",
    "app_list": "leads home",
}


@dataclass(frozen=True)
class Address:
    """One address, and the ability it asks for; None for superusers alone."""

    name: str
    path: str
    ability: Ability | None
    # What is sent there, if it is a form.
    data: dict[str, str] = field(default_factory=dict)


# Shown to the one person whose they are; others of the same role find nothing.
PERSONAL = frozenset({"customers_export_file"})


def make_world(organization: Organization) -> dict[str, Any]:
    """Make one row for every screen; by the model's name or by the argument of a URL."""
    provider = make_payment_provider(organization)
    link = {"payment_provider": provider.type, "payment_provider_code": provider.code}
    customer = make_customer(organization, name="Ann", billing_configuration=link)
    make_api_key(organization)
    endpoint = make_webhook_endpoint(organization)
    event = Event.objects.create(
        organization=organization,
        event_type="customer.created",
        object_type="customer",
        object_id=customer.pk,
        endpoint_ids=[endpoint.pk],
    )
    delivery = Delivery.objects.create(
        organization=organization, event=event, endpoint=endpoint, object_id=customer.pk
    )
    sign_in(organization, role="viewer")
    person = Membership.objects.filter(organization=organization).latest("id").user
    export = Export.objects.create(
        organization=organization, person=person, columns=["name"], format=Export.Format.CSV
    )
    return {
        "organization": organization,
        "billingentity": organization.billing_entities.get(),
        "membership": Membership.objects.filter(organization=organization).latest("id"),
        "tax": make_tax(organization),
        "invoicecustomsection": make_section(organization),
        "paymentprovider": provider,
        "integration": make_integration(organization),
        "webhookendpoint": endpoint,
        "apikey": organization.api_keys.latest("created_at"),
        "changerecord": ChangeRecord.objects.filter(organization=organization).latest("id"),
        "customer": customer,
        "user": Membership.objects.filter(organization=organization).latest("id").user,
        # Arguments of our own pages.
        "customer_id": customer.pk,
        "connection_id": provider.pk,
        "endpoint_id": endpoint.pk,
        "entity_id": organization.billing_entities.get().pk,
        "delivery_id": delivery.pk,
        "export_id": export.pk,
        "record_id": ChangeRecord.objects.filter(object_id=customer.pk).latest("id").pk,
        "key_id": organization.api_keys.latest("created_at").pk,
        "import_id": checked_import(organization).pk,
        "preset": "stripe",
        "proposal_id": make_proposal(customer, city="Lyon").pk,
        "batch_id": preview(organization, [customer], Batch.Kind.DELETE).pk,
    }


def addresses(world: dict[str, Any]) -> Iterator[Address]:
    """Return every address that a person can open, one for each screen and page.

    A page that is no StaffPage and stands not in OPEN fails: it would be open to everybody.
    """
    for pattern in admin.site.get_urls():
        if isinstance(pattern, URLPattern) and pattern.name and pattern.name not in OPEN:
            yield _page(pattern, world)
    for screen in admin.site._registry.values():
        yield from _screen(screen, world)
        yield from _besides(screen, world)


# What is sent asks for more than its page does.
ASKING_MORE = {
    "customers_bulk": [
        ({"kind": "edit"}, Ability.BULK_EDIT),
        ({"kind": "delete"}, Ability.DELETE_CUSTOMERS),
        ({"kind": "restore"}, Ability.RESTORE),
    ],
    "customers_batch": [
        ({"do": "start"}, Ability.DELETE_CUSTOMERS),
        ({"do": "stop"}, Ability.DELETE_CUSTOMERS),
        ({"do": "undo"}, Ability.REVERT),
        ({"do": "discard"}, Ability.DELETE_CUSTOMERS),
    ],
    "customers_duplicates": [({"do": "dismiss", "pair": "1"}, Ability.EDIT_CUSTOMERS)],
    "customers_import": [
        ({"do": do}, Ability.IMPORT)
        for do in ("mend", "replace", "try", "start", "stop", "resume", "settle", "repeat")
    ],
    "customer_portal": [({"do": "end"}, Ability.EDIT_CUSTOMERS)],
    "customer_sides": [
        ({"do": "compare"}, Ability.SYNC),
        ({"do": "push"}, Ability.SYNC),
        ({"do": "retry"}, Ability.SYNC),
        ({"do": "take"}, Ability.EDIT_CUSTOMERS),
        ({"do": "detach"}, Ability.EDIT_CUSTOMERS),
    ],
    "customers_sync": [({"do": do}, Ability.SYNC) for do in ("compare", "again", "retry")],
    "customers_proposal": [
        ({"do": "refuse", "answer": "No."}, Ability.JUDGE_PROPOSALS),
        ({"do": "judge", "answer": "No."}, Ability.JUDGE_PROPOSALS),
    ],
    "customers_views": [
        ({"do": "delete"}, Ability.READ),
        ({"do": "save", "name": "Ours", "shared": "on"}, Ability.SHARE_VIEWS),
    ],
}


def forms(world: dict[str, Any]) -> Iterator[Address]:
    """Return every address that takes a form, with what it takes to send one there."""
    here = {"organization": str(world["organization"].pk)}
    for found in addresses(world):
        view = getattr(resolve(found.path).func, "view_class", None)
        if view is None:
            yield from _form_of_a_screen(found, here)
        elif hasattr(view, "post"):
            for data, ability in ASKING_MORE.get(found.name, [({}, found.ability)]):
                yield Address(found.name, found.path, ability, here | data)


def _form_of_a_screen(found: Address, here: dict[str, str]) -> Iterator[Address]:
    """A form of Django's is read by more people than may send it."""
    if found.name.endswith(("_add", "_delete")):
        yield Address(found.name, found.path, found.ability, here | {"post": "yes"})
    elif found.name.endswith("_change"):
        for screen in admin.site._registry.values():
            if found.name.startswith(f"{screen.opts.app_label}_{screen.opts.model_name}_"):
                writes = screen.writes if isinstance(screen, Screen) else None
                yield Address(found.name, found.path, writes, here)


def _page(pattern: URLPattern, world: dict[str, Any]) -> Address:
    view = getattr(pattern.callback, "view_class", None)
    assert view is not None, f"{pattern.name}: make it a StaffPage, or add it to OPEN"
    assert issubclass(view, StaffPage), f"{pattern.name}: make it a StaffPage, or add it to OPEN"
    unknown = pattern.pattern.converters.keys() - world.keys()
    assert not unknown, f"{pattern.name}: say in make_world what {unknown} stand for"
    arguments = {name: world[name] for name in pattern.pattern.converters}
    return Address(pattern.name, reverse(f"admin:{pattern.name}", kwargs=arguments), view.ability)


def _screen(screen: Any, world: dict[str, Any]) -> Iterator[Address]:
    ours = isinstance(screen, Screen)
    reads = screen.reads if ours else None
    name = f"{screen.opts.app_label}_{screen.opts.model_name}"
    row: Model = world[screen.opts.model_name]
    yield Address(f"{name}_changelist", reverse(f"admin:{name}_changelist"), reads)
    for action, ability, exists in (
        ("change", reads, True),
        ("delete", ours and (screen.deletes or screen.writes), not ours or screen.may_delete),
    ):
        if exists:
            found = f"{name}_{action}"
            yield Address(found, reverse(f"admin:{found}", args=[row.pk]), ability or None)
    if not ours or screen.may_create:
        writes = screen.writes if ours else None
        yield Address(f"{name}_add", reverse(f"admin:{name}_add"), writes)


def _besides(screen: Any, world: dict[str, Any]) -> Iterator[Address]:
    """Return the addresses that a screen adds to those of Django."""
    usual = {"changelist", "add", "history", "delete", "change", None}
    prefix = f"{screen.opts.app_label}_{screen.opts.model_name}_"
    for pattern in screen.get_urls():
        name = pattern.name
        if name is None or name.removeprefix(prefix) in usual or not isinstance(screen, Screen):
            continue
        yield _page(pattern, world)
