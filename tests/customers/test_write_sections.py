"""The invoice custom sections of a customer (customers.md 2.11)."""

import pytest
from django.utils import timezone

from tests.billing.builders import make_billing_entity, make_organization, make_section
from tests.customers.posting import post, refused, shown, unchanged

BOTH = {"invoice_custom_sections": ["skip_sections_and_selected_ids_sent_together"]}


@pytest.fixture
def acme(organization):
    """An organization with sections a, b, c; its entity `fr` prints c, and c alone."""
    *_, c = [make_section(organization, code=code, name=code.upper()) for code in "abc"]
    make_section(organization, code="gone", deleted_at=timezone.now())
    make_section(make_organization(), code="theirs")
    make_billing_entity(organization, code="fr", sections=[c])
    post(organization, billing_entity_code="fr")
    return organization


def state(organization):
    """Return whether sections are skipped, and those that apply."""
    found = shown(organization)
    applicable = [section["code"] for section in found["applicable_invoice_custom_sections"]]
    return found["skip_invoice_custom_sections"], applicable


STATES = {
    "inheriting": {},
    "selected": {"invoice_custom_section_codes": ["a", "b"]},
    "skipping": {"skip_invoice_custom_sections": True},
}


class TestSections:
    @pytest.mark.parametrize(
        ("before", "values", "after"),
        [
            # absent or null, absent or null: unchanged
            ("inheriting", {}, (False, ["c"])),
            ("selected", {"skip_invoice_custom_sections": None}, (False, ["a", "b"])),
            ("skipping", {"skip_invoice_custom_sections": ""}, (True, [])),
            ("skipping", {"invoice_custom_section_codes": None}, (True, [])),
            # true: skip on, selection cleared
            ("inheriting", {"skip_invoice_custom_sections": True}, (True, [])),
            ("selected", {"skip_invoice_custom_sections": "t"}, (True, [])),
            # false: skip off, selection unchanged
            ("skipping", {"skip_invoice_custom_sections": False}, (False, ["c"])),
            ("selected", {"skip_invoice_custom_sections": False}, (False, ["a", "b"])),
            # a list: skip off, the known codes
            ("inheriting", {"invoice_custom_section_codes": ["b", "nope"]}, (False, ["b"])),
            ("selected", {"invoice_custom_section_codes": ["c", "b", "c"]}, (False, ["b", "c"])),
            ("skipping", {"invoice_custom_section_codes": ["a"]}, (False, ["a"])),
            ("skipping", {"skip_invoice_custom_sections": False,
                          "invoice_custom_section_codes": ["a"]}, (False, ["a"])),
            ("selected", {"invoice_custom_section_codes": ["gone", "theirs", "A", "a\0"]},
             (False, ["c"])),
            # the empty list: skip off, selection empty
            ("selected", {"invoice_custom_section_codes": []}, (False, ["c"])),
            ("skipping", {"invoice_custom_section_codes": []}, (False, ["c"])),
        ],
    )  # fmt: skip
    def test_follow_the_table(self, acme, before, values, after):
        post(acme, **STATES[before])

        post(acme, **values)

        assert state(acme) == after
        unchanged(acme, lambda: post(acme, **values))

    @pytest.mark.parametrize("codes", [[], ["a"], ["nope"]])
    def test_are_not_both_skipped_and_selected(self, acme, codes):
        for external_id in ("c1", "new"):
            found = refused(acme, external_id, skip_invoice_custom_sections=True,
                            invoice_custom_section_codes=codes)  # fmt: skip
            assert found == BOTH

    def test_lose_the_selection_when_skipped(self, acme):
        post(acme, **STATES["selected"])
        post(acme, skip_invoice_custom_sections=True)

        post(acme, skip_invoice_custom_sections=False)

        assert state(acme) == (False, ["c"])

    def test_are_recorded_by_code(self, acme):
        post(acme, **STATES["selected"])

        assert post(acme, skip_invoice_custom_sections=True).diff == {
            "skip_invoice_custom_sections": [False, True],
            "invoice_custom_section_codes": [["a", "b"], []],
        }
