"""Every screen and action, for every role: the table decides, and nothing is open by mistake."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern

from billing.models import ChangeRecord, Organization
from billing.staff.roles import ABILITIES, Ability, Role, as_document
from customers.batches import Batch
from tests.billing.builders import make_organization
from tests.screens import OPEN, PERSONAL, Address, addresses, forms, make_world
from tests.staff import records, sign_in

ROLES = [*Role, None]


@pytest.fixture
def world(organization: Organization) -> dict[str, Any]:
    """A row for every screen."""
    return make_world(organization)


@pytest.fixture
def everything(world: dict[str, Any]) -> list[Address]:
    """Every address, with a row behind it."""
    return list(addresses(world))


def wrong(client: Client, found: list[Address], may: Any) -> Iterator[str]:
    """Return what opened though it should not, or did not though it should."""
    for address in found:
        answer = client.get(address.path)
        away = answer.get("Location", "")
        opened = answer.status_code in (200, 405) or (
            answer.status_code == 302 and away != "/admin/" and "/login/" not in away
        )
        opened = opened or (address.name in PERSONAL and answer.status_code == 404)
        refused = answer.status_code in (403, 404)
        if not (opened if may(address.ability) else refused):
            yield f"{address.name} ({address.ability}): {answer.status_code} {away}"


class TestScreens:
    """Seen to fail with `return True` in Screen._may and without StaffPage's `require`."""

    @pytest.mark.parametrize("role", [*Role])
    def test_open_to_the_roles_of_the_table(
        self, organization: Organization, everything: list[Address], role: Role
    ) -> None:
        client = sign_in(organization, role=role)

        found = list(wrong(client, everything, lambda one: one in ABILITIES[role]))

        assert found == []

    def test_open_to_a_superuser(self, everything: list[Address]) -> None:
        found = list(wrong(sign_in(is_superuser=True), everything, lambda _: True))

        assert found == []

    def test_open_to_nobody_of_another_organization(
        self, organization: Organization, everything: list[Address]
    ) -> None:
        """Lists and empty forms open, but for the stranger's own organization."""
        stranger = sign_in(make_organization(name="Hooli"), role="finance_lead")
        found = {str(path_id(one.path)) for one in everything}
        ids = {str(organization.pk), *(one for one in found if len(one) == 36)}

        # Lists first: afterwards a message quotes the ids that were asked for.
        for address in sorted(everything, key=lambda one: path_id(one.path) is not None):
            answer = stranger.get(address.path)

            inside = path_id(address.path) is not None
            assert not inside or answer.status_code in (302, 403, 404), address.name
            if not inside and answer.status_code == 200:
                assert not [one for one in ids if one in answer.content.decode()], address.name

    def test_open_to_nobody_who_has_not_signed_in(self, everything: list[Address]) -> None:
        for address in everything:
            answer = Client().get(address.path)

            assert answer.status_code == 302, address.name
            assert answer["Location"].startswith("/admin/login/"), address.name

    def test_open_to_nobody_who_is_no_staff(
        self, organization: Organization, everything: list[Address], db: None
    ) -> None:
        client = sign_in(organization, role="operator")
        client.get("/admin/")
        Organization.objects.get(pk=organization.pk).memberships.all().delete()

        found = list(wrong(client, everything, lambda _: False))

        assert found == []

    def test_leave_no_page_without_an_ability(self) -> None:
        """`addresses` fails on those that declare none; these are named, with a reason each."""
        names = {one.name for one in admin.site.get_urls() if isinstance(one, URLPattern)}

        assert set(OPEN) - {"app_list"} <= names


class TestForms:
    """What is sent without a page to send it from: refused by the same table.

    Seen to fail without StaffPage's `require`, and without that of ChoosePage and BatchPage.
    """

    @pytest.mark.parametrize("role", [*Role])
    def test_are_taken_from_the_roles_of_the_table(
        self, organization: Organization, world: dict[str, Any], role: Role
    ) -> None:
        client = sign_in(organization, role=role)
        found = list(forms(world))

        wrong = [
            f"{one.name} {one.data} ({one.ability}): {answer.status_code}"
            for one in sorted(found, key=lambda one: one.ability in ABILITIES[role])
            if ((answer := client.post(one.path, one.data)).status_code == 403)
            == (one.ability in ABILITIES[role])
        ]

        assert wrong == []

    @pytest.mark.parametrize("role", [*Role])
    def test_change_nothing_where_they_are_refused(
        self, organization: Organization, world: dict[str, Any], role: Role
    ) -> None:
        client = sign_in(organization, role=role)
        recorded, batches = records(), Batch.objects.count()

        for one in forms(world):
            if one.ability not in ABILITIES[role]:
                client.post(one.path, one.data)

        assert (records(), Batch.objects.count()) == (recorded, batches)

    def test_change_nothing_of_another_organization(
        self, organization: Organization, world: dict[str, Any]
    ) -> None:
        stranger = sign_in(make_organization(name="Hooli"), role="finance_lead")
        mine = ChangeRecord.objects.filter(organization=organization)
        recorded, batches = mine.count(), Batch.objects.count()

        for one in forms(world):
            answer = stranger.post(one.path, one.data)

            assert answer.status_code != 500
        assert (mine.count(), Batch.objects.count()) == (recorded, batches)

    def test_are_taken_from_nobody_who_has_not_signed_in(self, world: dict[str, Any]) -> None:
        for one in forms(world):
            answer = Client().post(one.path, one.data)

            assert answer.status_code == 302, one.name
            assert answer["Location"].startswith("/admin/login/"), one.name


class TestActions:
    @pytest.mark.parametrize("role", [*Role])
    def test_on_lists_are_those_of_the_table(
        self, organization: Organization, everything: list[Address], role: Role
    ) -> None:
        """Only deletion is offered on lists of Django's; other work in bulk has its own pages."""
        client = sign_in(organization, role=role)
        request = client.get("/admin/").wsgi_request

        for screen in admin.site._registry.values():
            offered = set(screen.get_actions(request))
            deletes = getattr(screen, "deletes", None) or getattr(screen, "writes", None)
            many = screen.actions is not None  # some are deleted one at a time
            may = many and getattr(screen, "may_delete", False) and deletes in ABILITIES[role]

            assert offered <= {"delete_selected"}, screen
            assert bool(offered) == may, screen


class TestDocument:
    def test_is_current(self) -> None:
        """`make roles` writes it anew."""
        kept = Path("docs/roles.md").read_text()

        assert kept == as_document()

    def test_names_every_ability(self) -> None:
        assert all(str(one.label) in as_document() for one in Ability)


def path_id(path: str) -> str | None:
    """Return the part of an address that names a row."""
    steps = [step for step in path.split("/") if len(step) == 36 or step.isdigit()]
    return steps[0] if steps else None
