"""The translations lie in the repository, compiled, as the code stands."""

from pathlib import Path

import pytest
from django.conf import settings

from config.catalogs import as_mo, as_po, catalog_file, gathered, languages, renewed

ROOT: Path = settings.BASE_DIR


class TestCatalogs:
    @pytest.mark.parametrize("language", languages())
    def test_are_current(self, language: str) -> None:
        """`make messages` renews them."""
        file = catalog_file(ROOT, language)
        catalog = renewed(ROOT, language, gathered(ROOT))

        assert file.read_bytes() == as_po(catalog)
        assert file.with_suffix(".mo").read_bytes() == as_mo(catalog)


class TestGathered:
    def test_finds_texts_of_pages_and_of_code(self, tmp_path: Path) -> None:
        (tmp_path / "templates").mkdir()
        (tmp_path / "templates" / "page.html").write_text(
            '{% load i18n %}\n  <p>{% translate "Hello" %}\n'
            "{% blocktranslate count n=n %}{{ n }} row{% plural %}"
            "{{ n }} rows{% endblocktranslate %}"
        )
        (tmp_path / "customers").mkdir()
        (tmp_path / "customers" / "words.py").write_text(
            'words = lazy("Bye")\nmore = pgettext("month", "May")\n'
        )

        found = {one.id: one.context for one in gathered(tmp_path) if one.id}

        assert found == {
            "Hello": None,
            ("%(n)s row", "%(n)s rows"): None,
            "Bye": None,
            "May": "month",
        }
