"""Finding changes of an organization, however many there are."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from billing.events import history
from billing.events.history import Asked, find_changes
from billing.models import ChangeRecord, Organization
from tests.billing.builders import make_organization

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_records(organization: Organization, count: int, **values: Any) -> list[ChangeRecord]:
    """Make changes, one an hour from noon on."""
    return [
        ChangeRecord.objects.create(
            organization=organization,
            **{
                "resource": "tax",
                "object_id": uuid4(),
                "action": "updated",
                "door": "api",
                "actor_name": "Ann",
                "changes": {},
                "at": NOON + timedelta(hours=number),
            }
            | values,
        )
        for number in range(count)
    ]


class TestFindChanges:
    def test_pages_through_all_of_an_organization(self, organization: Organization) -> None:
        made = make_records(organization, 5)
        make_records(make_organization(), 3)

        first = find_changes(organization.pk, Asked(), limit=3)
        second = find_changes(organization.pk, Asked(), first.before, limit=3)

        assert [one.pk for one in first.records] == [one.pk for one in made[:1:-1]]
        assert [one.pk for one in second.records] == [one.pk for one in made[1::-1]]
        assert second.before is None

    @pytest.mark.parametrize(
        ("asked", "values"),
        [
            (Asked(who="7"), {"actor_id": "7"}),
            (Asked(who="Bob"), {"actor_name": "Bob"}),
            (Asked(door="staff"), {"door": "staff"}),
            (Asked(resource="customer"), {"resource": "customer"}),
            (Asked(object_id=uuid4()), None),
            (Asked(batch_id=uuid4()), None),
        ],
    )
    def test_finds_what_was_asked_for(
        self, organization: Organization, asked: Asked, values: dict[str, Any] | None
    ) -> None:
        wanted = values or {
            name: getattr(asked, name) for name in ("object_id", "batch_id") if getattr(asked, name)
        }
        make_records(organization, 2)
        [made] = make_records(organization, 1, **wanted)
        make_records(organization, 2)

        assert [one.pk for one in find_changes(organization.pk, asked).records] == [made.pk]

    @pytest.mark.parametrize("margin", [0, 10_000])
    def test_finds_the_changes_of_some_hours(
        self, organization: Organization, monkeypatch: pytest.MonkeyPatch, margin: int
    ) -> None:
        monkeypatch.setattr(history, "_MARGIN", margin)
        made = make_records(organization, 9)

        asked = Asked(since=NOON + timedelta(hours=2), until=NOON + timedelta(hours=5))
        found = find_changes(organization.pk, asked)

        assert [one.pk for one in found.records] == [one.pk for one in made[4:1:-1]]

    def test_stops_looking_and_goes_on_where_it_was(
        self, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """About the windows."""
        monkeypatch.setattr(history, "WINDOW", 2)
        monkeypatch.setattr(history, "WINDOWS", 2)
        [wanted] = make_records(organization, 1, door="staff")
        make_records(organization, 5)

        first = find_changes(organization.pk, Asked(door="staff"))
        second = find_changes(organization.pk, Asked(door="staff"), first.before)

        assert (first.records, first.is_partial) == ([], True)
        assert [one.pk for one in second.records] == [wanted.pk]
