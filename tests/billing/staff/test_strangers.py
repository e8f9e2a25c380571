"""What another organization calls its things stands on no page of ours."""

from typing import Any

import pytest
from django.apps import apps
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import Client
from django.utils import timezone

from billing.models import Organization
from customers.models import Customer, SavedView
from tests.billing.builders import make_organization
from tests.customers.builders import make_customer
from tests.customers.waiting import make_waiting_work
from tests.screens import addresses, make_world
from tests.staff import sign_in

# In front of every name of the stranger's.
MARK = "qzx-"
NAMES = (
    "name",
    "legal_name",
    "invoice_name",
    "email",
    "city",
    "file_name",
    "actor_name",
    "webhook_url",
    "remote_id",
)
# Of the organization itself a superuser reads the name everywhere; the rest is nobody's to rewrite.
_LEFT_ALONE = ("organization", "changerecord")


def mark(organization: Organization) -> int:
    """Put the mark before all names that things of the organization have; return how many."""
    marked = 0
    for model in apps.get_models():
        fields = {one.name for one in model._meta.get_fields()}
        if "organization" in fields and model._meta.model_name not in _LEFT_ALONE:
            for name in fields.intersection(NAMES):
                rows: Any = model._default_manager.filter(organization=organization)
                named = rows.exclude(**{name: None}) if model._meta.get_field(name).null else rows
                marked += named.update(**{name: Concat(Value(MARK), F(name))})
    return marked


@pytest.fixture
def world(organization: Organization) -> dict[str, Any]:
    """Ours; beside it another one, of the same things with the same codes, all names marked."""
    strangers = make_organization(name="Strangers")
    theirs, ours = make_world(strangers), make_world(organization)
    make_waiting_work(strangers, timezone.now())
    SavedView.objects.create(
        organization=strangers, owner=theirs["user"], name="View", is_shared=True
    )
    assert mark(strangers) > 10
    for name in ("tax", "invoicecustomsection", "paymentprovider", "integration", "billingentity"):
        type(theirs[name]).objects.filter(pk=theirs[name].pk).update(code=ours[name].code)
    known = ours["customer"].external_id
    Customer.objects.filter(pk=theirs["customer"].pk).update(external_id=known)
    codes = {
        "tax_codes": [ours["tax"].code],
        "invoice_custom_section_codes": [ours["invoicecustomsection"].code],
    }
    make_customer(organization, external_id=known, **codes)
    return ours


@pytest.fixture
def superuser(world: dict[str, Any]) -> Client:
    """Somebody who may open everything, at work in our organization."""
    return sign_in(is_superuser=True)


class TestPages:
    """Red when a list of choices, a look-up or a count is asked of all organizations."""

    def test_name_nothing_of_strangers(self, world: dict[str, Any], superuser: Client) -> None:
        people = {"auth_user_changelist", "auth_user_change", "auth_user_add"}
        found = []

        for one in addresses(world):
            page = superuser.get(one.path)
            if MARK.encode() in b"".join(page) and one.name not in people:
                found.append(one.name)

        assert found == []

    def test_offer_no_choice_of_strangers(self, world: dict[str, Any], superuser: Client) -> None:
        sent = {"organization": world["organization"].pk, "customer": world["customer"].pk}

        page = superuser.post("/admin/customers/bulk/new/", {"kind": "edit", **sent})

        assert page.status_code == 200
        assert MARK not in page.content.decode()

    def test_find_nothing_of_strangers(self, world: dict[str, Any], superuser: Client) -> None:
        for text in ("Ann", MARK, world["customer"].external_id):
            found = superuser.get("/admin/palette/", {"q": text})

            assert found.status_code == 200
            assert MARK not in found.content.decode()
