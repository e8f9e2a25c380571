"""The texts of the back office in other languages: gathered from the code, compiled for gettext.

What there is to translate stands in locale/<language>/LC_MESSAGES/django.po. The compiled .mo lies
beside it in the repository, so that a clone runs without a build; a test holds both to the code.
No program outside of Python is needed.

locale/en/ is no translation: it says in our words what the pages of signing in, which a library
brings, say in theirs. What stands there is translated like any text of ours.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

KEYWORDS = {
    "_": None,
    "lazy": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# The same bytes whenever it is made: only texts make a difference.
_NO_TIME = datetime(2026, 1, 1, tzinfo=UTC)

_OURS = "en"

Message = str | tuple[str, ...]


def languages() -> list[str]:
    """Return the languages that are translated to."""
    return [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def gathered(root: Path) -> Catalog:
    """Return every text of the code and the templates, and those of others that we reword."""
    catalog = Catalog()
    for one in reworded(root):
        if one.id:
            catalog.add(one.id, locations=[("locale/en", 0)])
    sources = [*root.glob("templates/**/*.html"), *root.glob("templates/**/*.txt")]
    for place in ("billing", "config", "customers"):
        sources += [one for one in root.glob(f"{place}/**/*.py") if "migrations" not in one.parts]
    for source in sorted(sources):
        name = str(source.relative_to(root))
        for text, context in _texts(source):
            catalog.add(text, locations=[(name, 0)], context=context)
    return catalog


def _texts(source: Path) -> Iterator[tuple[Message, str | None]]:
    code = source.read_text()
    if source.suffix != ".py":
        # What templatize leaves of a page is calls among letters; indentation would mean something.
        code = "\n".join(line.strip() for line in templatize(code).splitlines())
    for _, function, texts, _ in extract_python(io.BytesIO(code.encode()), KEYWORDS, (), {}):
        found = [texts] if isinstance(texts, str) else list(texts)
        context = found.pop(0) if "pgettext" in str(function) else None
        wanted = found[: 2 if str(function).startswith("n") else 1]
        if all(wanted):
            yield tuple(wanted) if len(wanted) > 1 else wanted[0], context


def catalog_file(root: Path, language: str) -> Path:
    """Return where the texts of a language stand."""
    return root / "locale" / language / "LC_MESSAGES" / "django.po"


def reworded(root: Path) -> Catalog:
    """Return the texts of others, with what we say in their place."""
    return kept(root, _OURS)


def kept(root: Path, language: str) -> Catalog:
    """Return what was translated so far."""
    file = catalog_file(root, language)
    if not file.exists():
        return Catalog(locale=language)
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def renewed(root: Path, language: str, texts: Catalog) -> Catalog:
    """Return the translations of today's texts; what nobody says any more is dropped."""
    catalog = kept(root, language)
    catalog.update(texts, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.fuzzy = False
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """Return the file that people translate in."""
    out = io.BytesIO()
    write_po(out, catalog, width=100, omit_header=True, sort_output=True, include_lineno=False)
    return out.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """Return the file that gettext reads."""
    catalog.creation_date = catalog.revision_date = _NO_TIME
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()
