"""Links to a customer's own page, as staff hand them out and end them."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from billing.errors import NotFound
from billing.staff.roles import Ability
from billing.staff.sentences import sentence
from billing.staff.tampering import Tampered
from customers.admin.entries import told
from customers.admin.reading import CustomerPage
from customers.history import timeline
from customers.portal.links import RESOURCE, Link, end_links, hand_out
from customers.submission import submit_once

_SHOWN = 10


class PortalLinks(CustomerPage):
    """Making a link for the customer, which is shown once, and ending all that there are."""

    ability = Ability.EDIT_CUSTOMERS
    tab = ""
    template_name = "admin/customers/portal_links.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show what can be done, and what was done lately."""
        self.find(customer_id)
        return self._page()

    def post(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Make a link, or end all."""
        self.find(customer_id)
        act = {"make": self._make, "end": self._end}.get(request.POST.get("do", ""))
        if act is None:
            raise Tampered("do")
        try:
            return act()
        except NotFound:
            messages.error(request, sentence("customer", "customer_not_found"))
        return HttpResponseRedirect(self._here())

    def _make(self) -> HttpResponse:
        made: list[Link] = []

        def make() -> UUID:
            made.append(hand_out(self.customer, self.workplace.actor()))
            return self.customer.pk

        submit_once(self.customer.organization_id, self._token(), make)
        return self._page(made=made[0] if made else None, was_made_before=not made)

    def _end(self) -> HttpResponse:
        end_links(self.customer, self.workplace.actor())
        words = _("All links to the page of %(customer)s have ended.")
        messages.success(self.request, words % {"customer": self.customer})
        return HttpResponseRedirect(self._here())

    def _page(self, made: Link | None = None, *, was_made_before: bool = False) -> HttpResponse:
        organization_id, customer_id = self.customer.organization_id, self.customer.pk
        entries = timeline(organization_id, customer_id, limit=_SHOWN, resource=RESOURCE)
        return self.show(
            made=made,
            was_made_before=was_made_before,
            token=uuid4(),
            entries=told(organization_id, entries, None),
            is_about_links=True,
        )

    def _token(self) -> UUID:
        try:
            return UUID(self.request.POST.get("token", ""))
        except ValueError:
            raise Tampered("token") from None

    def _here(self) -> str:
        return self.link("admin:customer_portal")
