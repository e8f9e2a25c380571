"""Invoice custom sections (contract: resources.md 5.1)."""

import pytest

from billing.errors import Invalid, NotFound
from billing.events.actor import SYSTEM
from billing.models import InvoiceCustomSection
from billing.sections.change import SectionChange
from billing.sections.write import change_section, create_section, delete_section
from customers.models import SelectedSection
from customers.write import write_customer
from tests.billing.builders import make_billing_entity, make_section
from tests.billing.traces import everything, records
from tests.customers.posting import wish


class TestCreateSection:
    def test_keeps_line_breaks(self, organization):
        new = SectionChange.examine({"code": "s", "name": "S", "details": "a\r\nb\n"})

        create_section(organization.id, new, SYSTEM)

        assert InvoiceCustomSection.objects.get().details == "a\r\nb\n"
        assert records() == [
            (
                "invoice_custom_section",
                "created",
                {"code": [None, "s"], "name": [None, "S"], "details": [None, "a\r\nb\n"]},
            )
        ]

    @pytest.mark.parametrize(
        "sent, problems",
        [
            ({}, {"code": ["value_is_mandatory"], "name": ["value_is_mandatory"]}),
            ({"code": "taken", "name": "n"}, {"code": ["value_already_exist"]}),
            (
                {
                    "code": "a\nb",
                    "name": " ",
                    "display_name": "x" * 1025,
                    "description": "x" * 1025,
                    "details": "x" * 10_001,
                },
                {
                    "code": ["value_is_invalid"],
                    "name": ["value_is_mandatory"],
                    "display_name": ["value_is_too_long"],
                    "description": ["value_is_too_long"],
                    "details": ["value_is_too_long"],
                },
            ),
        ],
    )
    def test_reports_all_problems(self, organization, sent, problems):
        make_section(organization, code="taken")
        before = everything()

        with pytest.raises(Invalid) as refusal:
            create_section(organization.id, SectionChange.examine(sent), SYSTEM)

        assert refusal.value.problems == problems
        assert everything() == before


class TestChangeSection:
    def test_changes_once(self, organization):
        make_section(organization, code="s", name="S", details="a")
        new = SectionChange(code="other", name="T", details=None)

        assert change_section(organization.id, "s", new, SYSTEM) is True
        assert change_section(organization.id, "s", new, SYSTEM) is False

        assert records() == [
            ("invoice_custom_section", "updated", {"name": ["S", "T"], "details": ["a", None]})
        ]

    def test_needs_one(self, organization):
        with pytest.raises(NotFound):
            change_section(organization.id, "none", SectionChange(name="T"), SYSTEM)


class TestDeleteSection:
    def test_takes_it_out_of_every_selection(self, organization):
        section, other = (make_section(organization, code=code) for code in ("s", "t"))
        entity = make_billing_entity(organization, sections=[section, other])
        change = wish("c1", invoice_custom_section_codes=["s", "t"])
        write_customer(organization.id, change, SYSTEM)

        delete_section(organization.id, "s", SYSTEM)

        assert [link.section_id for link in entity.section_links.all()] == [other.id]
        assert [link.section_id for link in SelectedSection.objects.all()] == [other.id]
        selection = {"invoice_custom_section_codes": [["s", "t"], ["t"]]}
        assert records()[1:] == [
            ("billing_entity", "updated", selection),
            ("customer", "updated", selection),
            ("invoice_custom_section", "deleted", {}),
        ]

    def test_frees_the_code(self, organization):
        make_section(organization, code="s")
        delete_section(organization.id, "s", SYSTEM)

        make_section(organization, code="s")

        with pytest.raises(NotFound):
            delete_section(organization.id, "none", SYSTEM)
