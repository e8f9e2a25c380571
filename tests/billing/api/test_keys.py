"""customers.md 1.3, resources.md 5.4: keys, permissions, and who is let in."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from billing.api import keys
from billing.api.authentication import bearer_key, find_caller
from billing.api.models import ApiKey
from billing.errors import Invalid
from billing.models import ChangeRecord, Organization
from tests.billing.builders import make_organization


def problems_of(call, *arguments, **options):
    with pytest.raises(Invalid) as refused:
        call(*arguments, **options)
    return refused.value.problems


class TestMakeKey:
    def test_makes_long_url_safe_keys_with_a_valid_tail(self):
        made = {keys.make_key() for _ in range(100)}

        assert len(made) == 100
        for key in made:
            assert key.startswith("tarn_")
            assert len(key) == len("tarn_") + 43 + 6
            assert key.replace("_", "").replace("-", "").isalnum()
            assert keys.has_valid_tail(key)
            assert not keys.has_valid_tail(key[:-7] + ("A" if key[-7] != "A" else "B") + key[-6:])


class TestIsWellFormedGivenKey:
    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ("k" * 16, True),
            ("~" * 255, True),
            ("!" + "k" * 15, True),
            ("k" * 15, False),
            ("k" * 256, False),
            ("k" * 15 + " ", False),
            ("k" * 15 + "\n", False),
            ("k" * 16 + "\n", False),
            ("k" * 15 + "\u00e9", False),
            ("k" * 15 + "\x7f", False),
        ],
    )
    def test_takes_16_to_255_visible_ascii_characters(self, key, expected):
        assert keys.is_well_formed_given_key(key) is expected


class TestAllows:
    def test_allows_everything_without_permissions(self):
        assert keys.allows(None, "customer", "write")

    def test_forbids_what_is_not_listed(self):
        permissions = {"customer": ["read"], "tax": []}

        assert keys.allows(permissions, "customer", "read")
        assert not keys.allows(permissions, "customer", "write")
        assert not keys.allows(permissions, "tax", "read")
        assert not keys.allows(permissions, "organization", "read")


class TestCreateApiKey:
    def test_keeps_a_hash_and_four_characters_only(self, organization):
        row, text = keys.create_api_key(organization, "ERP", {"customer": ["write", "read"]})

        row.refresh_from_db()
        assert bytes(row.key_hash) == keys.hash_key(text)
        assert row.last_four == text[-4:]
        assert row.permissions == {"customer": ["read", "write"]}
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_jsonb(k)::text FROM billing_apikey k WHERE id = %s", [row.id])
            assert text not in cursor.fetchone()[0]

    def test_takes_the_key_that_is_given(self, organization):
        row, text = keys.create_api_key(organization, key="brought-from-lago-1")

        assert text == "brought-from-lago-1"
        assert find_caller(text).key_id == row.id

    def test_accepts_resources_to_come(self, organization):
        row, _ = keys.create_api_key(organization, permissions={"invoice": ["read"]})

        assert row.permissions == {"invoice": ["read"]}

    @pytest.mark.parametrize(
        ("values", "problems"),
        [
            ({"key": "short"}, {"key": ["value_is_invalid"]}),
            ({"name": "n" * 256}, {"name": ["value_is_too_long"]}),
            ({"permissions": {}}, {"permissions": ["value_is_invalid"]}),
            ({"permissions": {"costumer": ["read"]}}, {"permissions": ["value_is_invalid"]}),
            ({"permissions": {"customer": ["delete"]}}, {"permissions": ["value_is_invalid"]}),
            ({"permissions": {"customer": "read"}}, {"permissions": ["value_is_invalid"]}),
            ({"permissions": ["customer"]}, {"permissions": ["value_is_invalid"]}),
        ],
    )
    def test_refuses_what_is_not_acceptable(self, organization, values, problems):
        assert problems_of(keys.create_api_key, organization, **values) == problems
        assert not ApiKey.objects.exists()

    def test_refuses_a_key_that_any_organization_has(self, organization):
        keys.create_api_key(make_organization(), key="brought-from-lago-1")

        problems = problems_of(keys.create_api_key, organization, key="brought-from-lago-1")

        assert problems == {"key": ["value_already_exist"]}
        assert ApiKey.objects.count() == 1


class TestRotateApiKey:
    def test_keeps_the_permissions_and_ends_the_old_key_now(self, organization):
        old, old_text = keys.create_api_key(organization, "ERP", {"customer": ["read"]})

        new, new_text = keys.rotate_api_key(old)

        assert find_caller(old_text) is None
        assert find_caller(new_text).permissions == {"customer": ["read"]}
        assert (new.name, new.expires_at) == ("ERP", None)

    def test_lets_the_old_key_live_until_a_given_time(self, organization):
        old, old_text = keys.create_api_key(organization)
        ends_at = timezone.now() + timedelta(days=1)

        _, new_text = keys.rotate_api_key(old, ends_at)

        old.refresh_from_db()
        assert old.expires_at == ends_at
        assert find_caller(old_text)
        assert find_caller(new_text)

    def test_never_makes_the_old_key_live_longer(self, organization):
        soon = timezone.now() + timedelta(hours=1)
        old, _ = keys.create_api_key(organization, expires_at=soon)

        keys.rotate_api_key(old, soon + timedelta(days=1))

        old.refresh_from_db()
        assert old.expires_at == soon

    def test_refuses_a_key_that_has_ended(self, organization):
        old, _ = keys.create_api_key(organization, expires_at=datetime(2020, 1, 1, tzinfo=UTC))

        assert problems_of(keys.rotate_api_key, old) == {"base": ["api_key_has_ended"]}
        assert ApiKey.objects.count() == 1


class TestRevokeApiKey:
    def test_ends_a_key_at_once(self, organization):
        keys.create_api_key(organization)
        old, text = keys.create_api_key(organization)

        keys.revoke_api_key(old)

        assert find_caller(text) is None

    def test_refuses_the_last_key_without_an_end(self, organization):
        keys.create_api_key(make_organization())
        keys.create_api_key(organization, expires_at=timezone.now() + timedelta(days=1))
        last, text = keys.create_api_key(organization)

        problems = problems_of(keys.revoke_api_key, last)

        assert problems == {"base": ["last_non_expiring_api_key"]}
        assert find_caller(text)

    def test_ends_a_key_that_would_end_anyway(self, organization):
        tomorrow = timezone.now() + timedelta(days=1)
        old, text = keys.create_api_key(organization, expires_at=tomorrow)

        keys.revoke_api_key(old)

        assert find_caller(text) is None

    @pytest.mark.django_db(transaction=True)
    def test_leaves_one_key_however_many_are_revoked_at_once(self):
        """Without the lock on the organization both threads see the other key, and none is left."""
        organization = make_organization()
        rows = [keys.create_api_key(organization)[0] for _ in range(4)]
        barrier = threading.Barrier(len(rows))
        refused = []

        def revoke(row):
            try:
                connection.ensure_connection()
                barrier.wait()
                keys.revoke_api_key(row)
            except Invalid:
                refused.append(row)
            finally:
                connection.close()

        threads = [threading.Thread(target=revoke, args=(row,)) for row in rows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(refused) == 1
        assert ApiKey.objects.filter(expires_at=None).count() == 1


class TestBearerKey:
    @pytest.mark.parametrize(
        "header",
        ["Bearer " + "k" * 20, "bearer " + "k" * 20, "BEARER  " + "k" * 20 + " "],
    )
    def test_reads_the_scheme_in_any_case(self, header):
        assert bearer_key(header) == "k" * 20

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "k" * 20,
            "Basic " + "k" * 20,
            "Token " + "k" * 20,
            "Bearer\t" + "k" * 20,
            "Bearer " + "k" * 20 + ",Bearer " + "k" * 20,
            ",Bearer " + "k" * 20,
            "Bearer " + "k" * 15,
            "Bearer " + "k" * 256,
            "Bearer " + "k" * 20 + "\xe9",
        ],
    )
    def test_finds_no_key_in_anything_else(self, header):
        assert bearer_key(header) is None


class TestFindCaller:
    def test_names_the_key_as_the_actor(self, organization):
        named, text = keys.create_api_key(organization, "ERP")
        _, unnamed_text = keys.create_api_key(organization, key="k" * 20 + "wxyz")

        actor = find_caller(text).actor

        assert (actor.door, actor.name, actor.id) == ("api", "ERP", str(named.id))
        assert find_caller(unnamed_text).actor.name == "API key ...wxyz"

    @pytest.mark.parametrize(("seconds", "is_found"), [(-1, False), (60, True)])
    def test_finds_a_key_until_it_ends(self, organization, seconds, is_found):
        at = timezone.now() + timedelta(seconds=seconds)
        _, text = keys.create_api_key(organization, expires_at=at)

        assert (find_caller(text) is not None) is is_found

    def test_notes_the_use_at_most_once_a_minute(self, organization):
        row, text = keys.create_api_key(organization)

        find_caller(text)
        row.refresh_from_db()
        first = row.last_used_at
        with connection.execute_wrapper(lambda *_: pytest.fail("no query of the ORM is expected")):
            find_caller(text)
        ApiKey.objects.filter(id=row.id).update(last_used_at=first - timedelta(seconds=30))
        find_caller(text)
        row.refresh_from_db()
        half_a_minute_ago = row.last_used_at
        ApiKey.objects.filter(id=row.id).update(last_used_at=first - timedelta(seconds=61))
        find_caller(text)
        row.refresh_from_db()

        assert first is not None
        assert half_a_minute_ago == first - timedelta(seconds=30)
        assert row.last_used_at > half_a_minute_ago

    def test_uses_one_prepared_statement(self, organization):
        _, text = keys.create_api_key(organization)

        for _ in range(3):
            find_caller(text)

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT generic_plans + custom_plans FROM pg_prepared_statements"
                " WHERE statement LIKE %s",
                ["%FROM billing_apikey%key_hash%"],
            )
            assert cursor.fetchone()[0] >= 3

    @pytest.mark.django_db(transaction=True)
    def test_connects_anew_when_the_connection_died(self):
        """Without the second try the first request after a restart of the database is a 503."""
        _, text = keys.create_api_key(make_organization())
        find_caller(text)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [pid] = cursor.fetchone()

        def kill():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
            connection.close()

        killer = threading.Thread(target=kill)
        killer.start()
        killer.join()

        assert find_caller(text)


class TestRecords:
    def test_tell_the_life_of_a_key_and_nothing_that_opens_anything(
        self, organization: Organization
    ) -> None:
        key, text = keys.create_api_key(organization, "ERP", {"customer": ["read"]})
        keys.change_api_key(key, name="ERP live")
        _, new_text = keys.rotate_api_key(key, timezone.now() + timedelta(hours=24))

        found = list(ChangeRecord.objects.filter(resource="api_key").order_by("id"))

        assert [one.action for one in found] == ["created", "updated", "created", "updated"]
        assert found[1].changes == {"name": ["ERP", "ERP live"]}
        assert found[3].changes["expires_at"][0] is None
        told = str([one.changes for one in found])
        assert text not in told
        assert new_text not in told
        assert keys.hash_key(text).hex() not in told

    def test_are_not_written_for_nothing(self, organization: Organization) -> None:
        key, _ = keys.create_api_key(organization, "ERP")

        assert not keys.change_api_key(key, name="ERP")
        assert ChangeRecord.objects.filter(resource="api_key").count() == 1

    def test_tell_of_a_revoked_key(self, organization: Organization) -> None:
        key, _ = keys.create_api_key(organization)
        keys.create_api_key(organization)

        keys.revoke_api_key(key)

        assert "expires_at" in ChangeRecord.objects.latest("id").changes
