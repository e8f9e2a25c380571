"""The set-up file of the demo."""

from pathlib import Path

from billing.events.models import ChangeRecord
from billing.setup.apply import apply_setup
from billing.setup.report import UNCHANGED

DEMO = Path(__file__).parents[3] / "demo" / "setup.yaml"


class TestDemoFile:
    def test_applies_without_any_variable_and_changes_nothing_the_second_time(self, db):
        first = apply_setup(DEMO.read_text())
        records = ChangeRecord.objects.count()

        second = apply_setup(DEMO.read_text())

        assert UNCHANGED not in first.outcomes.values()
        assert set(second.outcomes.values()) == {UNCHANGED}
        assert ChangeRecord.objects.count() == records
