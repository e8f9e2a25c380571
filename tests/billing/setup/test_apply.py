"""`manage.py apply FILE`: set-up as code (contract: resources.md 5)."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from billing.models import (
    BillingEntity,
    ChangeRecord,
    Membership,
    Organization,
    PaymentProvider,
    Tax,
    WebhookEndpoint,
)
from tests.billing.setup.files import SECRET, WHOLE
from tests.billing.traces import everything


class TestApply:
    def test_creates_everything(self, apply):
        out = apply(WHOLE)

        assert out.splitlines() == [
            "acme",
            "  organizations: created acme",
            "  taxes: created vat",
            "  invoice custom sections: created bank",
            "  billing entities: created main, first, old",
            "  payment providers: created s, m",
            "  integrations: created n",
            "  webhook endpoints: created https://hooks.example.com",
            "  api keys: created full (...-key), old (...6789), reads (...6789)",
            "  staff: created ann@acme.test, bob@acme.test",
            "Applied.",
        ]
        organization = Organization.objects.get()
        assert (organization.slug, organization.document_number_prefix) == ("acme", "LAG-1234")
        assert organization.legal_name == "Acme Inc"
        entities = {entity.code: entity for entity in BillingEntity.objects.all()}
        main = entities["main"]
        assert (main.is_default, main.timezone, main.legal_name, main.invoice_grace_period) == (
            True,
            "America/Los_Angeles",
            "Main Inc",
            3,
        )
        assert [tax.code for tax in main.taxes.all()] == ["vat"]
        assert entities["old"].archived_at is not None
        assert entities["first"].legal_name is None
        assert str(Tax.objects.get().rate) == "20.50000000"
        assert PaymentProvider.objects.get(code="s").secrets.reveal() == {"secret_key": SECRET}
        assert WebhookEndpoint.objects.get().event_types == ["customer.created"]

    def test_lets_keys_and_people_in(self, apply, anonymous):
        apply(WHOLE)

        def status(key: str, path: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return anonymous.get(f"/api/v1/{path}", headers=headers).status

        assert status(SECRET + "-key", "taxes") == 200
        assert status("acme-reads-0123456789", "taxes") == 403
        assert status("acme-old-0123456789", "taxes") == 401
        ann, bob = User.objects.order_by("username")
        assert ann.check_password(SECRET)
        assert ann.is_staff
        assert not bob.has_usable_password()
        assert dict(Membership.objects.values_list("user__email", "role")) == {
            "ann@acme.test": "finance",
            "bob@acme.test": "viewer",
        }

    def test_changes_nothing_the_second_time(self, apply):
        apply(WHOLE)
        before = everything()

        out = apply(WHOLE)

        assert everything() == before
        assert out.endswith("Nothing to change.\n")
        assert "created" not in out

    def test_records_who_did_it(self, apply):
        apply(WHOLE)

        assert set(ChangeRecord.objects.values_list("door", flat=True)) == {"setup"}

    @pytest.mark.parametrize(
        "old, new, line",
        [
            ("name: Acme\n", "legal_number: 1\n    name: Acme\n", "organizations: changed acme"),
            ("rate: 20.50", "rate: 20.5, description: d", "taxes: changed vat"),
            ('details: "a"', 'details: "b"', "invoice custom sections: changed bank"),
            ("tax_codes: [vat]", "tax_codes: []", "changed main; unchanged first, old"),
            ("country: US", "country: FR", "changed first; unchanged main, old"),
            ("archived: true", "archived: false", "changed old; unchanged main, first"),
            ("name: Old,", "name: Older,", "changed old; unchanged main, first"),
            ("name: M}", "name: M, flow_id: f}", "payment providers: changed m; unchanged s"),
            ("12 SB", "13 SB", "integrations: changed n"),
            ("name: reads", "name: read", "changed read (...6789)"),
            ("[read]}}", "[write]}}", "changed reads (...6789)"),
            ("2020-01-01", "2021-01-01", "changed old (...6789)"),
            ("[customer.created]", "[]", "webhook endpoints: changed https://hooks.example.com"),
            ("role: viewer", "role: auditor", "staff: changed bob@acme.test"),
            ("role: viewer", "role: viewer, password: new", "staff: changed bob@acme.test"),
        ],
    )
    def test_changes_what_differs(self, apply, old, new, line):
        apply(WHOLE)
        assert old in WHOLE

        out = apply(WHOLE.replace(old, new))

        assert line in out
        assert out.count("changed ") - out.count("unchanged ") == 1

    def test_leaves_the_rest_alone(self, apply):
        apply(WHOLE)
        before = everything()

        apply("organizations: [{code: acme}]")

        assert everything() == before

    def test_moves_the_default(self, apply):
        apply(WHOLE)

        apply(
            "organizations: [{code: acme, billing_entities: "
            "[{code: first, default: true}, {code: main, archived: true}]}]"
        )

        assert BillingEntity.objects.get(is_default=True).code == "first"
        assert BillingEntity.objects.get(code="main").archived_at is not None

    def test_makes_a_billing_entity_where_the_file_names_none(self, apply):
        apply("organizations: [{code: tiny, name: Tiny, timezone: Asia/Tokyo}]")

        entity = BillingEntity.objects.get()
        assert (entity.code, entity.name, entity.is_default) == ("tiny", "Tiny", True)
        assert entity.timezone == "Asia/Tokyo"

    def test_takes_the_first_active_one_as_default(self, apply):
        apply(
            "organizations: [{code: tiny, name: Tiny, billing_entities: "
            "[{code: a, name: A, archived: true}, {code: b, name: B}]}]"
        )

        assert BillingEntity.objects.get(is_default=True).code == "b"

    def test_keeps_what_the_default_billing_entity_says_itself(self, apply):
        apply(WHOLE)

        apply("organizations: [{code: acme, timezone: Asia/Tokyo, default_currency: JPY}]")

        entity = BillingEntity.objects.get(code="main")
        assert (entity.timezone, entity.default_currency) == ("Asia/Tokyo", "JPY")
        apply(WHOLE)
        entity.refresh_from_db()
        assert (entity.timezone, entity.default_currency) == ("America/Los_Angeles", "USD")

    def test_gives_one_person_a_role_in_two_organizations(self, apply):
        apply(
            "organizations:\n"
            "  - {code: one, name: One, staff: [{email: ann@acme.test, role: viewer}]}\n"
            "  - {code: two, name: Two, staff: [{email: ANN@acme.test, role: operator}]}\n"
        )

        assert User.objects.count() == 1
        assert Membership.objects.count() == 2

    def test_reads_standard_input(self, apply, monkeypatch):
        text = io.TextIOWrapper(io.BytesIO(b"organizations: [{code: tiny, name: Tiny}]"))
        monkeypatch.setattr("sys.stdin", text)

        call_command("apply", "-", stdout=io.StringIO())

        assert Organization.objects.get().slug == "tiny"
