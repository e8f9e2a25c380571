"""`manage.py undo_import`."""

import pytest

from billing.events.actor import SYSTEM
from customers.change import CustomerChange
from customers.imports.run import run_import
from customers.intakes import Import
from customers.models import Customer
from customers.write import write_customers
from tests.customers.builders import make_customer
from tests.customers.imports.bringing import imported, staged
from tests.customers.imports.files import write
from tests.customers.imports.test_command import call

FILE = "external_id,name,city\nc1,Ann,Rome\nc2,Bob,Rome\nc3,Cid,Rome\nc4,Dan,Rome\n"


def edit(organization, **values):
    write_customers(organization.id, [CustomerChange.read(values)], SYSTEM)


@pytest.fixture
def intake(organization, tmp_path):
    """An import that changed c1 and c2 and made c3 and c4; c2 and c4 were edited since."""
    make_customer(organization, external_id="c1", name="Anna", city="Oslo")
    make_customer(organization, external_id="c2", name="Bo", city="Oslo")
    intake = imported(organization, write(tmp_path, FILE))
    edit(organization, external_id="c2", name="Bobby")
    edit(organization, external_id="c4", phone="1")
    return intake


def names():
    kept = Customer.objects.kept().order_by("external_id")
    return list(kept.values_list("external_id", "name", "city"))


class TestUndoImport:
    def test_puts_back_and_lists_what_somebody_changed_since(self, intake):
        code, said = call("undo_import", intake.id.hex[:12])

        assert names() == [("c1", "Anna", "Oslo"), ("c2", "Bobby", "Oslo"), ("c4", "Dan", "Rome")]
        assert code == 1
        assert "4 customers:" in said
        assert "c4: " in said
        assert "c2: " in said

    def test_shows_what_it_would_do(self, intake):
        before = names()

        code, said = call("undo_import", intake.id.hex[:12], dry_run=True)

        assert (code, names()) == (1, before)
        assert "would be put back" in said
        assert "dry run" in said

    def test_does_nothing_the_second_time(self, intake):
        call("undo_import", intake.id.hex[:12])
        before = names()

        _, said = call("undo_import", intake.id.hex[:12])

        assert names() == before
        assert "taken back already" in said

    def test_takes_back_half_an_import_which_then_can_not_go_on(self, organization, tmp_path):
        intake = staged(organization, write(tmp_path, FILE))
        stopped = run_import(intake, lambda now: Import.objects.filter(pk=now.pk).update(
            wants_stop=True))  # fmt: skip
        Import.objects.filter(pk=stopped.pk).update(state=Import.State.RUNNING)

        code, _ = call("undo_import", intake.id.hex[:12])
        again, said = call("import_customers", resume=intake.id.hex[:12])

        assert (code, names()) == (0, [])
        assert (again, "taken back" in said) == (2, True)

    def test_does_not_know_an_import_that_never_was(self, organization):
        assert call("undo_import", "0123456789ab")[0] == 2
