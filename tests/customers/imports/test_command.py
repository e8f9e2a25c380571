"""`manage.py import_customers`, as an operator meets it."""

import io
import re

import pytest
from django.core.management import CommandError, call_command

from customers.intakes import Import, ImportRow
from customers.models import Customer
from tests.billing.builders import make_organization
from tests.customers.imports.files import write

GOOD = "external_id,name\nc1,Ann\nc2,Bob\n"
BAD = GOOD + "c3,Cid,x\n"


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def call(*words, **options):
    """Return the exit code and what the command says."""
    out = io.StringIO()
    code = 0
    try:
        call_command(*map(str, words), stdout=out, **options)
    except SystemExit as ended:
        code = ended.code
    except CommandError as error:
        code = error.returncode
        out.write(f"{error}\n")
    return code, out.getvalue()


class TestImportCustomers:
    def test_sums_up_to_the_rows_of_the_file(self, organization, tmp_path):
        code, said = call("import_customers", write(tmp_path, GOOD), organization="acme")

        assert code == 0
        assert "2 rows: 2 new, 0 changed, 0 unchanged, 0 refused." in said

    def test_keeps_no_rows_of_what_went_well(self, organization, tmp_path):
        call("import_customers", write(tmp_path, GOOD), organization="acme")

        intake = Import.objects.get()
        assert intake.emptied_at is not None
        assert not intake.rows.exists()

    def test_keeps_rows_for_those_who_mend_what_was_refused(self, organization, tmp_path):
        call("import_customers", write(tmp_path, GOOD + ",Eve\n"), organization="acme")

        intake = Import.objects.get()
        assert intake.emptied_at is None
        assert intake.rows.count() == 3

    def test_writes_refused_rows_to_a_file_that_can_be_mended(self, organization, tmp_path):
        rows = "c1,Ann,\nc2,Bob,\n=c3,Ünal,\nc4,',\n,Eve,\n"
        path = write(tmp_path, "external_id,name,=1+1\n" + rows)
        mapping = write(
            tmp_path, "columns: {external_id: external_id, name: name}\nothers: ignore\n", "m.yaml"
        )

        code, said = call("import_customers", path, "--organization=acme", f"--map={mapping}")

        assert code == 1
        [name] = re.findall(r"customers\.refused-\w+\.csv", said)
        text = (tmp_path / name).read_text(encoding="utf-8-sig")
        # Not even the name of a column is taken for a formula.
        assert text == ("external_id,name,'=1+1,row,problems\n"
                        ",Eve,,6,external_id: This can't be empty.\n")  # fmt: skip
        (tmp_path / name).write_text(text.replace(",Eve", "c5,Eve"))
        mended = call(
            "import_customers", tmp_path / name, "--organization=acme", f"--map={mapping}"
        )
        assert mended[0] == 0
        assert Customer.objects.get(external_id="c5").name == "Eve"
        assert Customer.objects.filter(external_id="=c3").exists()

    def test_shows_what_would_happen_and_leaves_nothing(self, organization, tmp_path):
        path = write(tmp_path, BAD)

        code, said = call("import_customers", path, organization="acme", dry_run=True)

        assert code == 1
        assert "3 rows: 2 would be new, 0 would change, 0 unchanged, 1 refused." in said
        assert "dry run" in said
        assert not Customer.objects.exists()
        assert not Import.objects.exists()
        assert not ImportRow.objects.exists()

    def test_writes_nothing_of_a_bad_file_if_told_to_stop(self, organization, tmp_path):
        path = write(tmp_path, BAD)

        code, said = call("import_customers", path, organization="acme", on_error="stop")

        assert code == 2
        assert "Nothing was imported" in said
        assert not Customer.objects.exists()

    def test_stop_writes_all_of_a_good_file(self, organization, tmp_path):
        path = write(tmp_path, GOOD)

        assert call("import_customers", path, organization="acme", on_error="stop")[0] == 0
        assert Customer.objects.count() == 2

    @pytest.mark.parametrize(
        "content, options, words",
        [
            ("external_id,Firma\nc1,x\n", {}, "Did you mean legal_name?"),
            (GOOD, {"organization": "acem"}, "There is no organization acem. There are: acme"),
            (GOOD, {"organization": None}, "Which --organization?"),
            (GOOD, {"map": "none.yaml"}, "none.yaml can't be read: No such file"),
            (b"\x89PNG", {}, "a PNG file, whatever its name says. Export"),
            ("external_id,name\n", {}, "no row follows"),
        ],
    )
    def test_does_nothing_and_says_why(self, organization, tmp_path, content, options, words):
        path = write(tmp_path, content)

        code, said = call("import_customers", path, **{"organization": "acme", **options})

        assert (code, words in said) == (2, True), said
        assert not Import.objects.exists()

    def test_takes_the_first_rows_only(self, organization, tmp_path):
        path = write(tmp_path, GOOD)

        _, said = call("import_customers", path, organization="acme", limit=1)

        assert "1 row: 1 new" in said

    def test_says_that_the_file_was_imported_before(self, organization, tmp_path):
        """Red when what another organization imported counts."""
        path = write(tmp_path, GOOD)
        call("import_customers", path, organization=make_organization().slug)
        _, said = call("import_customers", path, organization="acme")
        assert "The same file" not in said

        _, said = call("import_customers", path, organization="acme")

        assert "The same file was imported on" in said
        assert "0 new, 0 changed, 2 unchanged" in said

    def test_keeps_the_reason(self, organization, tmp_path):
        call("import_customers", write(tmp_path, GOOD), organization="acme", reason="Spring")

        assert Import.objects.get().reason == "Spring"

    def test_does_not_resume_what_is_done(self, organization, tmp_path):
        call("import_customers", write(tmp_path, GOOD), organization="acme")

        code, said = call("import_customers", resume=Import.objects.get().id.hex[:12])

        assert (code, "nothing to resume" in said) == (2, True)
