"""What a set-up file is refused for; nothing is changed then."""

import pytest
from django.core.management import CommandError, call_command

from billing.api.models import ApiKey
from tests.billing.builders import make_api_key, make_organization
from tests.billing.setup.files import WHOLE


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
                "api_keys: [{key: canary-0123456789, permissions: {customers: [read]}}]",
                (
                    "api_keys[0].permissions, line 1: These are no permissions. Write them like"
                    " {customer: [read, write], tax: [read]}; without any a key may do everything."
                ),
            ),
            (
                "api_keys: [{key: canary-0123456789, expires_at: soon}]",
                (
                    "api_keys[0].expires_at, line 1: “soon” is no time. Write it like"
                    " 2030-01-31T00:00:00Z."
                ),
            ),
            (
                "staff: [{email: ann@acme.test, role: boss}]",
                (
                    "staff[0].role, line 1: “boss” is no role: these are viewer, auditor, finance,"
                    " finance_lead and operator."
                ),
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
