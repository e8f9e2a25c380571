"""The pages of imports: who sees and does what, and what they refuse."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.utils import timezone

from billing.models import Organization
from customers.admin.import_page import same_file
from customers.imports.samples import SAMPLES, sample
from customers.intakes import Import, SavedMapping
from customers.models import Customer
from tests.billing.builders import make_billing_entity, make_organization, make_tax
from tests.customers.builders import make_customer
from tests.customers.imports.bringing import checked_import
from tests.staff import sign_in, text_of

pytestmark = pytest.mark.django_db

FILE = b"external_id;name;Land\nc1;Ann;FR\nc2;Bob;Atlantis\nc3;Cid;DE\n"


def send(client: Client, organization: Organization, content: bytes = FILE, **more: Any) -> Any:
    """Send a file in."""
    file = SimpleUploadedFile(more.pop("name", "customers.csv"), content)
    values = {"organization": str(organization.pk), "file": file, **more}
    return client.post("/admin/imports/new/", values)


def act(client: Client, intake: Import, do: str, **values: Any) -> Any:
    """Press a button of an import."""
    sent = {"organization": str(intake.organization_id), "do": do, **values}
    return client.post(f"/admin/imports/{intake.pk}/", sent, follow=True)


class TestSending:
    def test_keeps_no_file_and_all_rows(self, organization):
        client = sign_in(organization, role="finance_lead")

        answer = send(client, organization)

        intake = Import.objects.get()
        assert answer.headers["Location"] == f"/admin/imports/{intake.pk}/"
        assert (intake.state, intake.total, intake.pieces.count()) == ("staged", 3, 0)
        page = text_of(client.get(f"/admin/imports/{intake.pk}/columns/"))
        assert "Cells are separated by semicolons" in page
        assert "Atlantis" in page

    @pytest.mark.parametrize(
        "content, words",
        [
            (b"", "empty"),
            (b"\x1f\x8b\x08\x00", "gzip"),
            (b"name,name\n1,2\n", "twice"),
            (b"<html><body>Sign in</body></html>", "web page"),
        ],
    )
    def test_says_why_a_file_is_not_taken(self, organization, content, words):
        answer = send(sign_in(organization, role="finance_lead"), organization, content)

        assert answer.status_code == 422
        assert words in text_of(answer)
        assert not Import.objects.exists()

    def test_refuses_what_is_too_large(self, organization, settings):
        """Seen to fail without config.uploads.UploadLimit."""
        settings.TARN_UPLOAD_MAX_MB = 0

        answer = send(sign_in(organization, role="finance_lead"), organization)

        assert answer.status_code == 422
        assert "larger than" in text_of(answer)
        assert not Import.objects.exists()

    def test_takes_nothing_from_strangers(self):
        """Seen to fail when UploadLimit asks for no user: the file would lie on the disk."""
        file = SimpleUploadedFile("customers.csv", FILE)
        request = RequestFactory().post("/admin/imports/new/", {"file": file})
        request.user = AnonymousUser()

        assert not request.FILES

    def test_is_for_those_who_may_import(self, organization):
        answer = send(sign_in(organization, role="finance"), organization)

        assert answer.status_code == 403
        assert not Import.objects.exists()

    def test_is_refused_in_another_organization(self, organization):
        """Two tabs: the form was opened in an organization that is not the present one."""
        client = sign_in(organization, role="finance_lead")

        send(client, make_organization())

        assert not Import.objects.exists()

    @pytest.mark.parametrize("preset", SAMPLES)
    def test_recognizes_its_own_samples(self, organization, preset):
        client = sign_in(organization, role="finance_lead")
        send(client, organization, sample(preset).encode())
        intake = Import.objects.get()
        page = client.get(f"/admin/imports/{intake.pk}/columns/")

        chosen = {
            f"column-{line.place}": line.fills for line in page.context["lines"] if line.fills
        }
        client.post(
            f"/admin/imports/{intake.pk}/columns/",
            {"organization": str(organization.pk), "source": page.context["source"], **chosen},
        )

        intake.refresh_from_db()
        assert page.context["source"] in (preset, "guess")
        assert (intake.state, intake.new, intake.refused) == ("checked", 2, 0)


class TestColumns:
    def test_are_saved_and_found_again(self, organization):
        """Red when the mappings of all organizations are looked through for the name."""
        theirs = SavedMapping.objects.create(
            organization=make_organization(), name="Ours", mapping={"theirs": 1}
        )
        client = sign_in(organization, role="finance_lead")
        send(client, organization)
        values = {
            "organization": str(organization.pk), "column-0": "external_id",
            "column-1": "legal_name", "column-2": "country", "fixed-target": "currency",
            "fixed-value": "EUR", "blank": "clear", "save_as": "Ours",
        }  # fmt: skip

        client.post(f"/admin/imports/{Import.objects.get().pk}/columns/", values)

        saved = SavedMapping.objects.get(organization=organization)
        theirs.refresh_from_db()
        assert theirs.mapping == {"theirs": 1}
        assert (saved.name, saved.mapping["fixed"], saved.mapping["blank"]) == (
            "Ours", {"currency": "EUR"}, "clear",
        )  # fmt: skip
        send(client, organization, FILE + b"c4;Dan;DE\n")
        newest = Import.objects.order_by("id").first()
        page = client.get(f"/admin/imports/{newest.pk}/columns/")
        assert page.context["source"] == f"saved:{saved.pk}"

    def test_of_another_organization_are_not_forgotten(self, organization):
        """Red when a saved mapping is looked for by its number alone."""
        theirs = SavedMapping.objects.create(
            organization=make_organization(), name="Theirs", mapping={}
        )
        client = sign_in(organization, role="finance_lead")
        send(client, organization)

        client.post(
            f"/admin/imports/{Import.objects.get().pk}/columns/",
            {"organization": str(organization.pk), "do": "forget", "source": f"saved:{theirs.pk}"},
        )

        assert SavedMapping.objects.filter(pk=theirs.pk).exists()

    def test_need_one_that_tells_customers_apart(self, organization):
        client = sign_in(organization, role="finance_lead")
        send(client, organization)
        intake = Import.objects.get()

        answer = client.post(
            f"/admin/imports/{intake.pk}/columns/",
            {"organization": str(organization.pk), "column-1": "name"},
        )

        assert answer.status_code == 422
        assert "external_id" in text_of(answer)
        intake.refresh_from_db()
        assert intake.state == "staged"

    def test_of_another_organization_are_not_found(self, organization):
        intake = checked_import(make_organization())
        client = sign_in(organization, role="finance_lead")

        assert client.get(f"/admin/imports/{intake.pk}/columns/").status_code == 404


class TestPreview:
    def test_writes_nothing(self, organization):
        make_customer(organization, external_id="c1", name="Anna")

        intake = checked_import(organization)

        assert (intake.new, intake.changed, intake.refused) == (0, 1, 1)
        assert Customer.objects.get().name == "Anna"

    def test_shows_old_and_new(self, organization):
        make_customer(organization, external_id="c1", name="Anna <b>")
        intake = checked_import(organization)
        client = sign_in(organization, role="viewer")

        answer = client.get(f"/admin/imports/{intake.pk}/?tab=changed")

        assert "Anna &lt;b&gt;" in answer.content.decode()
        assert "Import 1 customer" not in text_of(answer)  # a viewer only looks

    def test_mends_a_cell(self, organization):
        intake = checked_import(organization)
        client = sign_in(organization, role="finance_lead")

        answer = act(client, intake, "mend", row="3", column="country", text="Italien")

        intake.refresh_from_db()
        assert "Row 3 is mended" in text_of(answer)
        assert (intake.new, intake.refused) == (2, 0)

    def test_suggests_and_replaces(self, organization):
        lines = "".join(f"c{n},{n} days\n" for n in (14, 15)) + "c3,30 Tage\nc4,30 Tage\n"
        content = f"external_id,net_payment_term\n{lines}".encode()
        intake = checked_import(organization, content)
        client = sign_in(organization, role="finance_lead")
        page = client.get(f"/admin/imports/{intake.pk}/?tab=refused")
        [first, *_others] = page.context["repairs"]
        assert (first.value, first.rows, first.suggestion) == ("30 Tage", 2, "30")

        act(client, intake, "replace", column="net_payment_term", code=first.code,
            old="30 Tage", new="30")  # fmt: skip

        intake.refresh_from_db()
        assert (intake.new, intake.refused) == (2, 2)

    def test_suggests_the_country_that_is_nearest(self, organization):
        intake = checked_import(organization)
        client = sign_in(organization, role="finance_lead")

        page = client.get(f"/admin/imports/{intake.pk}/?tab=refused")

        assert [one.suggestion for one in page.context["repairs"]] == ["DE"]

    def test_says_nothing_of_what_another_organization_has(self, organization):
        """Red when the same file, or the names of taxes and entities, are looked for in all."""
        hooli = make_organization()
        make_tax(hooli, code="vat", name="Hooli VAT")
        make_billing_entity(hooli, code="fr", name="Hooli France")
        content = b"external_id,tax_codes,billing_entity_code\nc1,Hooli VAT,\nc2,,Hooli France\n"
        for place in (hooli, organization):
            intake = checked_import(place, content)
            Import.objects.filter(organization=hooli).update(state="done", ended_at=timezone.now())

        page = sign_in(organization, role="finance_lead").get(
            f"/admin/imports/{intake.pk}/?tab=refused"
        )

        assert same_file(intake) is None
        assert [one.suggestion for one in page.context["repairs"]] == []

    def test_is_another_organizations(self, organization):
        intake = checked_import(make_organization())
        client = sign_in(organization, role="finance_lead")

        for path in ("", "progress/", "refused.xlsx", "columns/"):
            assert client.get(f"/admin/imports/{intake.pk}/{path}").status_code == 404
        sent = {"organization": str(organization.pk), "do": "start"}
        assert client.post(f"/admin/imports/{intake.pk}/", sent).status_code == 404


class TestImporting:
    def test_adds_up(self, organization):
        intake = checked_import(organization)
        client = sign_in(organization, role="finance_lead")

        answer = act(client, intake, "start", reason="Spring")

        intake.refresh_from_db()
        assert (intake.state, intake.behind, intake.total) == ("done", 2, 2)
        assert "1 row was refused" in text_of(answer)
        assert intake.reason == "Spring"
        timeline = client.get(f"/admin/customers/customer/{Customer.objects.get().pk}/timeline/")
        assert f"/admin/customers/bulk/{intake.pk}/" in timeline.content.decode()
        there = client.get(f"/admin/customers/bulk/{intake.pk}/")
        assert there.headers["Location"] == f"/admin/imports/{intake.pk}/"

    def test_leaves_out_whom_somebody_changed_since_the_preview(self, organization):
        make_customer(organization, external_id="c1", name="Anna")
        intake = checked_import(organization)
        make_customer(organization, external_id="c1", name="Anne")

        answer = act(sign_in(organization, role="finance_lead"), intake, "start")

        intake.refresh_from_db()
        assert (intake.changed, intake.refused) == (0, 2)
        assert Customer.objects.get().name == "Anne"
        assert "since the preview" in text_of(answer)

    def test_starts_once(self, organization):
        intake = checked_import(organization)
        client = sign_in(organization, role="finance_lead")

        act(client, intake, "start")
        act(client, intake, "start")

        assert Customer.objects.get().version == 1

    def test_is_not_for_readers(self, organization):
        intake = checked_import(organization)

        answer = act(sign_in(organization, role="finance"), intake, "start")

        assert answer.status_code == 403
        assert not Customer.objects.exists()

    def test_hands_out_refused_rows_that_come_in_again(self, organization):
        intake = checked_import(organization)
        client = sign_in(organization, role="finance_lead")
        act(client, intake, "start")

        answer = client.get(f"/admin/imports/{intake.pk}/refused.xlsx")
        content = b"".join(answer.streaming_content)
        send(client, organization, content, name="refused.xlsx")

        again = Import.objects.order_by("id").first()
        [row] = again.rows.all()
        assert again.header == ["external_id", "name", "country", "row", "problems"]
        assert row.cells[:4] == ["c2", "Bob", "Deutschlnd", "3"]
        assert "Deutschlnd" in row.cells[4]
        assert io.BytesIO(content).read(2) == b"PK"

    def test_can_use_a_file_again(self, organization):
        intake = checked_import(organization)
        client = sign_in(organization, role="finance_lead")
        act(client, intake, "start")

        act(client, intake, "repeat")

        again = Import.objects.order_by("id").first()
        assert (again.state, again.rows.count(), again.new) == ("staged", 2, 0)

    def test_can_be_thrown_away_before_it_begins_alone(self, organization):
        client = sign_in(organization, role="finance_lead")
        begun = checked_import(organization)
        act(client, begun, "start")
        waiting = checked_import(organization)

        act(client, begun, "discard")
        act(client, waiting, "discard")

        assert Import.objects.get() == begun

    def test_puts_its_refused_rows_on_home_until_they_are_dealt_with(self, organization):
        intake = checked_import(organization)
        client = sign_in(organization, role="finance_lead")
        act(client, intake, "start")
        listed = f"/admin/imports/{intake.pk}/"
        assert listed in client.get("/admin/imports/?refused").content.decode()

        act(client, intake, "settle", settled="1")

        assert listed not in client.get("/admin/imports/?refused").content.decode()
