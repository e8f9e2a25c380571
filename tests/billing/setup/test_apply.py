"""`manage.py apply FILE`: set-up as code (contract: resources.md 5)."""

import io
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from billing.api.models import ApiKey
from billing.models import (
    BillingEntity,
    ChangeRecord,
    Membership,
    Organization,
    PaymentProvider,
    Tax,
    WebhookEndpoint,
)
from tests.billing.builders import make_api_key, make_organization
from tests.billing.traces import everything

WHOLE = """\
organizations:
  - code: acme
    name: Acme
    document_number_prefix: lag-1234
    default_currency: USD
    timezone: UTC
    legal_name: Acme Inc
    billing_entities:
      - {code: first, name: First, country: US}
      - code: main
        default: true
        name: Main
        timezone: America/Los_Angeles
        legal_name: Main Inc
        invoice_grace_period: 3
        tax_codes: [vat]
        invoice_custom_section_codes: [bank]
      - {code: old, name: Old, archived: true}
    taxes:
      - {code: vat, name: TVA, rate: 20.50}
    invoice_custom_sections:
      - {code: bank, name: Bank, details: "a"}
    payment_providers:
      - {type: stripe, code: s, name: S, secret_key: env:TARN_TEST_SECRET}
      - {type: moneyhash, code: m, name: M}
    integrations:
      - {type: netsuite, code: n, name: N, account_id: 12 SB}
    api_keys:
      - {name: full, key: env:TARN_TEST_KEY}
      - {name: old, key: acme-old-0123456789, expires_at: 2020-01-01T00:00:00Z}
      - {name: reads, key: acme-reads-0123456789, permissions: {customer: [read]}}
    webhook_endpoints:
      - {webhook_url: "https://hooks.example.com", event_types: [customer.created]}
    staff:
      - {email: ann@acme.test, role: finance, password: env:TARN_TEST_SECRET}
      - {email: bob@acme.test, role: viewer}
"""
SECRET = "canary-0123456789abcdef"


@pytest.fixture
def apply(db, tmp_path: Path, monkeypatch):
    """Return a function that applies a text and returns what the command printed."""
    monkeypatch.setenv("TARN_TEST_SECRET", SECRET)
    monkeypatch.setenv("TARN_TEST_KEY", SECRET + "-key")

    def run(text: str) -> str:
        file = tmp_path / "setup.yaml"
        file.write_text(text)
        out = io.StringIO()
        call_command("apply", str(file), stdout=out)
        assert "canary" not in out.getvalue()
        return out.getvalue()

    return run


@pytest.fixture
def problems(apply):
    """Return a function that applies a text that is refused, and returns the problems."""

    def run(text: str) -> list[str]:
        before = everything()
        with pytest.raises(CommandError) as refusal:
            apply(text)
        assert everything() == before
        head, *lines = str(refusal.value).splitlines()
        assert head.endswith("was not applied; nothing was changed.")
        assert "canary" not in str(refusal.value)
        return [line.strip() for line in lines]

    return run


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


