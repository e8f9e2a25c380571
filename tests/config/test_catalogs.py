"""The translations lie in the repository, compiled, and say what the texts say.

A new text is no failure: it is shown in English until `make messages` gathers it and somebody
translates it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import allauth
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from config.catalogs import as_mo, as_po, catalog_file, gathered, kept, languages, reworded

ROOT: Path = settings.BASE_DIR
# What is put into a text when it is shown.
_PLACES = re.compile(r"%\(\w+\)s|%s|%d")


def misplaced(catalog: Catalog) -> Iterator[str]:
    """Return the translations that put in something else than their text."""
    for one in catalog:
        texts = [one.id] if isinstance(one.id, str) else list(one.id)
        wanted = set(_PLACES.findall(texts[-1]))
        for words in [one.string] if isinstance(one.string, str) else one.string:
            found = set(_PLACES.findall(words))
            if words and not (found == wanted or (len(texts) > 1 and found <= wanted)):
                yield words


class TestCatalogs:
    @pytest.mark.parametrize("language", ["en", *languages()])
    def test_are_compiled(self, language: str) -> None:
        """Seen to fail with a translation edited in the .po alone; `make messages` renews both."""
        file = catalog_file(ROOT, language)
        catalog = kept(ROOT, language)

        assert file.read_bytes() == as_po(catalog)
        assert file.with_suffix(".mo").read_bytes() == as_mo(catalog)

    @pytest.mark.parametrize("language", ["en", *languages()])
    def test_put_in_what_their_texts_do(self, language: str) -> None:
        """A place that a text doesn't fill would break the page that shows it."""
        assert list(misplaced(kept(ROOT, language))) == []

    def test_are_caught_where_they_put_in_something_else(self) -> None:
        catalog = Catalog()
        catalog.add("%(n)s rows of %(name)s", "%(n)s lignes de %(nom)s")

        assert list(misplaced(catalog)) == ["%(n)s lignes de %(nom)s"]


class TestReworded:
    """Of what allauth says; a text that it words anew would be shown in its own words again."""

    def test_is_what_allauth_says(self) -> None:
        """Seen to fail with one letter of a text changed."""
        file = Path(allauth.__file__).parent / "locale" / "de" / "LC_MESSAGES" / "django.po"
        with file.open("rb") as opened:
            theirs = read_po(opened)

        unknown = [one.id for one in reworded(ROOT) if one.id and theirs.get(one.id) is None]

        assert unknown == []

    @pytest.mark.parametrize(
        ("language", "words"), [("en", "Second factor"), ("fr", "Second facteur")]
    )
    def test_is_said_in_our_words(self, language: str, words: str) -> None:
        with translation.override(language):
            assert gettext("Two-Factor Authentication") == words


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
