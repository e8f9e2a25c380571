from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.catalogs import as_mo, as_po, catalog_file, gathered, languages, renewed, reworded


class Command(BaseCommand):
    """Gather what there is to translate, and compile what was translated."""

    help = "Renew the files in locale/ from the code, and compile them."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the files, and say what is left to do."""
        texts = gathered(settings.BASE_DIR)
        catalogs = {one: renewed(settings.BASE_DIR, one, texts) for one in languages()}
        for language, catalog in {"en": reworded(settings.BASE_DIR), **catalogs}.items():
            file = catalog_file(settings.BASE_DIR, language)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(as_po(catalog))
            file.with_suffix(".mo").write_bytes(as_mo(catalog))
            left = sum(not one.string or not all(one.string) for one in catalog if one.id)
            self.stdout.write(f"{language}: {len(catalog)} texts, {left} not translated yet")
