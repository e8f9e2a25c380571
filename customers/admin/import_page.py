"""What the pages of imports share."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as lazy

from billing.staff.forms import OTHER_ORGANIZATION
from billing.staff.numbers import whole_number
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from customers.intakes import Import

_NUMBER_MAX = 2_147_483_647


class OneImportPage(StaffPage):
    """A page about one import of the organization one works in."""

    ability = Ability.HISTORY
    title = lazy("Import")
    template_name = "admin/imports/import.html"
    section = "imports"

    def find(self, import_id: UUID) -> Import:
        """Return the import.

        :raises Http404: if it is none of this organization.
        """
        here = Import.objects.filter(organization=self.workplace.organization, pk=import_id).first()
        if here is None:
            raise Http404
        return here


def is_elsewhere(page: StaffPage) -> bool:
    """Return whether the form was opened in another organization; then it says so."""
    if page.request.POST.get("organization") == str(page.workplace.organization.pk):
        return False
    messages.error(page.request, OTHER_ORGANIZATION)
    return True


def same_file(intake: Import) -> Import | None:
    """Return the import that brought the same file in before, if there is one."""
    same = Import.objects.filter(
        organization=intake.organization_id, sha256=intake.sha256, state=Import.State.DONE
    )
    return same.filter(id__gt=intake.pk).order_by("id").first()


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def number_of(text: str) -> int | None:
    """Return the number of a row that a text names, None if it names none."""
    return whole_number(text, _NUMBER_MAX)


def to(name: str, *values: Any) -> HttpResponse:
    return HttpResponseRedirect(reverse(name, args=values))
