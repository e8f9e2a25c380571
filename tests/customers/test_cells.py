"""Cells that no spreadsheet takes for a formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.cells import neutralize, restore

FORMULAS = [
    "=1+1",
    "+49 30 1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠a",
]


class TestNeutralize:
    @pytest.mark.parametrize("text", FORMULAS)
    def test_marks_what_a_spreadsheet_would_calculate(self, text):
        assert neutralize(text) == f"'{text}"

    @pytest.mark.parametrize("text", ["Ann", "'s-Hertogenbosch", "a=1", " =1", "0123"])
    def test_leaves_other_texts_alone(self, text):
        assert neutralize(text) == restore(text) == text

    def test_tells_the_empty_text_from_nothing(self):
        assert neutralize("") == "'"

    @given(st.text(alphabet=st.sampled_from("'=+-@\t\ra＝"), max_size=5) | st.text())
    def test_is_undone_by_restore(self, text):
        """Fails when an apostrophe of the text itself is not marked."""
        assert restore(neutralize(text)) == text
        assert neutralize(text)[0] not in "=+-@\t\r\n＝＋－＠"
