from typing import Any

from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.core import checks


class BackOfficeConfig(SimpleAdminConfig):
    """Django's admin, with our back office as its site.

    Its screens are loaded by the URLs: commands and jobs that show none do without the memory.
    """

    default_site = "billing.staff.site.BackOffice"

    def ready(self) -> None:
        """Have the screens there before Django checks them."""
        checks.register(_load_screens, checks.Tags.admin)
        super().ready()


def _load_screens(**_options: Any) -> list[checks.CheckMessage]:
    autodiscover()
    return []
