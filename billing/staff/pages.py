"""Pages of the back office that are no list and no form of Django's admin."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.views import View

from billing.staff.roles import Ability
from billing.staff.site import Words, back_office
from billing.staff.workplace import Workplace, workplace


class StaffPage(View):
    """A page within the frame, opened only to those who may do what it is for.

    Its template extends `admin/page.html`.
    """

    ability: ClassVar[Ability]
    title: ClassVar[Words]
    template_name: ClassVar[str]
    # The item of the sidebar that is lit.
    section: ClassVar[str]

    workplace: Workplace

    def dispatch(self, request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        """Answer if the person may.

        :raises PermissionDenied: if not.
        """
        self.workplace = workplace(request)
        self.workplace.require(self.ability)
        request.section = self.section  # type: ignore[attr-defined]  # read by the sidebar
        return super().dispatch(request, *args, **values)

    def render(self, status: int = 200, **context: Any) -> TemplateResponse:
        """Return the page with this in its content."""
        frame = back_office().each_context(self.request) | {"title": self.title}
        return TemplateResponse(self.request, self.template_name, frame | context, status=status)