class TestProblems:
    def test_tells_all_of_them_with_path_and_line(self, problems):
        found = problems(
            "organizations:\n"
            "  - code: acme\n"
            "    name: Acme\n"
            "    default_currency: usd\n"
            "    billing_entities:\n"
            "      - {code: a, name: A, country: US, eu_tax_management: true}\n"
            "      - {code: b, nmae: B, tax_codes: [nat, vat]}\n"
            "    taxes:\n"
            "      - {code: ok, name: Fine, rate: 1}\n"
            "      - {code: vat, name: TVA, rate: 1200}\n"
            "    staff:\n"
            "      - {email: nobody, role: boss}\n"
        )

        assert [line.partition(":")[0] for line in found] == [
            "organizations[0].default_currency, line 4",
            "organizations[0].billing_entities[0].eu_tax_management, line 6",
            "organizations[0].billing_entities[1].nmae, line 7",
            "organizations[0].billing_entities[1].tax_codes[0], line 7",
            "organizations[0].billing_entities[1].name, line 7",
            "organizations[0].taxes[1].rate, line 10",
            "organizations[0].staff[0].email, line 12",
            "organizations[0].staff[0].role, line 12",
        ]

    @pytest.mark.parametrize(
        "text, problem",
        [
            ("- a", "line 1: The file must hold the key organizations."),
            ("{}", "line 1: The key organizations is missing."),
            (
                "organisations: []",
                (
                    "organisations, line 1: There is no key organisations here."
                    " Did you mean organizations?"
                ),
            ),
            ("organizations: 1", "organizations, line 1: A list of organizations is needed here."),
            ("organizations: [1]", "organizations[0], line 1: Keys and values are needed here."),
            ("organizations: [{name: A}]", "organizations[0], line 1: A code is needed."),
            (
                "organizations: [{code: abc, name: A}, {code: abc, name: A}]",
                "organizations[1].code, line 1: “abc” stands in line 1 already.",
            ),
        ],
    )
    def test_names_what_is_wrong_with_the_file(self, problems, text, problem):
        assert problems(text) == [problem]

    @pytest.mark.parametrize(
        "part, problem",
        [
            ("taxes: {}", "taxes, line 1: A list of taxes is needed here."),
            (
                "taxes: [{code: a, name: A, rate: env:TARN_NONE}]",
                "taxes[0].rate, line 1: The environment has no variable TARN_NONE.",
            ),
            (
                (
                    "billing_entities: [{code: a, name: A, default: true},"
                    " {code: b, name: B, default: true}]"
                ),
                "billing_entities[1].default, line 1: Only one is the default; line 1 is already.",
            ),
            (
                "billing_entities: [{code: a, name: A, default: true, archived: true}]",
                "billing_entities[0].archived, line 1: The default can't be archived.",
            ),
            (
                "billing_entities: [{code: a, name: A, archived: yes}]",
                "billing_entities[0].archived, line 1: Use true or false.",
            ),
            (
                "payment_providers: [{type: paypal, code: a, name: A}]",
                (
                    "payment_providers[0].type, line 1: A type is needed: one of stripe,"
                    " gocardless, adyen, cashfree, flutterwave, moneyhash."
                ),
            ),
            (
                "payment_providers: [{type: stripe, code: a, name: A, access_token: x}]",
                "payment_providers[0].access_token, line 1: There is no key access_token here.",
            ),
            (
                "api_keys: [{key: short}]",
                "api_keys[0].key, line 1: “(hidden)” can't be used here.",
            ),
            (
                "api_keys: [{key: canary-0123456789}, {key: canary-0123456789}]",
                "api_keys[1].key, line 1: This stands in line 1 already.",
            ),
            ("api_keys: [{name: a}]", "api_keys[0], line 1: A key is needed."),
            (
                (
                    "billing_entities: [{code: a, name: A, invoice_custom_section_codes: [bnk]}],"
                    " invoice_custom_sections: [{code: bank, name: B}]"
                ),
                (
                    "billing_entities[0].invoice_custom_section_codes[0], line 1: “bnk” is no"
                    " invoice custom section of this organization. Did you mean bank?"
                ),
            ),
        ],
    )
    def test_names_what_is_wrong_with_a_part(self, problems, part, problem):
        found = problems(f"organizations: [{{code: abc, name: A, {part}}}]")

        assert found == [f"organizations[0].{problem}"]

    def test_refuses_a_key_of_another_organization(self, problems):
        make_api_key(make_organization(), "canary-0123456789-other")
        text = "organizations: [{code: abc, name: A, api_keys: [{key: canary-0123456789-other}]}]"

        [problem] = problems(text)

        assert problem.startswith("organizations[0].api_keys[0].key, line 1: ")

    def test_refuses_another_type_for_a_connection(self, apply, problems):
        apply(WHOLE)

        [problem] = problems(
            "organizations: [{code: acme, payment_providers: [{type: adyen, code: s, name: S}]}]"
        )

        assert problem.endswith("“s” is a stripe connection and stays one.")
        assert ApiKey.objects.count() == 3

    def test_changes_nothing_where_only_the_last_organization_is_wrong(self, problems):
        found = problems(
            "organizations:\n  - {code: one, name: One}\n  - {code: two, name: Two, timezone: x}\n"
        )

        assert len(found) == 1

    @pytest.mark.parametrize("name", ["/nonexistent/setup.yaml", "/"])
    def test_names_a_file_that_can_not_be_read(self, db, name):
        with pytest.raises(CommandError, match=f"^{name} can't be read: .*\\.$"):
            call_command("apply", name)

    def test_names_the_line_that_is_no_text(self, db, tmp_path):
        file = tmp_path / "setup.yaml"
        file.write_bytes(b"organizations:\n  - \xff")

        with pytest.raises(CommandError, match="is not UTF-8 text, line 2"):
            call_command("apply", str(file))
